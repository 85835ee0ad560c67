#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/assessment.h"
#include "pipeline/feature_file.h"
#include "pipeline/params.h"
#include "pipeline/steps.h"
#include "pipeline/summary.h"
#include "pipeline/synthetic.h"
#include "quality/follow.h"
#include "quality/quality.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::int64_t kMostTiles = 400;
constexpr double kSquareTiles = 2;  // side of the squares whose places a bootstrap draws together
constexpr double kChance = 0.05;  // p above which a round trip counts as none

// The steps that one judge's figures rest on.
struct Measure {
    Judge judge;
    Artifact yardstick;
    std::optional<OtherSection> other;
    std::optional<Artifact> follow;

    std::vector<std::string> inputs() const {
        std::vector<std::string> ids = {yardstick.id};
        if (other) ids.push_back(other->features.id);
        if (follow) ids.push_back(follow->id);
        return ids;
    }
};

Measure prepare(Section& section, Judge judge, const Artifact& yardstick, const std::optional<Artifact>& held_out_tiles) {
    Measure measure{std::move(judge), yardstick, {}, {}};
    measure.other = other_section_step(section, measure.judge);
    if (held_out_tiles) measure.follow = follow_step(section, *held_out_tiles, yardstick, measure.judge);
    return measure;
}

// Tiles of held-out profiles, drawn as the synthetic tiles were; or nothing, and why.
std::optional<Artifact> draw_held_out(Section& section, const Artifact& split, const Artifact& synthesized, std::string& reason) {
    const int per_spot = section.params().at("seeds_per_spot");
    const auto held_out = json::parse(read_file(split.folder / "split.json")).at("held_out").size();
    const auto trained = json::parse(read_file(split.folder / "split.json")).at("train").size();
    if (per_spot == 0)
        reason = "it was not asked for (--seeds-per-spot 0)";
    else if (static_cast<std::int64_t>(std::min(held_out, trained)) < kFewestSpots)
        reason = std::to_string(held_out) + " held-out and " + std::to_string(trained) + " training spots are too few to tell; " + std::to_string(kFewestSpots) + " of each are needed";
    if (!reason.empty()) return std::nullopt;
    json sampling = json::parse(synthesized.provenance.params);
    for (const char* of_profiles : {"number", "interpolate"}) sampling.erase(of_profiles);
    return held_out_tiles_step(section, upstream(section.project(), synthesized, "adapt"), sampling, per_spot);
}

// Of the places of the reference: they lie closer than a tile is wide.
Groups groups_of_places(Section& section, const Matrix& centres) {
    std::vector<double> x, y;
    for (std::int64_t i = 0; i < centres.rows; ++i) x.push_back(centres.at(i, 0)), y.push_back(centres.at(i, 1));
    return squares(x, y, kSquareTiles * section.central_info().tile_um / section.pairs()->mpp);
}

// `spot_of`: the spot that each synthetic tile was drawn from.
json figures(Section& section, const Measure& measure, const Matrix& synthetic, const Groups& spot_of, const std::string& no_follow) {
    const fs::path& yardstick = measure.yardstick.folder;
    const Matrix training = read_matrix(yardstick / "train.f32"), views = read_matrix(yardstick / "views.f32"), reference = read_matrix(yardstick / "reference.f32");
    const Matrix other = measure.other ? read_matrix(measure.other->features.folder / "features.f32") : Matrix();
    AssessInputs inputs;
    inputs.synthetic = &synthetic;
    inputs.learnt_views = &views;
    inputs.training = &training;
    inputs.reference = &reference;
    inputs.other = &other;
    inputs.synthetic_group = spot_of;
    inputs.reference_group = groups_of_places(section, read_matrix(yardstick / "centres.f32"));
    inputs.encoder = read_report(measure.yardstick).value("encoder", "");
    inputs.seed = derive_seed(section.seed(), "assess");
    json report = json::parse(assess(inputs, section.ctx()).json());
    if (measure.other && report.at("floor_other_section").is_object()) report["floor_other_section"]["name"] = measure.other->name;
    if (const json of_yardstick = read_report(measure.yardstick); of_yardstick.contains("training_tiles_flagged")) report["training_tiles_flagged"] = of_yardstick.at("training_tiles_flagged");
    report["follows_genes"] = measure.follow ? read_report(*measure.follow) : json{{"skipped", no_follow}};
    return report;
}

// Some of the tiles in the eyes of a judge who has not described them yet.
Matrix described(const Judge& judge, const fs::path& tiles, const JobContext& ctx) {
    TileSet some;
    for (const auto i : evenly(static_cast<std::int64_t>(count_tiles(tiles)), kMostTiles)) some.append(read_tile_folder(tiles, static_cast<std::size_t>(i), 1, ctx).image(0));
    return judge.encoder().encode(some, ctx);
}

Composition composition(Section& section, const fs::path& tiles, const Groups& spot_of, const Matrix& centres) {
    const JobContext& ctx = section.ctx();
    TileSet synthetic, real;
    const auto drawn = evenly(static_cast<std::int64_t>(spot_of.size()), kMostTiles), places = evenly(centres.rows, kMostTiles);
    for (const auto i : drawn) synthetic.append(read_tile_folder(tiles, static_cast<std::size_t>(i), 1, ctx).image(0));
    const CentralInfo& tile = section.central_info();
    for (const auto i : places) {
        ctx.check_stop();
        real.append(section.pairs()->reader->read(centres.at(i, 0), centres.at(i, 1), tile.tile_um, tile.tile_px));
    }
    return compare_composition(real, synthetic, tile.tile_um / tile.tile_px, derive_seed(section.seed(), "composition"), ctx,
                               {of_rows(groups_of_places(section, centres), places), of_rows(spot_of, drawn)});
}

// Said every time, whether it was measured now or before: tiles that look real say nothing of whether they mean anything.
void warn_if_genes_are_not_followed(Section& section, const Artifact& assessed) {
    const json report = read_report(assessed), follows = report.value("follows_genes", json::object());
    const double p = number(follows.value("round_trip", json::object()), "p");  // NaN where it was not measured
    if (!(p > kChance)) return;
    section.ctx().issue({Severity::Warning,
                         "the synthetic tiles do not measurably follow their genes: held-out profiles are read back from them not clearly better than shuffled ones (p " + fixed(p, 3) +
                             "); adapt on more spots before you rely on the gene dial or on synthetic pairs",
                         {}});
}

}  // namespace

Artifact assess_step(Section& section, const Artifact& synthesized) {
    const Artifact split = upstream(section.project(), synthesized, "split");
    const Artifact yardstick = upstream(section.project(), synthesized, "yardstick");
    std::string no_follow, no_outside;
    const auto held_out_tiles = draw_held_out(section, split, synthesized, no_follow);
    const Measure own = prepare(section, own_judge(section, yardstick), yardstick, held_out_tiles);
    std::optional<Measure> outside;
    if (const auto judge = outside_judge(section, own.judge, no_outside)) outside = prepare(section, *judge, yardstick_step(section, split, learnt_tissue(upstream(section.project(), synthesized, "adapt")), *judge), held_out_tiles);

    std::vector<std::string> inputs = {split.id, synthesized.id};
    for (const auto& id : own.inputs()) inputs.push_back(id);
    if (outside)
        for (const auto& id : outside->inputs()) inputs.push_back(id);
    const json params = {{"seeds_per_spot", section.params().at("seeds_per_spot")}, {"figures", kFiguresRevision}};
    const Artifact assessed = section.obtain(section.provenance("assess", inputs, params), [&](const fs::path& staging) {
        const fs::path tiles = synthesized.folder / "tiles";
        const Matrix synthetic = read_matrix(synthesized.folder / "features.f32");
        Groups spot_of;
        for (const TileRecipe& recipe : recipes_of(synthesized, load_split(section, split).train)) spot_of.push_back(recipe.first);
        if (static_cast<std::int64_t>(spot_of.size()) != synthetic.rows) throw Error(ErrorCode::Mismatch, "holds another number of tiles than of profiles; run 'c2l synthesize' again", synthesized.folder);
        json report = figures(section, own, synthetic, spot_of, no_follow);
        report["outside"] = outside ? figures(section, *outside, described(outside->judge, tiles, section.ctx()), of_rows(spot_of, evenly(synthetic.rows, kMostTiles)), no_follow) : json{{"skipped", no_outside}};
        report["composition"] = json::parse(composition(section, tiles, spot_of, read_matrix(yardstick.folder / "centres.f32")).json());
        report["gate"] = pick(read_report(synthesized), {"tiles", "flagged", "flagged_by_encoder", "flagged_by_latents"});
        report["reference_includes_held_out"] = read_report(yardstick).value("reference_includes_held_out", false);
        write_report(staging, report);
    });
    warn_if_genes_are_not_followed(section, assessed);
    return assessed;
}

}  // namespace c2l
