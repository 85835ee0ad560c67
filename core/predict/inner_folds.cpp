// Inner cross-validation over compact folds of the training spots: chooses λ and the synthetic weight, and calibrates the
// intervals and the in-distribution score on spots that their fold's fit has not seen.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "predict/ridge.h"

namespace c2l {
namespace {

constexpr int kRepeats = 2;               // of the folding, to choose by
constexpr std::int64_t kManyRows = 1000;  // where one folding is enough
constexpr double kMiscoverage = 0.1;      // 90 % intervals

const Matrix* positions(const FitInputs& inputs) {
    for (std::size_t b = 0; b < inputs.real.names.size(); ++b)
        if (inputs.real.names[b] == kPositionBlock) return &inputs.real.blocks[b];
    return nullptr;
}

// Squared error of each held-out spot: weighted by depth, mean over genes in units of each gene's variance.
std::vector<double> errors(const at::Tensor& truth, const at::Tensor& predicted, const at::Tensor& variance, const at::Tensor& weights) {
    const auto e = (((truth - predicted).pow(2) / variance).mean(1) * weights).contiguous();
    return {e.data_ptr<double>(), e.data_ptr<double>() + e.numel()};
}

struct Comparison {
    double gain = 0, se = 0;
};
// Mean over folds of how much `b` is below `a`, with its standard error.
Comparison compare(const std::vector<double>& a, const std::vector<double>& b) {
    Comparison c;
    const auto n = static_cast<double>(a.size());
    for (std::size_t f = 0; f < a.size(); ++f) c.gain += (a[f] - b[f]) / n;
    for (std::size_t f = 0; f < a.size(); ++f) c.se += std::pow(a[f] - b[f] - c.gain, 2);
    c.se = a.size() > 1 ? std::sqrt(c.se / (n - 1) / n) : 0;
    return c;
}

// Folds of one set of spots share most of what they learn from, so that their differences are not independent: their variance counts
// 1/n + test/train instead of 1/n (Nadeau & Bengio 2003, doi 10.1023/A:1024068626366), with n folds in all and k in each folding.
double dependent_se(const Comparison& c, std::size_t n, int k) { return c.se * std::sqrt(1.0 + static_cast<double>(n) / std::max(1, k - 1)); }

double mean(const std::vector<double>& v) {
    double sum = 0;
    for (const double x : v) sum += x;
    return v.empty() ? 0 : sum / static_cast<double>(v.size());
}

// The strongest λ whose error is within one standard error of the least (Breiman et al. 1984): with few spots the least one alone
// is a noisy choice, and too little regularisation costs more than too much.
std::size_t one_standard_error(const std::vector<std::vector<double>>& by_lambda, const std::vector<double>& lambdas) {
    std::size_t best = 0;
    for (std::size_t l = 1; l < by_lambda.size(); ++l)
        if (mean(by_lambda[l]) < mean(by_lambda[best])) best = l;
    std::size_t chosen = best;
    for (std::size_t l = 0; l < by_lambda.size(); ++l) {
        const auto c = compare(by_lambda[l], by_lambda[best]);
        if (lambdas[l] > lambdas[chosen] && c.gain <= c.se) chosen = l;
    }
    return chosen;
}

std::vector<double> candidate_weights(const FitInputs& inputs, const FitParams& params) {
    if (inputs.synthetic_parent.empty()) return {0};
    if (params.synthetic_weight == 0) return {0};
    std::vector<double> candidates{0};  // always tried, so that the report can compare
    if (params.synthetic_weight > 0)
        candidates.push_back(params.synthetic_weight);
    else
        candidates.insert(candidates.end(), params.synthetic_weights.begin(), params.synthetic_weights.end());
    return candidates;
}

void report(const char* what, std::size_t done, std::size_t total, const EtaClock& clock, const JobContext& ctx) {
    Progress p;
    p.step = "fit";
    p.message = what;
    p.done = static_cast<std::int64_t>(done);
    p.total = static_cast<std::int64_t>(total);
    p.eta_s = clock.eta_s(p.done, p.total);
    ctx.progress(p);
}

// errors[weight][λ][fold], summed over the fold's spots.
using ErrorTable = std::vector<std::vector<std::vector<double>>>;

}  // namespace

std::vector<InnerFold> inner_folds(const FitInputs& inputs, const FitParams& params, double pitch_um, std::uint64_t seed) {
    const auto n = inputs.real.rows();
    const Matrix* at = positions(inputs);
    const int k = static_cast<int>(std::clamp<std::int64_t>(params.inner_folds, 2, n));
    std::vector<double> x(static_cast<std::size_t>(n)), y(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {  // without positions, folds are runs of rows
        x[static_cast<std::size_t>(i)] = at ? double{at->at(i, 0)} : static_cast<double>(i);
        y[static_cast<std::size_t>(i)] = at ? double{at->at(i, 1)} : 0;
    }
    const auto fold = spatial_folds(x, y, k, seed);
    const double margin = at ? std::max(params.inner_margin_pitches * pitch_um, params.least_inner_margin_um) : 0;
    std::vector<InnerFold> folds(static_cast<std::size_t>(k));
    for (int f = 0; f < k; ++f) {
        auto& out = folds[static_cast<std::size_t>(f)];
        for (std::int64_t i = 0; i < n; ++i)
            if (fold[static_cast<std::size_t>(i)] == f) out.held_out.push_back(i);
        std::vector<std::int64_t> all;
        for (std::int64_t i = 0; i < n; ++i) {
            if (fold[static_cast<std::size_t>(i)] == f) continue;
            all.push_back(i);
            const auto near = [&](std::int64_t h) {
                return std::hypot(x[static_cast<std::size_t>(i)] - x[static_cast<std::size_t>(h)],
                                  y[static_cast<std::size_t>(i)] - y[static_cast<std::size_t>(h)]) < margin;
            };
            if (std::none_of(out.held_out.begin(), out.held_out.end(), near)) out.train.push_back(i);
        }
        if (out.train.size() < 3) out.train = std::move(all);  // so few spots that the margin would take them all
    }
    return folds;
}

Choice choose_by_inner_folds(const FitInputs& inputs, const FitParams& params, double pitch_um, const JobContext& ctx) {
    const auto candidates = candidate_weights(inputs, params);
    const auto targets = to_tensor(inputs.targets);
    const int repeats = inputs.real.rows() + static_cast<std::int64_t>(inputs.synthetic_parent.size()) > kManyRows ? 1 : kRepeats;
    ErrorTable table(candidates.size(), std::vector<std::vector<double>>(params.lambdas.size()));
    const EtaClock clock;
    std::size_t done = 0;
    for (int repeat = 0; repeat < repeats; ++repeat) {
        const auto folds =
            inner_folds(inputs, params, pitch_um, derive_seed(params.seed, "inner folds", static_cast<std::uint64_t>(repeat)));
        for (const auto& fold : folds) {
            const Design design(inputs, fold.train, params, pitch_um);
            const auto gram = design.kernel(design.rows, design.rows);
            const auto held_out = design.kernel.embed(inputs.real.select(fold.held_out));
            const auto to_rows = design.kernel(held_out, design.rows);
            const auto truth = take(targets, fold.held_out);
            const auto variance = gene_variance(take(targets, fold.train));
            const auto held_out_weights = depth_weights(inputs, fold.held_out, params.depth_weights);
            for (std::size_t w = 0; w < candidates.size(); ++w) {
                ctx.check_stop();
                const auto n = design.active(candidates[w]);
                const auto part = gram.narrow(0, 0, n).narrow(1, 0, n);
                const auto y = design.targets.narrow(0, 0, n);
                for (std::size_t l = 0; l < params.lambdas.size(); ++l) {
                    const auto ridge = fit_ridge(part, y, design.weights(candidates[w]), params.lambdas[l]);
                    const auto e = errors(truth, ridge.predict(to_rows.narrow(1, 0, n)), variance, held_out_weights);
                    table[w][l].push_back(mean(e) / held_out_weights.mean().item<double>());
                }
            }
            report("choosing", ++done, folds.size() * static_cast<std::size_t>(repeats), clock, ctx);
        }
    }

    std::vector<std::size_t> lambda(candidates.size());
    for (std::size_t w = 0; w < candidates.size(); ++w) lambda[w] = one_standard_error(table[w], params.lambdas);
    const auto& real_only = table[0][lambda[0]];
    // The spots alone at their very best λ: a gain must not come from the caution of the rule above.
    const auto& rival = *std::min_element(table[0].begin(), table[0].end(), [](const auto& a, const auto& b) { return mean(a) < mean(b); });
    std::size_t best = 0;
    for (std::size_t w = 1; w < candidates.size(); ++w) {
        const auto over_best = compare(table[best][lambda[best]], table[w][lambda[w]]);
        const auto over_real = compare(rival, table[w][lambda[w]]);
        // Synthetic pairs are used only where they help by more than the noise of the comparison, two standard errors: their generator has seen the
        // spots that a fold holds out, which flatters the pairs, and the best of several weights is taken.
        const double noise = 2 * dependent_se(over_real, rival.size(), params.inner_folds);
        if (params.synthetic_weight > 0 || (over_best.gain > 0 && over_real.gain > noise)) best = w;
    }
    const auto& chosen = table[best][lambda[best]];
    return {params.lambdas[lambda[best]], candidates[best], {mean(real_only), mean(chosen), dependent_se(compare(real_only, chosen), chosen.size(), params.inner_folds)}};
}

Calibration calibrate(const FitInputs& inputs, const Choice& choice, const FitParams& params, double pitch_um, const JobContext& ctx) {
    const auto targets = to_tensor(inputs.targets);
    const auto variance = gene_variance(targets);
    const auto followed = variance.index_select(1, at::tensor(ensemble_genes(targets.size(1)), at::kLong));
    std::vector<at::Tensor> residuals, spreads;
    Calibration out;
    for (const auto& fold : inner_folds(inputs, params, pitch_um, derive_seed(params.seed, "inner folds", 0))) {
        ctx.check_stop();
        const Design design(inputs, fold.train, params, pitch_um);
        const auto n = design.active(choice.synthetic_weight);
        const auto gram = design.kernel(design.rows, design.rows).narrow(0, 0, n).narrow(1, 0, n);
        const auto held_out = design.kernel.embed(inputs.real.select(fold.held_out));
        const auto to_rows = design.kernel(held_out, design.rows).narrow(1, 0, n);
        const auto ridge = fit_ridge(gram, design.targets.narrow(0, 0, n), design.weights(choice.synthetic_weight), choice.lambda);
        residuals.push_back((take(targets, fold.held_out) - ridge.predict(to_rows)).abs());
        spreads.push_back(ensemble_spread(fit_ensemble(inputs, design, gram, choice, params), to_rows, followed));
        std::vector<std::int64_t> spots(design.real.size());
        for (std::size_t i = 0; i < spots.size(); ++i) spots[i] = static_cast<std::int64_t>(i);
        const auto alike = mean_likeness(design.kernel, held_out, design.rows.take(spots)).contiguous();
        out.likeness.insert(out.likeness.end(), alike.data_ptr<double>(), alike.data_ptr<double>() + alike.numel());
    }
    std::sort(out.likeness.begin(), out.likeness.end());

    const auto residual = at::cat(residuals, 0);
    out.base_variance = std::max(1e-9, (residual.pow(2) / variance).mean().item<double>());
    const auto scale = (at::cat(spreads, 0) + out.base_variance).sqrt().unsqueeze(1);
    const auto sorted = std::get<0>((residual / scale).sort(0));
    const auto n = sorted.size(0);
    // Split conformal (Lei et al. 2018): this order statistic covers a further, exchangeable spot with the probability asked for.
    const auto rank = std::min(n, static_cast<std::int64_t>(std::ceil(static_cast<double>(n + 1) * (1 - kMiscoverage))));
    out.residual_quantile = sorted.narrow(0, rank - 1, 1);
    return out;
}

}  // namespace c2l
