#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/feature_file.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"
#include "spatial/h5ad.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kOverviewPx = 2000;
constexpr double kLeastPitchUm = 44;  // half of what the predictor looks at: between bins of 8 µm there is nothing more to see
constexpr float kElsewhere = 1e9f;

// On another slide no training spot is near: far coordinates silence the spatial term of the predictor.
void move_away(PlaceFeatures& places) {
    for (std::size_t i = 0; i < places.blocks.size(); ++i)
        if (places.names[i] == "position")
            for (float& value : places.blocks[i].values) value += kElsewhere;
}

SpotData map_table(const json& grid, const Slide& slide, const GenePanel& panel, Predictor::Prediction&& prediction) {
    SpotData map;
    map.format = "h5ad";
    map.spots.x = grid.at("x").get<std::vector<double>>();
    map.spots.y = grid.at("y").get<std::vector<double>>();
    map.spots.array_row = grid.at("row").get<std::vector<int>>();
    map.spots.array_col = grid.at("col").get<std::vector<int>>();
    const std::size_t n = map.spots.x.size();
    for (std::size_t i = 0; i < n; ++i)
        map.spots.barcodes.push_back("r" + std::to_string(map.spots.array_row[i]) + "c" + std::to_string(map.spots.array_col[i]));
    map.spots.in_tissue.assign(n, 1);
    map.spots.diameter_px = grid.at("pitch_um").get<double>() / *slide.info().mpp;
    map.expression = ExpressionMatrix::from_dense(prediction.mean, panel.genes, panel.unit == TargetUnit::AsGiven ? ExpressionUnit::AsGiven : ExpressionUnit::Log1p);
    map.layers["predicted"] = std::move(prediction.mean);
    map.layers["lower"] = std::move(prediction.lower);
    map.layers["upper"] = std::move(prediction.upper);
    map.obs["in_distribution"] = std::move(prediction.in_distribution);
    return map;
}

double mean_of(const std::vector<float>& values) {
    double sum = 0;
    for (const float v : values) sum += v;
    return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

std::shared_ptr<const Slide> open_target(Section& section, const fs::path& other) {
    if (other.empty()) return section.slide();
    OpenOptions options;
    options.pyramid_cache = section.project().pyramids();
    options.mpp = number_of(section.params(), "mpp");
    auto slide = Slide::open(other, options, section.ctx());
    if (slide->info().id == section.slide_record().content_id) return section.slide();  // the section's own, at the scale it was imported with
    if (!slide->info().mpp) throw Error(ErrorCode::BadInput, "does not say how many µm a pixel has; give it with --mpp", other);
    return slide;
}

}  // namespace

Artifact predict_step(Section& section, const Artifact& fit, const fs::path& other) {
    const Artifact split = upstream(section.project(), fit, "split");
    const auto slide = open_target(section, other);
    const bool own = slide->info().id == section.slide_record().content_id;
    const json recorded = json::parse(read_file(split.folder / "split.json"));
    const double pitch = number_of(section.params(), "pitch").value_or(std::max(std::round(recorded.at("pitch_um").get<double>() * 5) / 10, kLeastPitchUm));
    const Artifact places = map_places_step(section, slide, pitch);
    const Provenance provenance = section.provenance("predict", {split.id, fit.id, places.id}, {{"own_slide", own}});
    return section.obtain(provenance, [&](const fs::path& staging) {
        const Predictor predictor = Predictor::load(fit.folder / "predictor.safetensors");
        if (predictor.encoder_id() != section.encoder_id())
            throw Error(ErrorCode::Mismatch, "the predictor was fitted with another tile encoder; give that one with --encoder", fit.folder);
        PlaceFeatures features = read_places(places.folder);
        if (!own) move_away(features);
        section.ctx().check_stop();
        const SpotData map = map_table(json::parse(read_file(places.folder / "grid.json")), *slide, predictor.panel(), predictor.predict(features));
        H5adContent content;
        content.data = &map;
        content.library = public_name(slide->info().id);
        content.hires = slide->overview(kOverviewPx);
        content.hires_scale = static_cast<double>(content.hires.width) / static_cast<double>(slide->info().width);
        content.spot_diameter_fullres = *map.spots.diameter_px;
        content.provenance_json = json{{"id", provenance.id()}, {"step", "predict"}, {"params", json::parse(provenance.params)}, {"inputs", provenance.inputs},
                                       {"seed", provenance.seed}, {"program", std::string("c2l ") + program_version()}, {"unit", read_report(fit).at("target")}, {"central", read_report(fit).value("central", json())}}
                                      .dump();
        write_h5ad(staging / "map.h5ad", content);
        write_report(staging, {{"points", map.spots.size()},
                               {"pitch_um", pitch},
                               {"genes", predictor.panel().genes.size()},
                               {"unit", read_report(fit).at("target")},
                               {"slide", slide->info().path.filename().string()},
                               {"mean_in_distribution", mean_of(map.obs.at("in_distribution"))}});
    });
}

}  // namespace c2l
