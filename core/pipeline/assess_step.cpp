#include <algorithm>

#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/feature_file.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"
#include "quality/quality.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::int64_t kMostTiles = 400;

// Some of `n` things, evenly over all of them.
std::vector<std::int64_t> evenly(std::int64_t n, std::int64_t most) {
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < std::min(n, most); ++i) rows.push_back(i * n / std::min(n, most));
    return rows;
}

Composition composition(Section& section, const fs::path& tiles, std::int64_t n, const Matrix& centres) {
    const JobContext& ctx = section.ctx();
    TileSet synthetic, real;
    for (const auto i : evenly(n, kMostTiles)) synthetic.append(read_tile_folder(tiles, static_cast<std::size_t>(i), 1, ctx).image(0));
    for (const auto i : evenly(centres.rows, kMostTiles)) {
        ctx.check_stop();
        real.append(section.pairs()->reader->read(centres.at(i, 0), centres.at(i, 1), kTileUm, kTileSize));
    }
    return compare_composition(real, synthetic, kTileUm / kTileSize, derive_seed(section.seed(), "composition"), ctx);
}

}  // namespace

Artifact assess_step(Section& section, const Artifact& synthesized) {
    const Artifact split = upstream(section.project(), synthesized, "split");
    const Artifact yardstick = upstream(section.project(), synthesized, "yardstick");
    const Provenance provenance = section.provenance("assess", {split.id, synthesized.id, yardstick.id}, json::object());
    return section.obtain(provenance, [&](const fs::path& staging) {
        const Matrix synthetic = read_matrix(synthesized.folder / "features.f32"), train = read_matrix(yardstick.folder / "train.f32"),
                     views = read_matrix(yardstick.folder / "views.f32"), reference = read_matrix(yardstick.folder / "reference.f32");
        AssessInputs inputs;
        inputs.synthetic = &synthetic;
        inputs.train = &train;
        inputs.train_views = &views;
        inputs.reference = &reference;
        inputs.encoder = read_report(yardstick).value("encoder", "");
        inputs.seed = derive_seed(section.seed(), "assess");
        const QualityReport quality = assess(inputs, section.ctx());
        json report = json::parse(quality.json());
        report["composition"] =
            json::parse(composition(section, synthesized.folder / "tiles", synthetic.rows, read_matrix(yardstick.folder / "centres.f32")).json());
        report["reference_includes_held_out"] = read_report(yardstick).value("reference_includes_held_out", false);
        write_report(staging, report);
    });
}

}  // namespace c2l
