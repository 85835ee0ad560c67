// Features of places, kept between runs: they cost the most and depend on nothing but pixels and the encoder.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "generate/augmented.h"
#include "pipeline/feature_file.h"
#include "pipeline/picture.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::size_t kChunk = 256;  // places between two checkpoints

// `describe(first, count, ctx)` for all chunks of 0 … n, keeping those of an earlier run that was stopped.
template <class Describe>
PlaceFeatures in_chunks(std::size_t n, const fs::path& work, const JobContext& ctx, const char* step, const Describe& describe) {
    PlaceFeatures all;
    const EtaClock clock;
    std::int64_t kept = 0;
    for (std::size_t first = 0; first < n; first += kChunk) {
        ctx.check_stop();
        const std::size_t count = std::min(kChunk, n - first);
        const fs::path folder = work / std::to_string(first);
        if (!has_places(folder)) {
            JobContext part = ctx;
            part.on_progress = [&](const Progress& inner) {
                Progress p = inner;
                p.step = step;
                if (inner.total > 0) p.done = static_cast<std::int64_t>(first) + inner.done * static_cast<std::int64_t>(count) / inner.total;
                p.total = static_cast<std::int64_t>(n);
                p.eta_s = clock.eta_s(p.done - kept, p.total - kept);
                ctx.progress(p);
            };
            write_places(folder, describe(first, count, part));
        } else {
            kept = static_cast<std::int64_t>(first + count);
        }
        append(all, read_places(folder));
    }
    return all;
}

std::vector<double> cut(const std::vector<double>& values, std::size_t first, std::size_t count) {
    return {values.begin() + static_cast<std::ptrdiff_t>(first), values.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

// What lies beside an image of `size` pixels is its mirror image.
int mirrored(int at, int size) {
    const int round = ((at % (2 * size)) + 2 * size) % (2 * size);
    return round < size ? round : 2 * size - 1 - round;
}

// Tiles as the predictor looks at them: the middle of those that show more than it does, at its scale; those that show less are continued by their mirror images.
TileSet as_seen(const TileSet& tiles, double tile_um) {
    if (std::abs(tile_um - kTileUm) < 0.5 && tiles.size == kTileSize) return tiles;
    const int whole = std::max(1, static_cast<int>(std::lround(kTileSize * tile_um / kTileUm))), corner = (whole - kTileSize) / 2;
    TileSet out;
    for (std::size_t i = 0; i < tiles.count(); ++i) {
        const Image scaled = resize(tiles.image(i), whole, whole);
        Image seen(kTileSize, kTileSize);
        for (int y = 0; y < kTileSize; ++y)
            for (int x = 0; x < kTileSize; ++x) std::copy_n(scaled.at(mirrored(x + corner, whole), mirrored(y + corner, whole)), 3, seen.at(x, y));
        out.append(seen);
    }
    return out;
}

// An augmented view of the tile of each source's spot; `first`: the number of the first one among all.
TileSet views_of(const TrainTiles& train, const std::vector<SyntheticSource>& sources, std::uint64_t seed, std::size_t first, const JobContext& ctx) {
    constexpr int kReadPx = static_cast<int>(kTileSize * kAdaptMargin);  // room for the window to move, as in the adaptation
    const PairedTiles& pairs = train.pairs();
    TileSet tiles;
    std::map<std::int64_t, std::size_t> known;
    std::vector<std::size_t> which;
    for (const SyntheticSource& source : sources) {
        ctx.check_stop();
        const auto [at, is_new] = known.try_emplace(source.first, tiles.count());
        which.push_back(at->second);
        const auto row = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(source.first)]);
        if (is_new) tiles.append(pairs.reader->read(pairs.x[row], pairs.y[row], kTileUm * kReadPx / kTileSize, kReadPx));
    }
    return augmented_views(tiles, which, kTileSize, seed, first);
}

}  // namespace

Artifact places_step(Section& section) {
    const json p = section.pairing_params();
    Provenance provenance = section.provenance(
        "places", {section.slide_record().content_id, section.spots_record().content_id, section.encoder_id()}, p);
    provenance.seed = 0;  // nothing here is random
    return section.obtain(provenance, [&](const fs::path& staging) {
        const auto pairs = section.pairs();
        const TileEncoder& encoder = section.encoder();
        write_places(staging, in_chunks(pairs->size(), section.project().work_folder(provenance), section.ctx(), "places",
                                        [&](std::size_t first, std::size_t count, const JobContext& ctx) {
                                            return describe_places(*pairs->reader, cut(pairs->x, first, count), cut(pairs->y, first, count),
                                                                   pairs->mpp, &encoder, ctx);
                                        }));
    });
}

Artifact synthetic_places_step(Section& section, const Artifact& synthesized, const Artifact& places) {
    const Artifact split = upstream(section.project(), synthesized, "split");
    const Provenance provenance = section.provenance("synthetic_places", {split.id, synthesized.id, places.id, section.encoder_id()}, json::object());
    return section.obtain(provenance, [&](const fs::path& staging) {
        const Split parts = load_split(section, split);
        const PlaceFeatures train = read_places(places.folder).select(parts.train.rows());
        std::vector<SyntheticSource> sources;
        for (const TileRecipe& recipe : recipes_of(synthesized, parts.train)) sources.push_back({recipe.first, recipe.second, recipe.share});
        const TileEncoder& encoder = section.encoder();
        const double tile_um = read_report(synthesized).value("tile_um", section.central_info().tile_um);
        write_places(staging, in_chunks(sources.size(), section.project().work_folder(provenance), section.ctx(), "synthetic_places",
                                        [&](std::size_t first, std::size_t count, const JobContext& ctx) {
                                            const std::vector<SyntheticSource> part(sources.begin() + static_cast<std::ptrdiff_t>(first),
                                                                                    sources.begin() + static_cast<std::ptrdiff_t>(first + count));
                                            return describe_synthetic(as_seen(read_tile_folder(synthesized.folder / "tiles", first, count, ctx), tile_um), train, part,
                                                                      &encoder, ctx);
                                        }));
    });
}

Artifact augmented_places_step(Section& section, const Artifact& synthesized, const Artifact& places) {
    constexpr int kRevision = 1;  // of how views are made, part of the identity
    const Artifact split = upstream(section.project(), synthesized, "split");
    const Provenance provenance = section.provenance("augmented_places", {split.id, synthesized.id, places.id, section.encoder_id()}, {{"revision", kRevision}});
    return section.obtain(provenance, [&](const fs::path& staging) {
        const Split parts = load_split(section, split);
        const PlaceFeatures train = read_places(places.folder).select(parts.train.rows());
        std::vector<SyntheticSource> sources;
        for (const TileRecipe& recipe : recipes_of(synthesized, parts.train)) sources.push_back({recipe.first, recipe.first, 0});
        const TileEncoder& encoder = section.encoder();
        const std::uint64_t seed = derive_seed(section.seed(), "augment");
        write_places(staging, in_chunks(sources.size(), section.project().work_folder(provenance), section.ctx(), "augmented_places",
                                        [&](std::size_t first, std::size_t count, const JobContext& ctx) {
                                            const std::vector<SyntheticSource> part(sources.begin() + static_cast<std::ptrdiff_t>(first),
                                                                                    sources.begin() + static_cast<std::ptrdiff_t>(first + count));
                                            return describe_synthetic(views_of(parts.train, part, seed, first, ctx), train, part, &encoder, ctx);
                                        }));
    });
}

Artifact map_places_step(Section& section, const std::shared_ptr<const Slide>& slide, double pitch_um) {
    const bool own = slide->info().id == section.slide_record().content_id;
    const json p = {{"mpp", *slide->info().mpp}, {"pitch_um", pitch_um}, {"min_tissue", section.params().at("min_tissue")}};
    Provenance provenance = section.provenance("map_places", {slide->info().id, section.encoder_id()}, p);
    provenance.seed = 0;  // nothing here is random
    return section.obtain(provenance, [&](const fs::path& staging) {
        const TissueGrid grid = tissue_grid(*slide, own ? section.mask() : find_tissue(*slide, section.ctx()), pitch_um, p.at("min_tissue"));
        if (grid.x.empty()) throw Error(ErrorCode::BadInput, "no tissue was found on the slide; check it, or lower --min-tissue", slide->info().path);
        const auto reader = make_tile_reader(slide);
        const TileEncoder& encoder = section.encoder();
        const json points = {{"x", grid.x}, {"y", grid.y}, {"row", grid.row}, {"col", grid.col}, {"pitch_um", grid.pitch_um}};
        write_file(staging / "grid.json", points.dump());
        write_places(staging, in_chunks(grid.x.size(), section.project().work_folder(provenance), section.ctx(), "map_places",
                                        [&](std::size_t first, std::size_t count, const JobContext& ctx) {
                                            return describe_places(*reader, cut(grid.x, first, count), cut(grid.y, first, count), *slide->info().mpp,
                                                                   &encoder, ctx);
                                        }));
    });
}

}  // namespace c2l
