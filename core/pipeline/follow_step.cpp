// Tiles generated from the profiles of held-out spots, and whether they follow the genes.
#include <algorithm>

#include "base/error.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/assessment.h"
#include "pipeline/credits.h"
#include "pipeline/feature_file.h"
#include "pipeline/fit_material.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"
#include "quality/follow.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::int64_t kMostSpots = 100;  // beyond it the intervals are narrow enough, and drawing takes its time
constexpr int kFolds = 5;
constexpr int kShown = 16;  // spots on the sheet

// Rows of the held-out spots that are judged by.
std::vector<std::int64_t> judged_rows(const HeldOutTiles& held_out) {
    std::vector<std::int64_t> rows;
    for (const auto i : evenly(static_cast<std::int64_t>(held_out.size()), kMostSpots)) rows.push_back(held_out.rows()[static_cast<std::size_t>(i)]);
    return rows;
}

// The sampler speaks of "synthesize" and shows what it draws; these tiles are no result of their own.
JobContext named(const JobContext& ctx, const char* step) {
    JobContext part = ctx;
    part.on_progress = [&ctx, step](Progress p) {
        p.step = step;
        ctx.progress(p);
    };
    part.on_preview = {};
    return part;
}

// Each real tile beside the first one generated from its profile.
Image beside_each_other(const TileSet& real, const TileSet& generated) {
    TileSet both;
    for (std::size_t i = 0; i < real.count(); ++i) {
        both.append(real.image(i));
        both.append(generated.image(i));
    }
    return contact_sheet(both, 0, both.count(), 8);
}

void draw_held_out(Section& section, const Artifact& adapted, const json& params, const fs::path& work, const fs::path& staging) {
    const auto& inputs = adapted.provenance.inputs;
    if (std::find(inputs.begin(), inputs.end(), section.central_id()) == inputs.end())
        throw Error(ErrorCode::Mismatch, "the adapted generator belongs to another central model; give that one with --central", section.central());
    const Split parts = load_split(section, upstream(section.project(), adapted, "split"));
    const PairedTiles& pairs = *section.pairs();
    const auto rows = judged_rows(parts.held_out);
    const auto m = static_cast<std::int64_t>(rows.size());
    const std::int64_t passes = params.at("seeds_per_spot");
    const fs::path adapter = adapted.folder / "adapter.safetensors";
    const Matrix once = adapter_panel(adapter).standardised(pairs, rows);
    Matrix profiles(m * passes, once.cols);
    std::vector<std::uint64_t> seeds;
    for (std::int64_t i = 0; i < profiles.rows; ++i) {
        std::copy_n(once.row(i % m), once.cols, profiles.row(i));
        seeds.push_back(derive_seed(section.seed(), "held-out tile", static_cast<std::uint64_t>(i)));
    }
    json sampling = params;
    if (const auto batch = section.params().find("sample_batch"); batch != section.params().end() && batch->is_number()) sampling["sample_batch"] = *batch;
    const JobContext ctx = named(section.ctx(), "held_out_tiles");
    draw_tiles(section.central(), adapter, profiles, seeds, sampler_of(sampling, compute_of(section.params())), work, ctx);

    copy_tiles(work, staging / "tiles");
    const auto shown = static_cast<std::size_t>(std::min<std::int64_t>(m, kShown));
    const std::vector<std::int64_t> first(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(shown));
    write_png(staging / "sheet.png", beside_each_other(read_tiles(*pairs.reader, section.central_info(), places_of(pairs, first), "held_out_tiles", "real tiles", section.ctx()), read_tile_folder(work, 0, shown, ctx)),
              "Real tissue tiles of held-out spots, each with a synthetic one to its right, made by C2L Studio from the spot's expression" + and_credits(section.central_record()));
    std::vector<std::string> barcodes;
    for (const auto row : rows) barcodes.push_back(pairs.barcodes[static_cast<std::size_t>(row)]);
    write_report(staging, {{"spots", m}, {"held_out", parts.held_out.size()}, {"tiles_per_spot", passes}, {"barcodes", barcodes}, {"central", section.central_record()}});
}

}  // namespace

std::vector<std::int64_t> evenly(std::int64_t n, std::int64_t most) {
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < std::min(n, most); ++i) rows.push_back(i * n / std::min(n, most));
    return rows;
}

Artifact held_out_tiles_step(Section& section, const Artifact& adapted, const json& sampling, int per_spot) {
    json params = sampling;
    params["seeds_per_spot"] = per_spot;
    // The adapter names its central model.
    const Provenance provenance = section.provenance("held_out_tiles", {upstream(section.project(), adapted, "split").id, adapted.id}, params);
    return section.obtain(provenance, [&](const fs::path& staging) {
        draw_held_out(section, adapted, params, section.project().work_folder(provenance) / "tiles", staging);
    });
}

Artifact follow_step(Section& section, const Artifact& tiles, const Artifact& yardstick, const Judge& judge) {
    const Artifact split = upstream(section.project(), tiles, "split");
    return section.obtain(section.provenance("follow", {split.id, tiles.id, yardstick.id}, {{"figures", kFiguresRevision}}), [&](const fs::path& staging) {
        const JobContext& ctx = section.ctx();
        const Split parts = load_split(section, split);
        const PairedTiles& pairs = *section.pairs();
        const GenePanel panel = adapter_panel(upstream(section.project(), tiles, "adapt").folder / "adapter.safetensors");
        const auto rows = judged_rows(parts.held_out);
        const TileEncoder& encoder = judge.encoder();
        const Matrix train = read_matrix(yardstick.folder / "train.f32"), train_profiles = panel.standardised(pairs, parts.train.rows());
        const Matrix real = encoder.encode(read_tiles(*pairs.reader, section.central_info(), places_of(pairs, rows), "follow", "held-out tiles", ctx), ctx);
        const Matrix profiles = panel.standardised(pairs, rows);
        const Matrix generated = encode_tiles(encoder, tiles.folder / "tiles", count_tiles(tiles.folder / "tiles"), ctx);
        FollowInputs inputs;
        inputs.train_features = &train;
        inputs.train_profiles = &train_profiles;
        const Places learnt = places_of(pairs, parts.train.rows());
        inputs.train_fold = spatial_folds(learnt.x, learnt.y, kFolds, derive_seed(section.seed(), "follow folds"));
        inputs.held_out_features = &real;
        inputs.held_out_profiles = &profiles;
        for (const auto row : rows) inputs.held_out_depth.push_back(pairs.depth[static_cast<std::size_t>(row)]);
        inputs.held_out_group = neighbours_of(pairs, rows);
        inputs.generated = &generated;
        inputs.encoder = encoder.name();
        inputs.seed = derive_seed(section.seed(), "follow");
        json report = json::parse(follow_genes(inputs, ctx).json());
        report["held_out"] = parts.held_out.size();
        write_report(staging, report);
    });
}

}  // namespace c2l
