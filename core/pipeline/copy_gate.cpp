#include "pipeline/copy_gate.h"

#include "base/error.h"
#include "pipeline/summary.h"

namespace c2l {

void require_few_copies(const nlohmann::json& report, bool allow, const JobContext& ctx) {
    const double share = report.at("copies_fraction").get<double>();
    if (share <= kMostCopies) return;
    const std::string found = report.at("flagged").dump() + " of " + report.at("tiles").dump() + " synthetic tiles (" + fixed(100 * share, 1) + " %) are near copies of training tiles";
    if (!allow)
        throw Error(ErrorCode::BadInput, found + ", and above " + fixed(100 * kMostCopies, 0) +
                                             " % they are not copied out of the project; adapt on more spots or for fewer steps, or give --allow-copies");
    ctx.issue({Severity::Warning, found + "; they were copied out because --allow-copies was given", {}});
}

}  // namespace c2l
