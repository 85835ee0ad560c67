#include "pipeline/fit_material.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "spatial/h5ad.h"

namespace c2l {

using nlohmann::json;

namespace {

// The evaluation genes, then the other genes that the map shows.
GenePanel predictor_panel(const TrainTiles& train, const json& p, std::int64_t& eval_genes) {
    const TargetUnit unit = p.at("target") == "log1p_counts" ? TargetUnit::Log1pCounts : TargetUnit::Log1pCp10k;
    std::vector<std::string> genes = GenePanel::choose(train, p.at("eval_genes"), unit).genes;
    eval_genes = static_cast<std::int64_t>(genes.size());
    std::set<std::string> known(genes.begin(), genes.end());
    auto others = p.at("gene_list").get<std::vector<std::string>>();
    const auto variable = GenePanel::choose(train, p.at("map_genes"), TargetUnit::Log1pCp10k).genes;
    others.insert(others.end(), variable.begin(), variable.end());
    for (const auto& gene : others)
        if (known.insert(gene).second) genes.push_back(gene);
    return GenePanel::from_list(train, genes, unit);
}

}  // namespace

std::vector<float> depth_of(const PairedTiles& pairs, const std::vector<std::int64_t>& rows) {
    std::vector<float> depth;
    for (const auto row : rows) depth.push_back(pairs.depth[static_cast<std::size_t>(row)]);
    return depth;
}

Groups neighbours_of(const PairedTiles& pairs, const std::vector<std::int64_t>& rows) {
    constexpr double kPitches = 2, kLeastUm = 176;  // two tiles
    std::vector<double> x, y;
    for (const auto row : rows) x.push_back(pairs.x[static_cast<std::size_t>(row)]), y.push_back(pairs.y[static_cast<std::size_t>(row)]);
    return squares(x, y, std::max(kPitches * pairs.pitch_um, kLeastUm) / pairs.mpp);
}

FitMaterial real_material(const PairedTiles& pairs, const Split& split, const PlaceFeatures& places, const json& p) {
    if (places.rows() != static_cast<std::int64_t>(pairs.size()))
        throw Error(ErrorCode::Mismatch, "the described places are of " + std::to_string(places.rows()) + " spots and the section has " + std::to_string(pairs.size()) + "; run 'c2l run' again");
    FitMaterial material;
    material.panel = predictor_panel(split.train, p, material.eval_genes);
    material.pitch_um = pairs.pitch_um;
    material.inputs.real = places.select(split.train.rows());
    material.inputs.targets = material.panel.values(pairs, split.train.rows());
    material.inputs.depth = depth_of(pairs, split.train.rows());
    material.held_out = places.select(split.held_out.rows());
    material.truth = first_columns(material.panel.values(pairs, split.held_out.rows()), material.eval_genes);
    material.held_out_depth = depth_of(pairs, split.held_out.rows());
    material.held_out_group = neighbours_of(pairs, split.held_out.rows());
    return material;
}

void add_synthetic(FitMaterial& material, const Artifact& synthesized, const PlaceFeatures& synthetic_places, const std::vector<TileRecipe>& recipes) {
    const SpotData table = read_h5ad(synthesized.folder / "profiles.h5ad");
    const auto flagged = table.obs.find("flagged");
    if (flagged == table.obs.end() || flagged->second.size() != recipes.size() || synthetic_places.rows() != static_cast<std::int64_t>(recipes.size()))
        throw Error(ErrorCode::Mismatch, "the synthetic tiles and their table do not belong together; remove the folder and run again", synthesized.folder);
    for (std::size_t i = 0; i < recipes.size(); ++i) {
        if (flagged->second[i] != 0) continue;
        material.kept.push_back(static_cast<std::int64_t>(i));
        material.recipes.push_back(recipes[i]);
    }
    material.flagged = static_cast<std::int64_t>(recipes.size() - material.kept.size());
    FitInputs& inputs = material.inputs;
    inputs.synthetic = synthetic_places.select(material.kept);
    inputs.synthetic_targets = mix(inputs.targets, material.recipes);
    for (const TileRecipe& recipe : material.recipes) {
        inputs.synthetic_parent.push_back(recipe.first);
        inputs.synthetic_parent2.push_back(recipe.second);
    }
}

Matrix first_columns(const Matrix& values, std::int64_t count) {
    Matrix out(values.rows, std::min(count, values.cols));
    for (std::int64_t r = 0; r < out.rows; ++r) std::copy_n(values.row(r), out.cols, out.row(r));
    return out;
}

FitInputs real_only(const FitInputs& inputs) {
    FitInputs out;
    out.real = inputs.real;
    out.targets = inputs.targets;
    out.depth = inputs.depth;
    return out;
}

FitParams fit_params_of(const json& p, std::uint64_t seed) {
    FitParams params;
    params.synthetic_weight = p.at("synthetic_weight");
    params.seed = derive_seed(seed, "fit");
    return params;
}

}  // namespace c2l
