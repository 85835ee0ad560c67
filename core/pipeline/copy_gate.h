// Synthetic tiles leave the project only when they are not copies; private to core/pipeline.
#pragma once

#include <nlohmann/json.hpp>

#include "base/job.h"

namespace c2l {

constexpr double kMostCopies = 0.02;  // share of flagged tiles

// `report`: that of the synthesize step. Throws Error(BadInput) above kMostCopies unless the user allowed it, which becomes an issue.
void require_few_copies(const nlohmann::json& report, bool allow, const JobContext& ctx);

}  // namespace c2l
