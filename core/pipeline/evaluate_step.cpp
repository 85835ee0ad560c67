#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "pipeline/feature_file.h"
#include "pipeline/fit_material.h"
#include "pipeline/params.h"
#include "pipeline/synthetic.h"
#include "predict/metrics.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kShuffles = 20;
const Resampling kNoInterval{.replicates = 0};  // where the mean alone is wanted
constexpr double kComparedWeight = 0.25;  // of synthetic pairs in the comparison, where inner cross-validation gave them none

json to_json(const Correlation& c) { return {{"mean", c.mean}, {"lower", c.lower}, {"upper", c.upper}, {"median", c.median}}; }

// Mean and 95 % range of repeated measurements.
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

// The given rows in another order; which order depends on the seed alone.
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

Matrix predict_held_out(const FitInputs& inputs, const FitMaterial& material, const FitParams& params, const JobContext& ctx) {
    const Predictor predictor = Predictor::fit(inputs, material.panel, material.pitch_um, params, ctx);
    return first_columns(predictor.predict(material.held_out).mean, material.eval_genes);
}

class Meter {
public:
    Meter(const JobContext& ctx, std::int64_t total) : ctx_(ctx), total_(total) {}
    void next(const std::string& message) {
        ctx_.check_stop();
        Progress p;
        p.step = "evaluate";
        p.done = done_;
        p.total = total_;
        p.eta_s = clock_.eta_s(done_, total_);
        p.message = message;
        p.memory_bytes = peak_memory_bytes();
        ctx_.progress(p);
        ++done_;
    }

private:
    const JobContext& ctx_;
    EtaClock clock_;
    std::int64_t done_ = 0, total_;
};

// Expression that belongs to other spots: a predictor fitted on it knows nothing, and must score near 0. One shuffle alone would not tell: genes
// go together, so that chance moves all of them at once.
json shuffled_control(const FitMaterial& material, const FitParams& params, std::uint64_t seed, const JobContext& ctx, Meter& meter) {
    std::vector<double> means;
    for (int i = 0; i < kShuffles; ++i) {
        meter.next("shuffled control");
        FitInputs inputs = real_only(material.inputs);
        const auto order = permutation(inputs.targets.rows, derive_seed(seed, "shuffle", static_cast<std::uint64_t>(i)));
        inputs.targets = reordered(inputs.targets, order);
        for (std::size_t r = 0; r < order.size(); ++r) inputs.depth[r] = material.inputs.depth[static_cast<std::size_t>(order[r])];
        means.push_back(pearson(material.truth, predict_held_out(inputs, material, params, ctx), seed, kNoInterval).mean);
    }
    json out = spread(means);
    out["shuffles"] = kShuffles;
    return out;
}

// The same measurement without synthetic pairs on further splits: how much of a figure is the luck of one split.
json repeats(Section& section, const Artifact& split, const PlaceFeatures& places, const json& fit, int count, Meter& meter) {
    std::vector<double> plain, partial;
    const json recorded = json::parse(split.provenance.params);
    const auto train_spots = static_cast<int>(json::parse(read_file(split.folder / "split.json")).at("train").size());
    for (int i = 0; i < count; ++i) {
        meter.next("further splits");
        SplitParams params;
        params.test_blocks = recorded.at("test_blocks");
        params.test_fraction = recorded.at("test_fraction");
        params.margin_pitches = recorded.at("margin");
        params.least_margin_um = recorded.value("least_margin_um", 0.0);
        params.train_spots = train_spots;
        params.seed = derive_seed(section.seed(), "repeat", static_cast<std::uint64_t>(i));
        try {
            const Split parts = Split::by_blocks(section.pairs(), params);
            const FitMaterial material = real_material(*section.pairs(), parts, places, fit);
            const Matrix predicted = predict_held_out(material.inputs, material, fit_params_of(fit, params.seed), section.ctx());
            plain.push_back(pearson(material.truth, predicted, params.seed, kNoInterval).mean);
            partial.push_back(pearson_depth_partial(material.truth, predicted, material.held_out_depth, params.seed, kNoInterval).mean);
        } catch (const Error& error) {  // a seed whose blocks leave too few spots says nothing
            if (error.code() != ErrorCode::BadInput) throw;
        }
    }
    return {{"splits", plain.size()}, {"pearson_real_only", spread(plain)}, {"pearson_depth_partial_real_only", spread(partial)}};
}

// Figures of the predictor beside its correlations. What needs neighbours is left out (null) for more spots than can be compared with one another.
json further_figures(const PairedTiles& pairs, const Split& split, const FitMaterial& material, const Matrix& predicted) {
    constexpr std::size_t kMostSpots = 10000;
    json out = {{"pearson_pooled", pooled_pearson(material.truth, predicted)}, {"rmse", rmse(material.truth, predicted)}, {"morans_i_difference", nullptr}};
    std::vector<double> x, y;
    for (const auto row : split.held_out.rows()) x.push_back(pairs.x[static_cast<std::size_t>(row)]), y.push_back(pairs.y[static_cast<std::size_t>(row)]);
    if (x.size() > kMostSpots) return out;
    // The lattice is that of all spots, where they can be compared: held-out blocks are small, and a spot at their edge lacks neighbours.
    const int k = pairs.size() <= kMostSpots ? lattice_neighbours(pairs.x, pairs.y) : lattice_neighbours(x, y);
    out["morans_i_difference"] = morans_i_difference(material.truth, predicted, x, y, k);
    return out;
}

using Columns = std::vector<std::pair<std::string, Correlation>>;

std::string genes_csv(const FitMaterial& material, const Columns& columns) {
    std::ostringstream csv;
    csv << "gene";
    for (const auto& [name, figures] : columns) csv << ',' << name;
    csv << '\n';
    for (std::int64_t g = 0; g < material.eval_genes; ++g) {
        csv << material.panel.genes[static_cast<std::size_t>(g)];
        for (const auto& [name, figures] : columns) csv << ',' << figures.per_gene[static_cast<std::size_t>(g)];
        csv << '\n';
    }
    return csv.str();
}

struct HeldOutPredictions {
    const Matrix& chosen;        // of the predictor as fitted
    const Matrix& without;       // of real spots only
    double synthetic_weight;     // of `chosen`
};

// With and without synthetic pairs, and with pairs whose genes are shuffled. Where the predictor declined the pairs, they are given a fixed
// weight here, so that the comparison is never of a thing with itself.
void compare_synthetic(const FitMaterial& material, const FitParams& params, const HeldOutPredictions& predicted, std::uint64_t seed, const JobContext& ctx,
                       json& report, Columns& columns) {
    FitParams fixed = params;
    fixed.synthetic_weight = predicted.synthetic_weight > 0 ? predicted.synthetic_weight : kComparedWeight;
    const Matrix with = predicted.synthetic_weight > 0 ? predicted.chosen : predict_held_out(material.inputs, material, fixed, ctx);
    FitInputs shuffled = material.inputs;
    shuffled.synthetic_targets = reordered(shuffled.synthetic_targets, permutation(shuffled.synthetic_targets.rows, derive_seed(seed, "synthetic shuffle")));
    const Resampling together{.groups = material.held_out_group, .stop = ctx.stop};
    const Correlation plain = pearson(material.truth, with, seed, together), partial = pearson_depth_partial(material.truth, with, material.held_out_depth, seed, together);
    const Correlation control = pearson(material.truth, predict_held_out(shuffled, material, fixed, ctx), seed, together);
    const Correlation delta = pearson_delta(material.truth, with, predicted.without, seed, together);
    report["synthetic_weight_compared"] = fixed.synthetic_weight;
    report["pearson_with_synthetic"] = to_json(plain);
    report["pearson_depth_partial_with_synthetic"] = to_json(partial);
    report["pearson_with_shuffled_synthetic"] = to_json(control);
    report["delta"] = {{"mean", delta.mean}, {"lower", delta.lower}, {"upper", delta.upper}};
    columns.emplace_back("pearson_with_synthetic", plain);
    columns.emplace_back("pearson_with_shuffled_synthetic", control);
}

void make_evaluation(Section& section, const Artifact& fit, const Artifact& split, int repeat_count, const fs::path& staging) {
    const JobContext& ctx = section.ctx();
    const json p = json::parse(fit.provenance.params);
    const Artifact places = upstream(section.project(), fit, "places");
    const bool synthetic = fit.provenance.inputs.size() > 2;
    const Split parts = load_split(section, split);
    const PlaceFeatures features = read_places(places.folder);
    FitMaterial material = real_material(*section.pairs(), parts, features, p);
    if (synthetic) {
        const Artifact tiles = upstream(section.project(), fit, "synthesize");
        add_synthetic(material, tiles, read_places(upstream(section.project(), fit, "synthetic_places").folder), recipes_of(tiles, parts.train));
    }
    const std::uint64_t seed = derive_seed(section.seed(), "evaluate");
    FitParams params = fit_params_of(p, fit.provenance.seed);
    Meter meter(ctx, kShuffles + repeat_count + 3);

    meter.next("held-out spots");
    const Predictor predictor = Predictor::load(fit.folder / "predictor.safetensors");
    const Predictor::Prediction prediction = predictor.predict(material.held_out);
    const Matrix with = first_columns(prediction.mean, material.eval_genes);
    meter.next("real spots only");
    const Matrix without = predict_held_out(real_only(material.inputs), material, params, ctx);
    const Resampling together{.groups = material.held_out_group, .stop = ctx.stop};
    const Correlation plain = pearson(material.truth, with, seed, together), plain_without = pearson(material.truth, without, seed, together);
    const Correlation partial = pearson_depth_partial(material.truth, with, material.held_out_depth, seed, together);
    const Correlation partial_without = pearson_depth_partial(material.truth, without, material.held_out_depth, seed, together);

    json report = {{"genes", material.eval_genes},
                   {"spots_train", parts.train.size()},
                   {"spots_test", parts.held_out.size()},
                   {"target", to_string(material.panel.unit)},
                   {"synthetic_pairs", material.inputs.synthetic_targets.rows},
                   {"synthetic_weight", predictor.synthetic_weight()},
                   {"pearson", to_json(plain)},
                   {"pearson_depth_partial", to_json(partial)},
                   {"pearson_real_only", to_json(plain_without)},
                   {"pearson_depth_partial_real_only", to_json(partial_without)}};
    report["further"] = further_figures(*section.pairs(), parts, material, with);
    report["further"]["interval_coverage"] = interval_coverage(material.truth, first_columns(prediction.lower, material.eval_genes), first_columns(prediction.upper, material.eval_genes));
    report["further_real_only"] = further_figures(*section.pairs(), parts, material, without);
    Columns columns = {{"pearson", plain}, {"pearson_depth_partial", partial}, {"pearson_real_only", plain_without}};
    meter.next("synthetic pairs");
    if (synthetic && material.inputs.synthetic_targets.rows > 0) compare_synthetic(material, params, {with, without, predictor.synthetic_weight()}, seed, ctx, report, columns);
    report["pearson_shuffled"] = shuffled_control(material, params, seed, ctx, meter);
    if (repeat_count > 0) report["repeats"] = repeats(section, split, features, p, repeat_count, meter);
    write_file(staging / "genes.csv", genes_csv(material, columns));
    write_report(staging, report);
}

}  // namespace

Artifact evaluate_step(Section& section, const Artifact& fit) {
    const Artifact split = upstream(section.project(), fit, "split");
    json p = pick(section.params(), {"repeats"});
    p["figures"] = kFiguresRevision + 1;  // with the further ones
    return section.obtain(section.provenance("evaluate", {split.id, fit.id}, p),
                          [&](const fs::path& staging) { make_evaluation(section, fit, split, p.at("repeats"), staging); });
}

}  // namespace c2l
