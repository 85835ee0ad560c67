#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/feature_file.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/recipe.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"
#include "quality/quality.h"
#include "spatial/h5ad.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::size_t kChunk = 64;  // tiles between two checkpoints

fs::path tile_name(std::size_t i) {
    char name[32];
    std::snprintf(name, sizeof name, "%06zu.png", i);
    return name;
}

Matrix rows_of(const Matrix& values, std::size_t first, std::size_t count) {
    Matrix part(static_cast<std::int64_t>(count), values.cols);
    std::copy_n(values.row(static_cast<std::int64_t>(first)), part.values.size(), part.values.begin());
    return part;
}

JobContext shifted(const JobContext& ctx, std::int64_t offset, std::int64_t total, const EtaClock& clock, std::int64_t before) {
    JobContext part = ctx;
    part.on_progress = [&ctx, offset, total, &clock, before](Progress p) {
        p.step = "synthesize";
        p.done += offset;
        p.total = total;
        p.eta_s = clock.eta_s(p.done - before, total - before);
        ctx.progress(p);
    };
    return part;
}

}  // namespace

SampleParams sampler_of(const json& p, const ComputeParams& compute) {
    SampleParams sampler;
    sampler.sampler = p.at("sampler");
    sampler.steps = p.at("sampler_steps");
    sampler.guidance = p.at("guidance");
    sampler.batch = p.value("sample_batch", sampler.batch);
    sampler.compute = compute;
    return sampler;
}

void draw_tiles(const fs::path& central, const fs::path& adapter, const Matrix& profiles, const std::vector<std::uint64_t>& seeds,
                const SampleParams& sampler, const fs::path& folder, const JobContext& ctx) {
    fs::create_directories(folder);
    const std::size_t n = seeds.size();
    std::size_t done = 0;
    while (done < n && fs::exists(folder / tile_name(done))) ++done;
    done = done / kChunk * kChunk;  // whole chunks are kept from an earlier run that was stopped
    const EtaClock clock;
    const auto before = static_cast<std::int64_t>(done);
    for (; done < n; done += kChunk) {
        ctx.check_stop();
        const std::size_t count = std::min(kChunk, n - done);
        const std::vector<std::uint64_t> part(seeds.begin() + static_cast<std::ptrdiff_t>(done), seeds.begin() + static_cast<std::ptrdiff_t>(done + count));
        const TileSet tiles = synthesize(central, adapter, rows_of(profiles, done, count), part, sampler,
                                         shifted(ctx, static_cast<std::int64_t>(done), static_cast<std::int64_t>(n), clock, before));
        Preview preview;
        preview.step = "synthesize";
        preview.done = static_cast<std::int64_t>(done + count);
        for (std::size_t i = 0; i < count; ++i) {
            const fs::path path = folder / tile_name(done + i);
            write_png(path, tiles.image(i), "Synthetic tissue tile made by C2L Studio; not a patient's tissue. Seed " + std::to_string(part[i]));
            if (i < 8) preview.paths.push_back(path.string());
        }
        ctx.preview(preview);
    }
}

TileSet read_tile_folder(const fs::path& folder, std::size_t first, std::size_t count, const JobContext& ctx) {
    TileSet tiles;
    for (std::size_t i = first; i < first + count; ++i) {
        if (i % 64 == 0) ctx.check_stop();
        tiles.append(read_picture(folder / tile_name(i), std::int64_t{1} << 22));
    }
    return tiles;
}

std::size_t count_tiles(const fs::path& folder) {
    std::size_t n = 0;
    while (fs::exists(folder / tile_name(n))) ++n;
    return n;
}

void copy_tiles(const fs::path& from, const fs::path& to) {
    const std::size_t n = count_tiles(from);
    std::error_code failed;
    fs::create_directories(to, failed);
    if (failed) throw Error(ErrorCode::Io, "the folder cannot be made; choose another place", to, failed.message());
    for (std::size_t i = 0; i < n; ++i)
        replace_file(to / tile_name(i), [&](const fs::path& part) { fs::copy_file(from / tile_name(i), part, fs::copy_options::overwrite_existing); });
    std::vector<fs::path> surplus;
    for (fs::directory_iterator entry(to, failed), end; !failed && entry != end; entry.increment(failed)) {
        const std::string stem = entry->path().stem().string();
        if (stem.size() < 6 || stem.size() > 9 || stem.find_first_not_of("0123456789") != std::string::npos) continue;
        if (const std::size_t i = std::stoul(stem); i >= n && entry->path().filename() == tile_name(i)) surplus.push_back(entry->path());
    }
    for (const auto& path : surplus) fs::remove(path, failed);
}

Matrix encode_tiles(const TileEncoder& encoder, const fs::path& folder, std::size_t n, const JobContext& ctx) {
    Matrix features;
    constexpr std::size_t kAtOnce = 512;
    for (std::size_t first = 0; first < n; first += kAtOnce) {
        const Matrix part = encoder.encode(read_tile_folder(folder, first, std::min(kAtOnce, n - first), ctx), ctx);
        features.cols = part.cols;
        features.rows += part.rows;
        features.values.insert(features.values.end(), part.values.begin(), part.values.end());
    }
    return features;
}

TileSet load_tiles(const Artifact& synthesized, const JobContext& ctx) {
    const fs::path folder = synthesized.folder / "tiles";
    return read_tile_folder(folder, 0, count_tiles(folder), ctx);
}

namespace {

// One row per tile: the profile in the panel's unit, where it comes from, and whether the gate found it too near to a training tile.
SpotData profile_table(const PairedTiles& pairs, const TrainTiles& train, const GenePanel& panel, const Matrix& profiles,
                       const std::vector<TileRecipe>& recipes, const CopyCheck& copies) {
    SpotData table;
    table.format = "h5ad";
    table.expression = ExpressionMatrix::from_dense(profiles, panel.genes, ExpressionUnit::Log1p);
    for (std::size_t i = 0; i < recipes.size(); ++i) {
        const auto a = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(recipes[i].first)]);
        const auto b = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(recipes[i].second)]);
        const double share = recipes[i].share;
        table.spots.barcodes.push_back(tile_name(i).stem().string());
        table.spots.x.push_back((1 - share) * pairs.x[a] + share * pairs.x[b]);
        table.spots.y.push_back((1 - share) * pairs.y[a] + share * pairs.y[b]);
        table.spots.array_row.push_back(-1);
        table.spots.array_col.push_back(-1);
        table.spots.in_tissue.push_back(1);
        table.labels["source"].push_back(pairs.barcodes[a]);
        table.labels["source2"].push_back(pairs.barcodes[b]);
        table.labels["seed"].push_back(std::to_string(recipes[i].seed));
        table.obs["share"].push_back(static_cast<float>(share));
        table.obs["flagged"].push_back(copies.flagged[i] ? 1.f : 0.f);
    }
    return table;
}

}  // namespace

std::vector<TileRecipe> recipes_of(const Artifact& synthesized, const TrainTiles& train) {
    const json p = json::parse(synthesized.provenance.params);
    return make_recipes(train, p.at("number"), p.at("interpolate"), derive_seed(synthesized.provenance.seed, "synthesize"));
}

Artifact synthesize_step(Section& section, const Artifact& adapted) {
    const Artifact split = upstream(section.project(), adapted, "split");
    const auto& inputs = adapted.provenance.inputs;
    if (std::find(inputs.begin(), inputs.end(), section.central_id()) == inputs.end())
        throw Error(ErrorCode::Mismatch, "the adapted generator belongs to another central model; give that one with --central", section.central());
    const Artifact yardstick = yardstick_step(section, split);
    // The batch is not recorded: the same seed gives the same tile whatever its size.
    const json p = pick(section.params(), {"number", "interpolate", "sampler", "sampler_steps", "guidance"});
    const Provenance provenance = section.provenance("synthesize", {split.id, adapted.id, yardstick.id, section.central_id()}, p);
    return section.obtain(provenance, [&](const fs::path& staging) {
        const Split parts = load_split(section, split);
        const fs::path adapter = adapted.folder / "adapter.safetensors";
        const GenePanel panel = adapter_panel(adapter);
        const auto recipes = make_recipes(parts.train, p.at("number"), p.at("interpolate"), derive_seed(section.seed(), "synthesize"));
        std::vector<std::uint64_t> seeds;
        for (const auto& recipe : recipes) seeds.push_back(recipe.seed);
        const Matrix values = mix(panel.values(*section.pairs(), parts.train.rows()), recipes);
        Matrix standardised = values;
        panel.standardise(standardised);
        json sampling = p;
        sampling["sample_batch"] = section.params().at("sample_batch");
        const fs::path work = section.project().work_folder(provenance) / "tiles";
        draw_tiles(section.central(), adapter, standardised, seeds, sampler_of(sampling, compute_of(section.params())), work, section.ctx());

        const Matrix features = encode_tiles(section.encoder(), work, seeds.size(), section.ctx());
        const CopyCheck copies = check_copies(features, read_matrix(yardstick.folder / "views.f32"), read_matrix(yardstick.folder / "reference.f32"),
                                              read_matrix(yardstick.folder / "train.f32"));
        const SpotData table = profile_table(*section.pairs(), parts.train, panel, values, recipes, copies);
        H5adContent content;
        content.data = &table;
        content.library = section.slide_record().path.stem().string();
        content.provenance_json = json{{"id", provenance.id()}, {"step", "synthesize"}, {"params", p}, {"inputs", provenance.inputs}, {"seed", provenance.seed}}.dump();
        write_h5ad(staging / "profiles.h5ad", content);
        write_matrix(staging / "features.f32", features);
        fs::create_directories(staging / "tiles");  // by name: a killed run leaves parts of files behind
        for (std::size_t i = 0; i < seeds.size(); ++i) fs::copy_file(work / tile_name(i), staging / "tiles" / tile_name(i));
        write_png(staging / "sheet.png", contact_sheet(read_tile_folder(work, 0, std::min<std::size_t>(32, seeds.size()), section.ctx()), 0, 32, 8),
                  "Synthetic tissue tiles made by C2L Studio; not a patient's tissue");
        write_report(staging, {{"tiles", seeds.size()},
                               {"measured_profiles", std::count_if(recipes.begin(), recipes.end(), [](const TileRecipe& r) { return r.share == 0; })},
                               {"genes", panel.genes.size()},
                               {"flagged", std::count(copies.flagged.begin(), copies.flagged.end(), 1)},
                               {"copies_fraction", copies.fraction},
                               {"gate_distance", copies.threshold}});
    });
}

}  // namespace c2l
