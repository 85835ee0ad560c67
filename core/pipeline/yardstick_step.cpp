// The real tiles that synthetic ones are measured against.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/feature_file.h"
#include "pipeline/steps.h"
#include "quality/quality.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostReference = 800;
constexpr std::size_t kFewReference = 200;

struct Places {
    std::vector<double> x, y;
};

Places places_of(const PairedTiles& pairs, const std::vector<std::int64_t>& rows) {
    Places places;
    for (const auto row : rows) {
        places.x.push_back(pairs.x[static_cast<std::size_t>(row)]);
        places.y.push_back(pairs.y[static_cast<std::size_t>(row)]);
    }
    return places;
}

bool overlaps(const Places& places, double x, double y, double side) {
    for (std::size_t i = 0; i < places.x.size(); ++i)
        if (std::abs(places.x[i] - x) < side && std::abs(places.y[i] - y) < side) return true;
    return false;
}

TileSet read_tiles(const PairedTiles& pairs, const Places& places, const JobContext& ctx, const char* message) {
    TileSet tiles;
    const EtaClock clock;
    const auto total = static_cast<std::int64_t>(places.x.size());
    for (std::int64_t i = 0; i < total; ++i) {
        ctx.check_stop();
        tiles.append(pairs.reader->read(places.x[static_cast<std::size_t>(i)], places.y[static_cast<std::size_t>(i)], kTileUm, kTileSize));
        Progress progress;
        progress.step = "yardstick";
        progress.done = i + 1;
        progress.total = total;
        progress.eta_s = clock.eta_s(i + 1, total);
        progress.message = message;
        ctx.progress(progress);
    }
    return tiles;
}

// A dense grid over the tissue clear of the training tiles; clear of the held-out tiles too, so that they have no say in the copy gate, unless
// the spots lie so densely that hardly anything would be left.
Places reference_places(Section& section, const Split& split, bool& held_out_included) {
    const PairedTiles& pairs = *section.pairs();
    const double side = kTileUm / pairs.mpp;
    const TissueGrid grid = tissue_grid(*section.slide(), section.mask(), kTileUm / 2);
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
    const Places& from = held_out_included ? all : clear;
    std::vector<std::size_t> order(from.x.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    Random random(derive_seed(section.seed(), "yardstick"));
    random.shuffle(order);
    order.resize(std::min(order.size(), kMostReference));
    Places chosen;
    for (const auto i : order) {
        chosen.x.push_back(from.x[i]);
        chosen.y.push_back(from.y[i]);
    }
    return chosen;
}

}  // namespace

Artifact yardstick_step(Section& section, const Artifact& split) {
    return section.obtain(section.provenance("yardstick", {split.id, section.encoder_id()}, nlohmann::json::object()), [&](const fs::path& staging) {
        const Split parts = load_split(section, split);
        const PairedTiles& pairs = *section.pairs();
        const JobContext& ctx = section.ctx();
        bool held_out_included = false;
        const Places reference = reference_places(section, parts, held_out_included);
        if (reference.x.size() < 32)
            throw Error(ErrorCode::BadInput, "too little tissue is left beside the training spots to judge synthetic tiles by; use fewer training spots",
                        section.slide_record().path);
        const TileSet train = read_tiles(pairs, places_of(pairs, parts.train.rows()), ctx, "training tiles");
        const TileSet real = read_tiles(pairs, reference, ctx, "other real tiles");
        const TileEncoder& encoder = section.encoder();
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
    });
}

}  // namespace c2l
