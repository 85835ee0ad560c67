#include <algorithm>

#include "base/file.h"
#include "pipeline/command_table.h"
#include "pipeline/credits.h"
#include "pipeline/main_job.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"
#include "pipeline/summary.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

Params main_job_params() {
    return split_params() + adapt_params() + sample_params() + assess_params() + fit_params() + evaluate_params() + predict_params() + model_params() + compute_params();
}

json main_job(Project& project, const json& params, const JobContext& ctx) {
    Section section(project, params, ctx);
    const Artifact split = split_step(section);
    const Artifact adapted = adapt_step(section, split);
    const Artifact tiles = synthesize_step(section, adapted);
    const Artifact quality = assess_step(section, tiles);
    const Artifact fit = fit_step(section, split, tiles);
    const Artifact evaluation = evaluate_step(section, fit);
    const Artifact map = predict_step(section, fit, {});

    json out = read_report(evaluation);
    out["project"] = project.path().string();
    out["quality"] = read_report(quality);
    out["map"] = read_report(map);
    out["map"]["artifact"] = map.id;
    out["map"]["path"] = (map.folder / "map.h5ad").string();
    out["tiles"] = read_report(tiles);
    out["central"] = out["tiles"].value("central", json());
    out["tiles"]["path"] = (tiles.folder / "tiles").string();
    out["steps"] = section.steps();
    double seconds = 0;
    std::uint64_t peak = 0;
    for (const json& step : section.steps()) {
        seconds += step.at("seconds").get<double>();
        peak = std::max(peak, step.at("peak_memory_bytes").get<std::uint64_t>());
    }
    out["seconds"] = seconds;  // of all steps, whenever they were made
    out["peak_memory_bytes"] = peak;
    return out;
}

std::string main_job_summary(const json& result) {
    return steps_summary(result.at("steps")) + "\n" + quality_summary(result.at("quality")) + "\n" + evaluation_summary(result) + "\nMap\n  " +
           result.at("map").at("path").get<std::string>() + "\n" + credits_line(result);
}

Command run_main_command() {
    const Params own = {{.name = "output", .type = ParamType::Path, .default_value = nullptr, .help = "also write the report to this JSON file", .unit = {}, .choices = {}, .letter = "o"}};
    return {"run", "the main job: adapt, synthesise, assess, fit, evaluate, predict; does only what is missing", project_params() + own + main_job_params(),
            [](const json& params, const JobContext& ctx) {
                const auto project = Project::open(path_of(params, "project"), Project::Mode::Write);
                const json result = main_job(*project, params, ctx);
                if (const auto to = path_of(params, "output"); !to.empty()) write_file(to, result.dump(2) + "\n");
                return result;
            },
            main_job_summary};
}

}  // namespace c2l
