#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/assessment.h"
#include "pipeline/credits.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/steps.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::string curve_csv(const std::vector<AdaptCurvePoint>& curve) {
    std::ostringstream csv;
    csv << "step,loss,held_out\n";
    for (const auto& point : curve) {
        csv << point.step << ',' << point.loss << ',';
        if (std::isfinite(point.held_out)) csv << point.held_out;
        csv << '\n';
    }
    return csv.str();
}

// "preview-120.png": not the part of a file that a killed run leaves behind.
bool is_preview(const fs::path& path) {
    const std::string stem = path.stem().string(), digits = stem.substr(std::min<std::size_t>(8, stem.size()));
    return path.extension() == ".png" && stem.starts_with("preview-") && !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
}

json adapt_record(const json& given) {
    json p = pick(given, {"genes", "adapt_steps", "adapt_batch", "learning_rate", "gene_dropout", "patience", "full", "tissue"});
    const auto list = path_of(given, "gene_list");
    p["gene_list"] = list.empty() ? std::vector<std::string>() : read_list(list);
    return p;
}

GenePanel condition_panel(const TrainTiles& train, const json& p) {
    const auto list = p.at("gene_list").get<std::vector<std::string>>();
    return list.empty() ? GenePanel::choose(train, p.at("genes"), TargetUnit::Log1pCp10k) : GenePanel::from_list(train, list, TargetUnit::Log1pCp10k);
}

// Said every time, whether it was adapted now or before: everything that is made with such a generator looks as if it worked.
void warn_if_nothing_was_learnt(Section& section, const Artifact& adapted) {
    const json report = read_report(adapted);
    if (report.at("held_out_loss_best").get<double>() < report.at("held_out_loss_before").get<double>()) return;
    section.ctx().issue({Severity::Warning,
                         "the adaptation found nothing better than the central model, so its tiles may ignore the genes; adapt on more spots, for more steps or with another --learning-rate",
                         {}});
}

}  // namespace

Artifact adapt_step(Section& section, const Artifact& split) {
    const json p = adapt_record(section.params());
    const Provenance provenance = section.provenance("adapt", {split.id, section.central_id()}, p);
    const Artifact adapted = section.obtain(provenance, [&](const fs::path& staging) {
        const Split parts = load_split(section, split);
        const GenePanel panel = condition_panel(parts.train, p);
        AdaptParams params;
        params.steps = p.at("adapt_steps");
        params.batch = p.at("adapt_batch");
        params.learning_rate = p.at("learning_rate");
        params.gene_dropout = p.at("gene_dropout");
        params.patience = p.at("patience");
        params.full = p.at("full");
        params.seed = derive_seed(section.seed(), "adapt");
        params.compute = compute_of(section.params());
        const fs::path work = section.project().work_folder(provenance);
        const Places tissue = ground_of(section, split, parts, p.at("tissue")).tissue;
        const AdaptResult result = adapt(section.central(), parts.train, tissue, panel, params, work, staging / "adapter.safetensors", section.ctx());
        for (const auto& entry : fs::directory_iterator(result.work))
            if (is_preview(entry.path()))
                write_png(staging / entry.path().filename(), read_picture(entry.path()),
                          "Synthetic tissue tiles made by C2L Studio while it adapted; not a patient's tissue" + and_credits(section.central_record()));
        write_file(staging / "curve.csv", curve_csv(result.curve));
        write_report(staging, {{"genes", panel.genes.size()},
                               {"central", section.central_record()},
                               {"spots_train", parts.train.size()},
                               {"tissue_tiles", result.tissue_tiles},
                               {"steps", result.curve.empty() ? 0 : result.curve.back().step},
                               {"best_step", result.best_step},
                               {"held_out_loss_before", result.held_out_before},
                               {"held_out_loss_best", result.held_out_best},
                               {"held_out_loss_kept", result.held_out_kept},
                               {"batch", result.batch},
                               {"seconds", result.seconds}});
    });
    warn_if_nothing_was_learnt(section, adapted);
    return adapted;
}

}  // namespace c2l
