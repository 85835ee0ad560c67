#include "pipeline/controls.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "pipeline/feature_file.h"

namespace c2l {

using nlohmann::json;

namespace {

constexpr double kComparedWeight = 0.25;  // of synthetic pairs in the comparison, where inner cross-validation gave them none

// 0 … n - 1 in an order that depends on the seed alone.
std::vector<std::int64_t> permutation(std::int64_t n, std::uint64_t seed) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    Random random(seed);
    random.shuffle(order);
    return order;
}

Matrix reordered(const Matrix& values, const std::vector<std::int64_t>& order) {
    Matrix out(values.rows, values.cols);
    for (std::int64_t r = 0; r < values.rows; ++r) std::copy_n(values.row(order[static_cast<std::size_t>(r)]), values.cols, out.row(r));
    return out;
}

// Their weights, those of the spots, stay where they are.
FitInputs with_shuffled_genes(FitInputs inputs, std::uint64_t seed) {
    inputs.synthetic_targets = reordered(inputs.synthetic_targets, permutation(inputs.synthetic_targets.rows, derive_seed(seed, "synthetic shuffle")));
    return inputs;
}

FitInputs with_augmented_tiles(const FitMaterial& material, const PlaceFeatures& augmented) {
    FitInputs inputs = material.inputs;
    std::vector<TileRecipe> own = material.recipes;
    for (TileRecipe& recipe : own) recipe.second = recipe.first, recipe.share = 0;
    inputs.synthetic = augmented.select(material.kept);
    inputs.synthetic_targets = mix(inputs.targets, own);
    inputs.synthetic_parent2 = inputs.synthetic_parent;
    return inputs;
}

// The same mixtures as the pairs', of what the spots themselves look like.
FitInputs with_mixed_spots(const FitMaterial& material) {
    FitInputs inputs = material.inputs;
    inputs.synthetic.names = inputs.real.names;
    inputs.synthetic.blocks.clear();
    for (const Matrix& block : inputs.real.blocks) inputs.synthetic.blocks.push_back(mix(block, material.recipes));
    return inputs;
}

FitInputs with_more_spots(const FitMaterial& material, const MoreSpots& more) {
    FitInputs inputs = real_only(material.inputs);
    append(inputs.real, more.places);
    inputs.targets.values.insert(inputs.targets.values.end(), more.targets.values.begin(), more.targets.values.end());
    inputs.targets.rows += more.targets.rows;
    inputs.depth.insert(inputs.depth.end(), more.depth.begin(), more.depth.end());
    return inputs;
}

}  // namespace

json to_json(const Correlation& c) { return {{"mean", c.mean}, {"lower", c.lower}, {"upper", c.upper}, {"median", c.median}}; }

json spread(std::vector<double> values) {
    if (values.empty()) return nullptr;
    const double mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    std::sort(values.begin(), values.end());
    const auto at = [&](double q) {
        const double place = q * static_cast<double>(values.size() - 1);
        const auto i = static_cast<std::size_t>(place);
        return i + 1 < values.size() ? values[i] + (place - static_cast<double>(i)) * (values[i + 1] - values[i]) : values[i];
    };
    return {{"mean", mean}, {"lower", at(0.025)}, {"upper", at(0.975)}, {"median", at(0.5)}};
}

Matrix predict_held_out(const FitInputs& inputs, const FitMaterial& material, const FitParams& params, const JobContext& ctx) {
    const Predictor predictor = Predictor::fit(inputs, material.panel, material.pitch_um, params, ctx);
    return first_columns(predictor.predict(material.held_out).mean, material.eval_genes);
}

json shuffled_expression(const FitMaterial& material, const FitParams& params, std::uint64_t seed, const JobContext& ctx, const NextFit& next) {
    std::vector<double> means;
    for (int i = 0; i < kShuffles; ++i) {
        next("shuffled control");
        FitInputs inputs = real_only(material.inputs);
        const auto order = permutation(inputs.targets.rows, derive_seed(seed, "shuffle", static_cast<std::uint64_t>(i)));
        inputs.targets = reordered(inputs.targets, order);
        for (std::size_t r = 0; r < order.size(); ++r) inputs.depth[r] = material.inputs.depth[static_cast<std::size_t>(order[r])];
        means.push_back(pearson(material.truth, predict_held_out(inputs, material, params, ctx), seed, {.replicates = 0}).mean);
    }
    json out = spread(means);
    out["shuffles"] = kShuffles;
    return out;
}

int pair_fits(double chosen_weight, const MoreSpots& more) { return 3 + (chosen_weight > 0 ? 0 : 1) + (more.depth.empty() ? 0 : 1); }

void compare_pairs(const PairComparison& compared, const FitParams& params, std::uint64_t seed, const JobContext& ctx, const NextFit& next, json& report, Columns& columns) {
    const FitMaterial& material = compared.material;
    FitParams fixed = params;
    fixed.synthetic_weight = compared.chosen_weight > 0 ? compared.chosen_weight : kComparedWeight;
    const Resampling together{.groups = material.held_out_group, .stop = ctx.stop};
    const auto fitted = [&](const std::string& what, const FitInputs& inputs) {
        next(what);
        return predict_held_out(inputs, material, fixed, ctx);
    };
    const auto gain = [&](const Matrix& predicted, const Matrix& over) {
        const Correlation delta = pearson_delta(material.truth, predicted, over, seed, together);
        return json{{"mean", delta.mean}, {"lower", delta.lower}, {"upper", delta.upper}};
    };
    const Matrix with = compared.chosen_weight > 0 ? compared.chosen : fitted("synthetic pairs", material.inputs);
    const auto control = [&](const Matrix& predicted, const std::string& column) {
        const Correlation plain = pearson(material.truth, predicted, seed, together);
        columns.emplace_back("pearson_with_" + column, plain);
        return json{{"pearson", to_json(plain)},
                    {"pearson_depth_partial", to_json(pearson_depth_partial(material.truth, predicted, material.held_out_depth, seed, together))},
                    {"delta", gain(predicted, compared.real_only)},
                    {"pairs_over", gain(with, predicted)}};
    };
    const Correlation plain = pearson(material.truth, with, seed, together);
    report["synthetic_weight_compared"] = fixed.synthetic_weight;
    report["pearson_with_synthetic"] = to_json(plain);
    report["pearson_depth_partial_with_synthetic"] = to_json(pearson_depth_partial(material.truth, with, material.held_out_depth, seed, together));
    report["delta"] = gain(with, compared.real_only);
    columns.emplace_back("pearson_with_synthetic", plain);

    json& controls = report["controls"];
    controls["shuffled_genes"] = control(fitted("pairs with shuffled genes", with_shuffled_genes(material.inputs, seed)), "shuffled_synthetic");
    controls["augmented"] = control(fitted("augmented real tiles", with_augmented_tiles(material, compared.augmented)), "augmented");
    controls["mixed_spots"] = control(fitted("mixed real spots", with_mixed_spots(material)), "mixed_spots");
    controls["more_spots"] = nullptr;
    if (!compared.more.depth.empty()) {
        controls["more_spots"] = control(fitted("more real spots", with_more_spots(material, compared.more)), "more_spots");
        controls["more_spots"]["spots"] = compared.more.depth.size();
    }
}

}  // namespace c2l
