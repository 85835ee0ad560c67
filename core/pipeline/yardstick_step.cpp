// The real tiles that synthetic ones are measured against.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/assessment.h"
#include "pipeline/copy_gate.h"
#include "pipeline/feature_file.h"
#include "pipeline/steps.h"
#include "quality/quality.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostReference = 800;
constexpr std::size_t kFewReference = 200;
constexpr std::size_t kMostTissue = 256;
constexpr double kTissuePitches = 1.5;  // tissue farther from every spot than this may be of another piece, even another patient
constexpr std::size_t kMostOther = kMostReference / 2;  // a floor compares halves of the reference

// What tiles are, for the record of a step that compares them with those of the central model.
nlohmann::json tile_record(Section& section) {
    return {{"tile_px", section.central_info().tile_px}, {"tile_um", section.central_info().tile_um}};
}

bool overlaps(const Places& places, double x, double y, double side) {
    for (std::size_t i = 0; i < places.x.size(); ++i)
        if (std::abs(places.x[i] - x) < side && std::abs(places.y[i] - y) < side) return true;
    return false;
}

struct Reach {
    double near, far;  // level-0 px: no nearer to a held-out spot, no farther from any spot
};

// Random fields of tissue among the spots, none near a held-out one, no two overlapping; and never so many that less than half of the `free` places, or too
// few, would be left clear of them. Those that they cover are taken out of `free`.
Places choose_tissue(Places& free, const TissueGrid& fields, const Places& spots, const Places& held_out, const Reach& reach, double clear_side, std::uint64_t seed) {
    std::vector<std::size_t> order(fields.x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    Random random(seed);
    random.shuffle(order);
    const auto within = [](const Places& places, double x, double y, double distance) {
        for (std::size_t i = 0; i < places.x.size(); ++i)
            if (std::hypot(places.x[i] - x, places.y[i] - y) < distance) return true;
        return false;
    };
    const std::size_t least = std::max(kFewReference, free.x.size() / 2);
    Places tissue;
    for (const auto i : order) {
        if (tissue.x.size() == kMostTissue) break;
        const double x = fields.x[i], y = fields.y[i];
        if (within(held_out, x, y, reach.near) || !within(spots, x, y, reach.far)) continue;
        Places left;
        for (std::size_t p = 0; p < free.x.size(); ++p) {
            if (std::abs(free.x[p] - x) < clear_side && std::abs(free.y[p] - y) < clear_side) continue;
            left.x.push_back(free.x[p]);
            left.y.push_back(free.y[p]);
        }
        if (left.x.size() < least) break;
        free = std::move(left);
        tissue.x.push_back(x);
        tissue.y.push_back(y);
    }
    return tissue;
}

void make_yardstick(Section& section, const Artifact& split, bool with_tissue, const TileEncoder& encoder, const fs::path& staging, const nlohmann::json& more = nlohmann::json::object()) {
    const Split parts = load_split(section, split);
    const PairedTiles& pairs = *section.pairs();
    const JobContext& ctx = section.ctx();
    const auto [tissue, reference, held_out_included] = ground_of(section, split, parts, with_tissue);
    if (reference.x.size() < 32)
        throw Error(ErrorCode::BadInput, "too little tissue is left beside the training spots to judge synthetic tiles by; use fewer training spots",
                    section.slide_record().path);
    const Places spots = places_of(pairs, parts.train.rows());
    const TileSet train = read_tiles(*pairs.reader, section.central_info(), spots, "yardstick", "training tiles", ctx);
    TileSet learnt = train;
    const TileSet seen = read_tiles(*pairs.reader, section.central_info(), tissue, "yardstick", "tissue without genes", ctx);
    for (std::size_t i = 0; i < seen.count(); ++i) learnt.append(seen.image(i));
    const TileSet real = read_tiles(*pairs.reader, section.central_info(), reference, "yardstick", "other real tiles", ctx);
    const Matrix train_features = encoder.encode(train, ctx), views = encoder.encode(dihedral_views(learnt), ctx), real_features = encoder.encode(real, ctx);
    write_matrix(staging / "train.f32", train_features);
    write_matrix(staging / "views.f32", views);
    write_matrix(staging / "reference.f32", real_features);
    const double learnt_side = kAdaptMargin * section.central_info().tile_um / pairs.mpp;
    const auto overlap = [&](std::int64_t a, std::int64_t b) {
        const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
        return std::abs(spots.x[i] - spots.x[j]) < learnt_side && std::abs(spots.y[i] - spots.y[j]) < learnt_side;
    };
    Matrix centres(static_cast<std::int64_t>(reference.x.size()), 2);
    for (std::int64_t i = 0; i < centres.rows; ++i) {
        centres.at(i, 0) = static_cast<float>(reference.x[static_cast<std::size_t>(i)]);
        centres.at(i, 1) = static_cast<float>(reference.y[static_cast<std::size_t>(i)]);
    }
    write_matrix(staging / "centres.f32", centres);
    nlohmann::json report = {{"encoder", encoder.name()}, {"n_train", train.count()}, {"n_tissue", tissue.x.size()}, {"n_reference", real.count()},
                             {"training_tiles_flagged", flagged_training_tiles(train_features, views, real_features, overlap, ctx)},
                             {"training_tiles_flagged_by_gate", flagged_training_tiles(train_features, views, real_features, overlap, ctx, kGateShare)},
                             {"reference_includes_held_out", held_out_included}};
    report.update(more);
    write_report(staging, report);
}

}  // namespace

Ground ground_of(Section& section, const Artifact& split, const Split& parts, bool with_tissue) {
    const PairedTiles& pairs = *section.pairs();
    const double tile_um = section.central_info().tile_um, side = tile_um / pairs.mpp, clear_side = clear_of_learnt_um(tile_um) / pairs.mpp, pitch = pairs.pitch_um / pairs.mpp;
    const TissueGrid grid = tissue_grid(*section.slide(), section.mask(), tile_um / 2);
    const Places train = places_of(pairs, parts.train.rows()), held_out = places_of(pairs, parts.held_out.rows());
    Places clear, all;
    for (std::size_t i = 0; i < grid.x.size(); ++i) {
        if (overlaps(train, grid.x[i], grid.y[i], clear_side)) continue;
        all.x.push_back(grid.x[i]);
        all.y.push_back(grid.y[i]);
        if (overlaps(held_out, grid.x[i], grid.y[i], side)) continue;
        clear.x.push_back(grid.x[i]);
        clear.y.push_back(grid.y[i]);
    }
    Ground ground;
    if (with_tissue) {
        const double margin = nlohmann::json::parse(split.provenance.params).at("margin").get<double>() * pitch;
        const Reach reach{std::max(margin, std::sqrt(2.0) * clear_side), std::max(kTissuePitches * pitch, side)};
        ground.tissue = choose_tissue(clear, tissue_grid(*section.slide(), section.mask(), kAdaptMargin * tile_um), {pairs.x, pairs.y}, held_out, reach, clear_side,
                                      derive_seed(split.provenance.seed, "tissue"));
    }
    ground.held_out_included = ground.tissue.x.empty() && clear.x.size() < kFewReference && clear.x.size() < all.x.size();
    ground.reference = some_of(ground.held_out_included ? all : clear, kMostReference, derive_seed(split.provenance.seed, "yardstick"));
    return ground;
}

bool learnt_tissue(const Artifact& adapted) { return nlohmann::json::parse(adapted.provenance.params).value("tissue", false); }

Places places_of(const PairedTiles& pairs, const std::vector<std::int64_t>& rows) {
    Places places;
    for (const auto row : rows) {
        places.x.push_back(pairs.x[static_cast<std::size_t>(row)]);
        places.y.push_back(pairs.y[static_cast<std::size_t>(row)]);
    }
    return places;
}

Places some_of(const Places& places, std::size_t most, std::uint64_t seed) {
    std::vector<std::size_t> order(places.x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    Random random(seed);
    random.shuffle(order);
    order.resize(std::min(order.size(), most));
    Places chosen;
    for (const auto i : order) {
        chosen.x.push_back(places.x[i]);
        chosen.y.push_back(places.y[i]);
    }
    return chosen;
}

TileSet read_tiles(const TileReader& reader, const CentralInfo& tile, const Places& places, const char* step, const char* message, const JobContext& ctx) {
    TileSet tiles;
    const EtaClock clock;
    const auto total = static_cast<std::int64_t>(places.x.size());
    for (std::int64_t i = 0; i < total; ++i) {
        ctx.check_stop();
        tiles.append(reader.read(places.x[static_cast<std::size_t>(i)], places.y[static_cast<std::size_t>(i)], tile.tile_um, tile.tile_px));
        Progress progress;
        progress.step = step;
        progress.done = i + 1;
        progress.total = total;
        progress.eta_s = clock.eta_s(i + 1, total);
        progress.message = message;
        ctx.progress(progress);
    }
    return tiles;
}

Artifact yardstick_step(Section& section, const Artifact& split, bool with_tissue, const Judge& judge) {
    return section.obtain(section.provenance("yardstick", {split.id, judge.id}, {{"tile", tile_record(section)}, {"tissue", with_tissue}}),
                          [&](const fs::path& staging) { make_yardstick(section, split, with_tissue, judge.encoder(), staging); });
}

Artifact latent_yardstick_step(Section& section, const Artifact& split, bool with_tissue, const Judge& latents) {
    return section.obtain(section.provenance("latent_yardstick", {split.id, latents.id}, {{"tile", tile_record(section)}, {"tissue", with_tissue}}),
                          [&](const fs::path& staging) { make_yardstick(section, split, with_tissue, latents.encoder(), staging, {{"central", section.central_record()}}); });
}

Artifact yardstick_step(Section& section, const Artifact& split, bool with_tissue) {
    return yardstick_step(section, split, with_tissue, {section.encoder_id(), [&]() -> const TileEncoder& { return section.encoder(); }});
}

std::optional<OtherSection> other_section_step(Section& section, const Judge& judge) {
    std::optional<ProjectSlide> other;
    for (const auto& slide : section.project().slides())
        if (!other && !slide.missing && slide.content_id != section.slide_record().content_id) other = slide;
    if (!other) return std::nullopt;
    nlohmann::json scale;
    if (other->mpp) scale = *other->mpp;
    const Provenance provenance = section.provenance("other_section", {other->content_id, judge.id}, {{"mpp", scale}, {"tile", tile_record(section)}});
    try {
        const Artifact features = section.obtain(provenance, [&](const fs::path& staging) {
            const auto slide = open_slide(section.project(), *other, section.ctx());
            const auto reader = make_tile_reader(slide);
            const TissueGrid grid = tissue_grid(*slide, find_tissue(*slide, section.ctx()), section.central_info().tile_um / 2);
            const Places places = some_of({grid.x, grid.y}, kMostOther, derive_seed(section.seed(), "other section"));
            if (places.x.size() < 32) throw Error(ErrorCode::BadInput, "shows too little tissue to compare with", other->path);
            const TileSet tiles = read_tiles(*reader, section.central_info(), places, "other_section", "tiles of another section", section.ctx());
            write_matrix(staging / "features.f32", judge.encoder().encode(tiles, section.ctx()));
            write_report(staging, {{"slide", other->path.filename().string()}, {"tiles", tiles.count()}});
        });
        return OtherSection{features, other->path.filename().string()};
    } catch (const Error& error) {  // a second slide that is no use must not cost the figures of the first
        if (error.code() == ErrorCode::Stopped || error.code() == ErrorCode::Memory || error.code() == ErrorCode::Internal) throw;
        section.ctx().issue({Severity::Warning, "the other slide gives no floor for the quality of synthetic tiles: " + error.line(), {}});
        return std::nullopt;
    }
}

}  // namespace c2l
