// What the held-out figures of a predictor stand beside; private to core/pipeline.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/fit_material.h"

namespace c2l {

nlohmann::json to_json(const Correlation& c);
// Mean, median and central 95 % of repeated measurements; null without any.
nlohmann::json spread(std::vector<double> values);
// Fits on `inputs` and predicts the held-out spots: rows × evaluation genes.
Matrix predict_held_out(const FitInputs& inputs, const FitMaterial& material, const FitParams& params, const JobContext& ctx);

// Called before each fit with what it is of.
using NextFit = std::function<void(const std::string&)>;

// Expression that belongs to other spots: a predictor fitted on it knows nothing, and must score near 0. One shuffle alone would not tell: genes
// go together, so that chance moves all of them at once.
constexpr int kShuffles = 20;
nlohmann::json shuffled_expression(const FitMaterial& material, const FitParams& params, std::uint64_t seed, const JobContext& ctx, const NextFit& next);

// Spots, beside those learnt from, that a section would have had to give.
struct MoreSpots {
    PlaceFeatures places;
    Matrix targets;  // rows × genes of the panel
    std::vector<float> depth;
};
struct PairComparison {
    const FitMaterial& material;
    const Matrix& chosen;             // held-out predictions of the predictor as fitted,
    double chosen_weight = 0;         // the weight that it gave to synthetic pairs,
    const Matrix& real_only;          // and predictions from real spots only
    const PlaceFeatures& augmented;   // one row for each synthetic pair: an augmented view of the tile of its spot
    const MoreSpots& more;            // may be empty
};
int pair_fits(double chosen_weight, const MoreSpots& more);  // that compare_pairs will make
using Columns = std::vector<std::pair<std::string, Correlation>>;  // of the table of genes
// Do synthetic pairs help? Real spots with the pairs, and with each control in their place: at the weight that the predictor gave the pairs, pairs
// with shuffled genes, augmented real tiles and mixtures of real spots; and further real spots, as spots. Where the predictor declined the pairs
// they are given a fixed weight, so that the comparison is never of a thing with itself. Fills `report` and `columns`.
void compare_pairs(const PairComparison& compared, const FitParams& params, std::uint64_t seed, const JobContext& ctx, const NextFit& next, nlohmann::json& report, Columns& columns);

}  // namespace c2l
