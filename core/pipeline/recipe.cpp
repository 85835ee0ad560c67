#include "pipeline/recipe.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace c2l {
namespace {

constexpr std::size_t kNeighbours = 4;
constexpr double kReachPitches = 2.5;

// The nearest few other training spots of each, within reach; at least the nearest one.
std::vector<std::vector<std::int64_t>> neighbours(const TrainTiles& train) {
    const PairedTiles& pairs = train.pairs();
    const double reach = kReachPitches * pairs.pitch_um / pairs.mpp;
    const auto n = static_cast<std::int64_t>(train.size());
    std::vector<std::vector<std::int64_t>> found(train.size());
    for (std::int64_t i = 0; i < n; ++i) {
        std::vector<std::pair<double, std::int64_t>> others;
        const auto a = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(i)]);
        for (std::int64_t k = 0; k < n; ++k) {
            const auto b = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(k)]);
            if (k != i) others.emplace_back(std::hypot(pairs.x[a] - pairs.x[b], pairs.y[a] - pairs.y[b]), k);
        }
        const std::size_t keep = std::min(kNeighbours, others.size());
        std::partial_sort(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(keep), others.end());
        for (std::size_t k = 0; k < keep; ++k)
            if (k == 0 || others[k].first <= reach) found[static_cast<std::size_t>(i)].push_back(others[k].second);
    }
    return found;
}

}  // namespace

std::vector<TileRecipe> make_recipes(const TrainTiles& train, std::int64_t number, double interpolate, std::uint64_t seed) {
    const auto n = static_cast<std::int64_t>(train.size());
    if (number <= 0) number = 4 * n;
    const auto near = neighbours(train);
    const double measured = 1 - interpolate;
    std::vector<TileRecipe> recipes;
    const std::int64_t last_round = number / n, last_number = number % n;
    for (std::int64_t k = 0; k < number; ++k) {
        TileRecipe recipe;
        // A round that is not full takes spots from all over the table, whose order may be that of the section.
        recipe.first = recipe.second = k / n < last_round ? k % n : k % n * n / last_number;
        recipe.seed = derive_seed(seed, "tile", static_cast<std::uint64_t>(k));
        Random random(derive_seed(seed, "mix", static_cast<std::uint64_t>(k)));
        const auto round = static_cast<double>(k / n);
        // Of the rounds over the spots an even share stays with the measured profiles, the first one to begin with.
        const bool mixed = std::ceil((round + 1) * measured - 1e-9) <= std::ceil(round * measured - 1e-9);
        const auto& others = near[static_cast<std::size_t>(recipe.first)];
        if (mixed && !others.empty()) {
            recipe.second = others[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(others.size())))];
            recipe.share = random.uniform(0, 0.5);
        }
        recipes.push_back(recipe);
    }
    return recipes;
}

Matrix mix(const Matrix& values, const std::vector<TileRecipe>& recipes) {
    Matrix out(static_cast<std::int64_t>(recipes.size()), values.cols);
    for (std::size_t i = 0; i < recipes.size(); ++i) {
        const float* a = values.row(recipes[i].first);
        const float* b = values.row(recipes[i].second);
        float* to = out.row(static_cast<std::int64_t>(i));
        const double share = recipes[i].share;
        for (std::int64_t c = 0; c < values.cols; ++c) to[c] = static_cast<float>((1 - share) * a[c] + share * b[c]);
    }
    return out;
}

}  // namespace c2l
