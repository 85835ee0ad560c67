// Which profile each synthetic tile is drawn from; private to core/pipeline.
#pragma once

#include <cstdint>
#include <vector>

#include "base/matrix.h"
#include "dataset/tiles.h"

namespace c2l {

// The profile is (1 - share) × that of `first` + share × that of `second`: positions within the training rows.
struct TileRecipe {
    std::int64_t first = 0, second = 0;
    double share = 0;  // 0: the measured profile of `first`; never above a half, so that `first` stays the main parent
    std::uint64_t seed = 0;
};

// `number` recipes (0: four for each training spot), going round the training spots; the given share of them lies between a spot and one of
// its spatial neighbours among the training spots. Held-out spots take no part.
std::vector<TileRecipe> make_recipes(const TrainTiles& train, std::int64_t number, double interpolate, std::uint64_t seed);

// Rows of `values` (one per training spot) mixed by the recipes.
Matrix mix(const Matrix& values, const std::vector<TileRecipe>& recipes);

}  // namespace c2l
