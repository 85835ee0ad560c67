// What a predictor is fitted on and judged by; private to core/pipeline.
#pragma once

#include <optional>

#include "pipeline/recipe.h"
#include "pipeline/steps.h"
#include "predict/predict.h"

namespace c2l {

struct FitMaterial {
    GenePanel panel;                       // the evaluation genes first, then the genes of the map
    std::int64_t eval_genes = 0;           // how many of them are evaluation genes
    FitInputs inputs;                      // training rows only; synthetic part without the tiles that the gate flagged
    double pitch_um = 0;
    PlaceFeatures held_out;
    Matrix truth;                          // held-out rows × evaluation genes
    std::vector<float> held_out_depth;
    Groups held_out_group;                 // neighbours, which intervals draw together
    std::vector<TileRecipe> recipes;       // of the synthetic pairs that are kept,
    std::vector<std::int64_t> kept;        // and which of all tiles they are
    std::int64_t flagged = 0;              // synthetic tiles left out
};

std::vector<float> depth_of(const PairedTiles& pairs, const std::vector<std::int64_t>& rows);
// Spots of one square of a few pitches, at least of two tiles.
Groups neighbours_of(const PairedTiles& pairs, const std::vector<std::int64_t>& rows);
// Panel, inputs and held-out truth of one split; genes are chosen on its training rows.
FitMaterial real_material(const PairedTiles& pairs, const Split& split, const PlaceFeatures& places, const nlohmann::json& fit_params);
// Adds the synthetic pairs; the target of a mixed profile is the same mixture of the targets.
void add_synthetic(FitMaterial& material, const Artifact& synthesized, const PlaceFeatures& synthetic_places, const std::vector<TileRecipe>& recipes);

Matrix first_columns(const Matrix& values, std::int64_t count);
FitInputs real_only(const FitInputs& inputs);
FitParams fit_params_of(const nlohmann::json& fit_params, std::uint64_t seed);

}  // namespace c2l
