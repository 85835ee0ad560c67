#include "pipeline/copy_gate.h"

#include <cmath>

#include "base/error.h"
#include "pipeline/summary.h"

namespace c2l {

void require_few_copies(const nlohmann::json& report, bool allow, const JobContext& ctx) {
    const double share = report.at("copies_fraction").get<double>();
    if (share <= kMostCopies) return;
    std::string found = report.at("flagged").dump() + " of " + report.at("tiles").dump() + " synthetic tiles (" + fixed(100 * share, 1) + " %) are near copies of training tiles";
    if (const double real = number(report, "training_tiles_flagged"); std::isfinite(real)) found += " (" + fixed(100 * real, 1) + " % of the training tiles are as near to one another)";
    if (!allow)
        throw Error(ErrorCode::BadInput, found + ", and above " + fixed(100 * kMostCopies, 0) +
                                             " % they are not copied out of the project; adapt on more spots or for fewer steps, or give --allow-copies");
    ctx.issue({Severity::Warning, found + "; they were copied out because --allow-copies was given", {}});
}

}  // namespace c2l
