#include "base/error.h"
#include "base/file.h"
#include "pipeline/command_table.h"
#include "pipeline/export.h"
#include "pipeline/import.h"
#include "pipeline/main_job.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"
#include "sample/sample.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// Small enough for a few minutes on two CPU cores.
const json& demo_defaults() {
    static const json values = {{"spots", 100}, {"genes", 100}, {"adapt_steps", 300}, {"number", 200}, {"sampler_steps", 8}, {"repeats", 10}};
    return values;
}

constexpr const char* kSampleRecord = "sample-files.json";
constexpr const char* kHalfSample = ".sample.part";  // takes the name "sample" when it is whole

// The demo replaces what lies in its folder, so it takes an empty one or one of its own.
void check_folder(const fs::path& folder) {
    if (fs::exists(folder / "sample" / kSampleRecord)) return;
    std::error_code failed;
    for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed))
        if (entry->path().filename() != kHalfSample)
            throw Error(ErrorCode::BadInput, "holds other files than those of a demo; choose a new or empty folder with -o", folder);
}

SampleFiles sample_in(const fs::path& folder, std::uint64_t seed, double size_mm, const JobContext& ctx) {
    const fs::path done = folder / kSampleRecord;
    if (fs::exists(done)) {
        const json files = json::parse(read_file(done), nullptr, false);
        if (files.is_object() && files.value("seed", std::uint64_t{0}) == seed && files.value("size_mm", 0.0) == size_mm)
            return {folder / files.at("slide").get<std::string>(), folder / files.at("counts").get<std::string>(),
                    folder / files.at("spots").get<std::string>(), folder / files.at("truth").get<std::string>()};
        throw Error(ErrorCode::BadInput, "holds a sample of another seed or size; choose another folder", folder);
    }
    const fs::path part = folder.parent_path() / kHalfSample;
    std::error_code failed;
    fs::remove_all(part, failed);  // of a demo that was cut short
    const SampleFiles made = write_sample(part, seed, ctx, size_mm);
    write_file(part / kSampleRecord, json{{"seed", seed}, {"size_mm", size_mm}, {"slide", made.slide.filename().string()}, {"counts", made.counts.filename().string()},
                          {"spots", made.spots.filename().string()}, {"truth", made.truth.filename().string()}}
                         .dump(2) + "\n");
    fs::rename(part, folder, failed);
    if (failed) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", folder, failed.message());
    return {folder / made.slide.filename(), folder / made.counts.filename(), folder / made.spots.filename(), folder / made.truth.filename()};
}

json run_demo(json params, const JobContext& ctx) {
    if ((!params.at("fraction").is_null() || !path_of(params, "spot_list").empty()) && params.at("spots") == demo_defaults().at("spots")) params["spots"] = 0;  // the demo's own number gives way
    const fs::path folder = path_of(params, "output");
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) throw Error(ErrorCode::Io, "the folder cannot be made; choose another with -o", folder, failed.message());
    check_folder(folder);
    const EtaClock clock;
    const SampleFiles sample = sample_in(folder / "sample", seed_of(params), params.at("size_mm"), ctx);
    const fs::path file = folder / "simulated-section.c2l";
    // A demo stopped during the import leaves a project without spots.
    if (!fs::exists(file) || Project::open(file, Project::Mode::Write)->spots().empty())
        import_section({file, sample.slide, sample.spots, sample.counts, std::nullopt, "simulated", {}}, ctx);
    const auto project = Project::open(file, Project::Mode::Write);
    json result = main_job(*project, params, ctx);
    result["sample"] = "simulated section: made by the program, no patient's tissue";
    result["elapsed_seconds"] = clock.elapsed_s();
    const auto map = project->find(result.at("map").at("artifact"));
    export_map(*project, params, "h5ad", folder / "map.h5ad", ctx, map);
    const json figure = export_map(*project, params, "png", folder / "figure.png", ctx, map);
    copy_tiles(result.at("tiles").at("path").get<std::string>(), folder / "tiles");  // past the copy gate: a drawing's tiles are nobody's secret
    result["outputs"] = {{"folder", fs::absolute(folder).lexically_normal().string()}, {"map", "map.h5ad"}, {"figure", "figure.png"}, {"figure_gene", figure.at("gene")},
                         {"tiles", "tiles"}, {"report", "report.json"}};
    write_file(folder / "report.json", result.dump(2) + "\n");
    return result;
}

}  // namespace

Command demo_command() {
    Param output{.name = "output", .type = ParamType::Path, .default_value = "c2l-demo", .help = "folder for the sample, the project and the results", .unit = {}, .choices = {}, .letter = "o"};
    const Param size{.name = "size_mm", .type = ParamType::Number, .default_value = kSampleWidthMm, .help = "width of the simulated section", .unit = "mm", .low = 0.5, .high = 20, .choices = {}, .letter = {}};
    const Param gene{.name = "gene", .type = ParamType::Text, .default_value = "", .help = "the gene of the figure", .unit = {}, .choices = {}, .letter = "g"};
    Params params = Params{output, size, gene} + main_job_params();
    for (Param& param : params)
        if (const auto value = demo_defaults().find(param.name); value != demo_defaults().end()) param.default_value = *value;
    return {"demo", "the main job on a simulated section, in minutes on two CPU cores", params, run_demo, [](const json& r) {
                return "Simulated section (made by the program, no patient's tissue)\n" + main_job_summary(r) + "\nResults\n  " +
                       r.at("outputs").at("folder").get<std::string>() + "\n";
            }};
}

}  // namespace c2l
