#include "pipeline/copy_gate.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "pipeline/summary.h"

namespace c2l {

Copies::Copies(const CopyCheck& encoder, const CopyCheck& latents) {
    for (std::size_t i = 0; i < encoder.flagged.size(); ++i) flagged.push_back(encoder.flagged[i] || latents.flagged[i]);
    const auto count = [](const std::vector<std::uint8_t>& flags) { return std::count(flags.begin(), flags.end(), 1); };
    report = {{"flagged", count(flagged)},
              {"flagged_by_encoder", count(encoder.flagged)},
              {"flagged_by_latents", count(latents.flagged)},
              {"copies_fraction", flagged.empty() ? 0.0 : static_cast<double>(count(flagged)) / static_cast<double>(flagged.size())},
              {"gate_distance", encoder.threshold},
              {"gate_distance_latents", latents.threshold}};
}

void require_few_copies(const nlohmann::json& report, bool allow, const JobContext& ctx) {
    const double share = report.at("copies_fraction").get<double>();
    if (share <= kMostCopies) return;
    std::string found = report.at("flagged").dump() + " of " + report.at("tiles").dump() + " synthetic tiles (" + fixed(100 * share, 1) + " %) are near copies of training tiles";
    const double by_encoder = number(report, "training_tiles_flagged_by_encoder"), by_latents = number(report, "training_tiles_flagged_by_latents");
    if (std::isfinite(by_encoder) && std::isfinite(by_latents))
        found += " (of the training tiles themselves " + fixed(100 * by_encoder, 1) + " % are as near to one another in the eyes of the tile encoder and " + fixed(100 * by_latents, 1) + " % in those of the generator)";
    if (!allow)
        throw Error(ErrorCode::BadInput, found + ", and above " + fixed(100 * kMostCopies, 0) +
                                             " % they are not copied out of the project; adapt on more spots or for fewer steps, or give --allow-copies");
    ctx.issue({Severity::Warning, found + "; they were copied out because --allow-copies was given", {}});
}

}  // namespace c2l
