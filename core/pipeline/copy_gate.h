// Synthetic tiles leave the project only when they are not copies; private to core/pipeline.
#pragma once

#include <nlohmann/json.hpp>

#include <vector>

#include "base/job.h"
#include "quality/quality.h"

namespace c2l {

constexpr double kMostCopies = 0.02;            // share of flagged tiles
constexpr double kGateShare = kCopyShare / 2;   // of each of the two checks, so that both together flag about as much of what is no copy as one did

// Near copies as the tile encoder sees them, or as the generator does: the one knows what tissue looks alike, the other what lies in the same places.
struct Copies {
    std::vector<std::uint8_t> flagged;  // by either
    nlohmann::json report;              // flagged, …_by_encoder, …_by_latents, copies_fraction, gate_distance, gate_distance_latents

    Copies(const CopyCheck& encoder, const CopyCheck& latents);
};

// `report`: that of the synthesize step. Throws Error(BadInput) above kMostCopies unless the user allowed it, which becomes an issue.
void require_few_copies(const nlohmann::json& report, bool allow, const JobContext& ctx);

}  // namespace c2l
