// The single steps as commands: each goes on from the newest result of the step before it.
#include "base/error.h"
#include "base/file.h"
#include "pipeline/command_table.h"
#include "pipeline/copy_gate.h"
#include "pipeline/credits.h"
#include "pipeline/foreign_adapter.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"
#include "pipeline/summary.h"
#include "pipeline/synthetic.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::unique_ptr<Project> open_project(const json& params) { return Project::open(path_of(params, "project"), Project::Mode::Write); }

// The report of a step with where it lies and what was done.
json answer(const Section& section, const Artifact& artifact) {
    json out = read_report(artifact);
    out["project"] = section.project().path().string();
    out["artifact"] = artifact.id;
    out["folder"] = artifact.folder.string();
    out["steps"] = section.steps();
    out["seconds"] = artifact.seconds;
    out["peak_memory_bytes"] = artifact.peak_memory_bytes;
    return out;
}

std::string folder_summary(const json& result, const std::string& head) { return head + "\n  " + result.at("folder").get<std::string>() + "\n" + credits_line(result); }

void copy_out(const fs::path& from, const fs::path& to) {
    replace_file(to, [&](const fs::path& part) { fs::copy_file(from, part, fs::copy_options::overwrite_existing); });
}

// For a step that goes on from an earlier split unless the caller asks for another.
Params optional_split_params() {
    Params params = split_params();
    for (Param& param : params) {
        if (!param.default_value.is_null()) param.help += "; as in the earlier steps when not given";
        param.default_value = nullptr;
    }
    return params;
}

// Tells whether any of them was given, and completes them for a new split. (Without min_counts the section keeps that of the split, or its own.)
json fill_split(json params, bool& given) {
    given = false;
    for (const Param& param : split_params()) {
        if (!params.at(param.name).is_null())
            given = true;
        else if (param.name != "min_counts")
            params[param.name] = param.default_value;
    }
    return params;
}

Param output(std::string help) {
    return {.name = "output", .type = ParamType::Path, .default_value = nullptr, .help = std::move(help), .unit = {}, .choices = {}, .letter = "o"};
}

// Which profiles tiles are drawn from; without any of them between measured ones, for training the predictor.
Params profile_params() {
    return {{.name = "from_spots", .type = ParamType::Flag, .default_value = false, .help = "only the measured profiles of the training spots (as --interpolate 0)", .unit = {}, .choices = {}, .letter = {}},
            {.name = "profiles", .type = ParamType::Path, .default_value = nullptr, .help = "profiles of this h5ad (cells or spots × genes; counts or log1p) instead; apart from the pairs that the predictor learns from",
             .unit = {}, .choices = {}, .letter = {}},
            {.name = "dial", .type = ParamType::Text, .default_value = "",
             .help = "a paired series instead: each training spot's own profile and, from the same seed, each setting alone: GENE=SD,SD,…,GENE=SD,… (standard deviations from the mean of the training spots); "
                     "-n is the number of spots, 8 when not given",
             .unit = {}, .choices = {}, .letter = {}},
            companions_param(),
            {.name = "adapter", .type = ParamType::Path, .default_value = nullptr,
             .help = "draw with this adapter of another institution (c2l export adapter) instead of the project's own; its tiles are apart from the pairs that the predictor learns from", .unit = {},
             .choices = {}, .letter = {}}};
}

// The split whose training spots tiles are drawn of when the project need not have adapted anything itself.
Artifact any_split(Section& section) {
    const auto known = section.newest("split");
    const Artifact split = known ? *known : split_step(section);
    section.go_on_from(split);
    return split;
}

Artifact draw_own(Section& section, const fs::path& profiles, const std::string& dial) {
    const Artifact adapted = section.need("adapt", "adapt");
    section.go_on_from(upstream(section.project(), adapted, "split"));
    if (!profiles.empty()) return imported_tiles_step(section, adapted, profiles);
    return dial.empty() ? synthesize_step(section, adapted) : dial_tiles_step(section, adapted, dial);
}

Param allow_copies() {
    return {.name = "allow_copies", .type = ParamType::Flag, .default_value = false, .help = "copy the tiles out even when more than 2 % of them are near copies of training tiles",
            .unit = {}, .choices = {}, .letter = {}};
}

}  // namespace

Command adapt_command() {
    return {"adapt", "train the local generator on a few spots",
            project_params() + split_params() + adapt_params() + model_params() + compute_params(),
            [](const json& params, const JobContext& ctx) {
                const auto project = open_project(params);
                Section section(*project, params, ctx);
                return answer(section, adapt_step(section, split_step(section)));
            },
            [](const json& r) {
                return folder_summary(r, "Adapted on " + r.at("spots_train").dump() + " spots" + (r.at("tissue_tiles") == 0 ? "" : ", " + r.at("tissue_tiles").dump() + " tiles of tissue without genes") + " and " + r.at("genes").dump() + " genes; held-out flow loss " +
                                             fixed(number(r, "held_out_loss_before"), 4) + " → " + fixed(r.value("held_out_loss_kept", number(r, "held_out_loss_best")), 4));
            }};
}

Command synthesize_command() {
    return {"synthesize", "draw synthetic tiles with their gene profiles from the local generator",
            project_params() + sample_params() + profile_params() + Params{output("also copy the tiles and their table to this folder"), allow_copies()} + model_params() + compute_params(),
            [](json params, const JobContext& ctx) {
                const fs::path profiles = path_of(params, "profiles");
                const std::string dial = params.at("dial");
                if (params.at("from_spots").get<bool>() + !profiles.empty() + !dial.empty() > 1)
                    throw Error(ErrorCode::BadInput, "--from-spots, --profiles and --dial are three different sources; give one of them");
                if (dial.empty() && params.at("companions").get<bool>()) throw Error(ErrorCode::BadInput, "--companions goes with --dial; name the gene to turn");
                if (params.at("from_spots").get<bool>()) params["interpolate"] = 0.0;
                const fs::path foreign = path_of(params, "adapter");
                if (!foreign.empty() && !dial.empty())
                    throw Error(ErrorCode::BadInput, "--dial turns genes among the spots that an adapter was trained on, which are not here for --adapter; leave out one of them");
                for (const Param& param : split_params())  // for a project that has no split yet; without min_counts the section keeps that of its split
                    if (param.name != "min_counts") params[param.name] = param.default_value;
                const auto project = open_project(params);
                Section section(*project, params, ctx);
                const Artifact made = foreign.empty() ? draw_own(section, profiles, dial) : foreign_tiles_step(section, any_split(section), foreign, profiles);
                if (const auto to = path_of(params, "output"); !to.empty()) {
                    require_few_copies(read_report(made), params.at("allow_copies"), ctx);
                    copy_tiles(made.folder / "tiles", to / "tiles");
                    for (const char* part : {"profiles.h5ad", "sheet.png"}) copy_out(made.folder / part, to / part);
                }
                return answer(section, made);
            },
            [](const json& r) { return folder_summary(r, r.at("tiles").dump() + " synthetic tiles, " + r.at("flagged").dump() + " flagged as near copies" +
                                             (r.contains("out_of_range") ? ", " + r.at("out_of_range").dump() + " outside what the generator was adapted on" : "")); }};
}

Command assess_command() {
    return {"assess", "quality report of the synthetic tiles: distances, copies, composition, whether they follow the genes",
            project_params() + assess_params() + model_params() + compute_params(),
            [](const json& params, const JobContext& ctx) {
                const auto project = open_project(params);
                Section section(*project, params, ctx);
                const Artifact made = section.need("synthesize", "synthesize");
                section.go_on_from(upstream(*project, made, "split"));
                return answer(section, assess_step(section, made));
            },
            [](const json& r) { return quality_summary(r) + credits_line(r); }};
}

Command fit_command() {
    const Params own = {{.name = "real_only", .type = ParamType::Flag, .default_value = false, .help = "leave the synthetic pairs out", .unit = {}, .choices = {}, .letter = {}}};
    return {"fit", "fit the expression predictor on real and synthetic pairs",
            project_params() + fit_params() + own + optional_split_params() + model_params() + compute_params(),
            [](const json& params, const JobContext& ctx) {
                const auto project = open_project(params);
                bool own_split = false;
                const json filled = fill_split(params, own_split);
                Section section(*project, filled, ctx);
                const auto made = params.at("real_only").get<bool>() ? std::nullopt : section.newest("synthesize");
                if (made && own_split)
                    throw Error(ErrorCode::BadInput, "the synthetic tiles belong to their own choice of spots; leave out the options that choose spots, or add --real-only",
                                project->path());
                const auto split = made ? std::optional<Artifact>(upstream(*project, *made, "split")) : own_split ? std::nullopt : section.newest("split");
                if (split) section.go_on_from(*split);
                return answer(section, fit_step(section, split ? *split : split_step(section), made));
            },
            [](const json& r) {
                return folder_summary(r, "Fitted on " + r.at("spots_train").dump() + " spots and " + r.at("synthetic_pairs").dump() + " synthetic pairs of weight " +
                                             fixed(number(r, "synthetic_weight"), 2));
            }};
}

Command evaluate_command() {
    return {"evaluate", "held-out figures of the predictor, with its controls", project_params() + evaluate_params() + compute_params(),
            [](const json& params, const JobContext& ctx) {
                const auto project = open_project(params);
                Section section(*project, params, ctx);
                const Artifact fit = section.need("fit", "fit");
                section.go_on_from(upstream(*project, fit, "split"));
                return answer(section, evaluate_step(section, fit));
            },
            [](const json& r) { return evaluation_summary(r) + credits_line(r); }};
}

Command predict_command() {
    const Params own = {{.name = "slide", .type = ParamType::Path, .default_value = nullptr, .help = "predict on this slide instead of the project's", .unit = {}, .choices = {}, .letter = {}},
                        {.name = "mpp", .type = ParamType::Number, .default_value = nullptr, .help = "µm per pixel of that slide, when it does not say", .unit = "µm", .low = 0.01, .high = 100,
                         .choices = {}, .letter = {}},
                        output("also copy the map to this h5ad file")};
    return {"predict", "dense expression map over the tissue", project_params() + own + predict_params() + model_params() + compute_params(),
            [](const json& params, const JobContext& ctx) {
                const auto project = open_project(params);
                Section section(*project, params, ctx);
                const Artifact fit = section.need("fit", "fit");
                section.go_on_from(upstream(*project, fit, "split"));
                const Artifact map = predict_step(section, fit, path_of(params, "slide"));
                if (const auto to = path_of(params, "output"); !to.empty()) copy_out(map.folder / "map.h5ad", to);
                return answer(section, map);
            },
            [](const json& r) { return folder_summary(r, "Map of " + r.at("genes").dump() + " genes at " + r.at("points").dump() + " points, " + r.at("pitch_um").dump() + " µm apart"); }};
}

}  // namespace c2l
