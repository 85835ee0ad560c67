#include "pipeline/foreign_adapter.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "pipeline/credits.h"
#include "pipeline/steps.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

json export_adapter(Project& project, const json& params, const fs::path& to, const JobContext& ctx) {
    const Section section(project, params, ctx);
    const fs::path file = section.need("adapt", "adapt").folder / "adapter.safetensors";
    const AdapterInfo info = adapter_info(file);  // nothing damaged is given away
    replace_file(to, [&](const fs::path& part) { fs::copy_file(file, part, fs::copy_options::overwrite_existing); });
    return {{"what", "adapter"},
            {"file", to.string()},
            {"bytes", fs::file_size(to)},
            {"genes", info.panel.genes.size()},
            {"training", json::parse(info.training_json)},
            {"central", {{"architecture", info.central_architecture}, {"licence", info.central_licence}, {"attribution", info.central_attribution}}}};
}

ForeignAdapter open_foreign_adapter(Section& section, const fs::path& file) {
    ForeignAdapter adapter{file, {}, adapter_info(file)};
    adapter.id = sha256_file(file);
    const AdapterInfo& info = adapter.info;
    if (info.central != section.central_id())
        throw Error(ErrorCode::Mismatch,
                    "was adapted from another central model" + (info.central_architecture.empty() ? std::string() : " (" + info.central_architecture + ")") + ", the one with SHA-256 " +
                        info.central.substr(0, 12) + "…, and the one in use has " + section.central_id().substr(0, 12) + "…; give that one with --central",
                    file);
    return adapter;
}

ProfileSet profiles_for(const ForeignAdapter& adapter, const Section& section, const TrainTiles& train, const std::vector<TileRecipe>& recipes) {
    const ExpressionMatrix& measured = train.pairs().expression;
    const fs::path& file = section.spots_record().spots.empty() ? section.spots_record().counts : section.spots_record().spots;
    if (measured.unit != (adapter.info.panel.unit == TargetUnit::AsGiven ? ExpressionUnit::AsGiven : ExpressionUnit::Counts))
        throw Error(ErrorCode::Mismatch, std::string("holds ") + to_string(measured.unit) + ", and the adapter was made of " + to_string(adapter.info.panel.unit) + "; import raw counts, or take another adapter", file);
    json report = json::object();
    std::vector<Issue> issues;
    const auto columns = find_genes(measured, adapter.info.panel, file, "take an adapter of the same species and gene names, or --profiles", report, issues);
    GenePanel panel = adapter.info.panel;  // by the names they have here
    for (std::size_t g = 0; g < columns.size(); ++g)
        if (columns[g] >= 0) panel.genes[g] = measured.genes[static_cast<std::size_t>(columns[g])];
    ProfileSet set = measured_profiles(train.pairs(), train, panel, recipes);
    for (std::size_t g = 0; g < columns.size(); ++g)
        if (columns[g] < 0)
            for (std::int64_t r = 0; r < set.values.rows; ++r) set.values.at(r, static_cast<std::int64_t>(g)) = panel.mean[g];
    set.report.update(report);
    set.table.issues = std::move(issues);
    return set;
}

}  // namespace c2l
