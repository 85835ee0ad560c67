// The real tiles that synthetic ones are measured against.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/assessment.h"
#include "pipeline/feature_file.h"
#include "pipeline/steps.h"
#include "quality/quality.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostReference = 800;
constexpr std::size_t kFewReference = 200;
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

// A dense grid over the tissue clear of the training tiles; clear of the held-out tiles too, so that they have no say in the copy gate, unless
// the spots lie so densely that hardly anything would be left.
Places reference_places(Section& section, const Split& split, bool& held_out_included) {
    const PairedTiles& pairs = *section.pairs();
    const double side = section.central_info().tile_um / pairs.mpp;
    const TissueGrid grid = tissue_grid(*section.slide(), section.mask(), section.central_info().tile_um / 2);
    const Places train = places_of(pairs, split.train.rows()), held_out = places_of(pairs, split.held_out.rows());
    Places clear, all;
    for (std::size_t i = 0; i < grid.x.size(); ++i) {
        if (overlaps(train, grid.x[i], grid.y[i], side)) continue;
        all.x.push_back(grid.x[i]);
        all.y.push_back(grid.y[i]);
        if (overlaps(held_out, grid.x[i], grid.y[i], side)) continue;
        clear.x.push_back(grid.x[i]);
        clear.y.push_back(grid.y[i]);
    }
    held_out_included = clear.x.size() < kFewReference && clear.x.size() < all.x.size();
    return some_of(held_out_included ? all : clear, kMostReference, derive_seed(section.seed(), "yardstick"));
}

void make_yardstick(Section& section, const Artifact& split, const TileEncoder& encoder, const fs::path& staging) {
    const Split parts = load_split(section, split);
    const PairedTiles& pairs = *section.pairs();
    const JobContext& ctx = section.ctx();
    bool held_out_included = false;
    const Places reference = reference_places(section, parts, held_out_included);
    if (reference.x.size() < 32)
        throw Error(ErrorCode::BadInput, "too little tissue is left beside the training spots to judge synthetic tiles by; use fewer training spots",
                    section.slide_record().path);
    const TileSet train = read_tiles(*pairs.reader, section.central_info(), places_of(pairs, parts.train.rows()), "yardstick", "training tiles", ctx);
    const TileSet real = read_tiles(*pairs.reader, section.central_info(), reference, "yardstick", "other real tiles", ctx);
    write_matrix(staging / "train.f32", encoder.encode(train, ctx));
    write_matrix(staging / "views.f32", encoder.encode(dihedral_views(train), ctx));
    write_matrix(staging / "reference.f32", encoder.encode(real, ctx));
    Matrix centres(static_cast<std::int64_t>(reference.x.size()), 2);
    for (std::int64_t i = 0; i < centres.rows; ++i) {
        centres.at(i, 0) = static_cast<float>(reference.x[static_cast<std::size_t>(i)]);
        centres.at(i, 1) = static_cast<float>(reference.y[static_cast<std::size_t>(i)]);
    }
    write_matrix(staging / "centres.f32", centres);
    write_report(staging, {{"encoder", encoder.name()}, {"n_train", train.count()}, {"n_reference", real.count()}, {"reference_includes_held_out", held_out_included}});
}

}  // namespace

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

Artifact yardstick_step(Section& section, const Artifact& split, const Judge& judge) {
    return section.obtain(section.provenance("yardstick", {split.id, judge.id}, tile_record(section)),
                          [&](const fs::path& staging) { make_yardstick(section, split, judge.encoder(), staging); });
}

Artifact yardstick_step(Section& section, const Artifact& split) {
    return yardstick_step(section, split, {section.encoder_id(), [&]() -> const TileEncoder& { return section.encoder(); }});
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
