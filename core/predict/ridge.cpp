#include "predict/ridge.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace c2l {
namespace {

bool is_tile_block(const std::string& name) { return name == "tile" || name.rfind("tile.", 0) == 0; }

// A generator shifts and narrows the statistics of its tiles. Tile features of the synthetic rows are given the mean and
// spread that the spots they derive from have; what distinguishes one synthetic tile from another stays.
void match_to_parents(Embedding& synthetic, const Embedding& real, const std::vector<std::int64_t>& parent_position,
                      const std::vector<BlockScale>& scales) {
    for (std::size_t b = 0; b < scales.size(); ++b) {
        if (!is_tile_block(scales[b].name)) continue;
        const auto parents = take(real.features[b], parent_position);
        auto& own = synthetic.features[b];
        const auto mean = own.mean(0, true), sd = own.std(0, false, true);
        own = (own - mean) / sd.clamp_min(1e-9) * parents.std(0, false, true) + parents.mean(0, true);
    }
}

}  // namespace

at::Tensor depth_weights(const FitInputs& inputs, const std::vector<std::int64_t>& rows, bool by_depth) {
    auto w = at::ones({static_cast<std::int64_t>(rows.size())}, at::kDouble);
    if (!by_depth || rows.empty()) return w;
    std::vector<double> depth;
    for (const auto r : rows) depth.push_back(std::max(1.0, double{inputs.depth[static_cast<std::size_t>(r)]}));
    auto sorted = depth;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
    const double median = sorted[sorted.size() / 2];
    for (std::size_t i = 0; i < depth.size(); ++i) w.data_ptr<double>()[i] = depth[i] / (depth[i] + median);
    return w;
}

at::Tensor DualRidge::predict(const at::Tensor& kernel_to_rows) const { return at::matmul(kernel_to_rows, dual) + intercept; }

DualRidge fit_ridge(const at::Tensor& gram, const at::Tensor& targets, const at::Tensor& weights, double lambda) {
    const auto total = weights.sum();
    const auto w = weights.unsqueeze(1);
    const auto intercept = (w * targets).sum(0, true) / total;
    const auto root = w.sqrt();
    auto system = gram * root * root.t();
    system.diagonal().add_(lambda);
    const auto [factor, info] = at::linalg_cholesky_ex(system);
    if (info.item<int>() != 0) throw Error(ErrorCode::Internal, "the kernel matrix of the predictor is not positive definite");
    return {root * at::cholesky_solve(root * (targets - intercept), factor), intercept};
}

Design::Design(const FitInputs& inputs, std::vector<std::int64_t> real_rows, const FitParams& params, double pitch_um)
    : real(std::move(real_rows)), kernel(inputs.real, real, params.spatial_weight, params.spatial_pitches * pitch_um) {
    std::vector<std::int64_t> position(static_cast<std::size_t>(inputs.real.rows()), -1);
    for (std::size_t i = 0; i < real.size(); ++i) position[static_cast<std::size_t>(real[i])] = static_cast<std::int64_t>(i);
    const auto inside = [&](const std::vector<std::int64_t>& parents, std::size_t s) {
        return parents.empty() || position[static_cast<std::size_t>(parents[s])] >= 0;
    };
    for (std::size_t s = 0; s < inputs.synthetic_parent.size(); ++s)
        if (inside(inputs.synthetic_parent, s) && inside(inputs.synthetic_parent2, s)) synthetic.push_back(static_cast<std::int64_t>(s));

    rows = kernel.embed(inputs.real.select(real));
    targets = take(to_tensor(inputs.targets), real);
    real_weights = depth_weights(inputs, real, params.depth_weights);
    if (synthetic.empty()) return;
    std::vector<std::int64_t> parents;
    for (const auto s : synthetic) parents.push_back(position[static_cast<std::size_t>(inputs.synthetic_parent[static_cast<std::size_t>(s)])]);
    parent_weights = take(real_weights, parents);
    auto extra = kernel.embed(inputs.synthetic.select(synthetic));
    if (params.match_synthetic && synthetic.size() > 1) match_to_parents(extra, rows, parents, kernel.scales());
    rows = Embedding::concat(rows, extra);
    targets = at::cat({targets, take(to_tensor(inputs.synthetic_targets), synthetic)}, 0);
}

std::int64_t Design::active(double synthetic_weight) const {
    return static_cast<std::int64_t>(real.size() + (synthetic_weight > 0 ? synthetic.size() : 0));
}

at::Tensor Design::weights(double synthetic_weight) const {
    if (active(synthetic_weight) == static_cast<std::int64_t>(real.size())) return real_weights;
    return at::cat({real_weights, parent_weights * synthetic_weight});
}

at::Tensor Design::resampled(const FitInputs& inputs, std::uint64_t seed) const {
    Random random(seed);
    std::vector<double> count(static_cast<std::size_t>(inputs.real.rows()));
    for (std::size_t i = 0; i < real.size(); ++i)
        ++count[static_cast<std::size_t>(real[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(real.size())))])];
    std::vector<double> times;
    for (const auto r : real) times.push_back(count[static_cast<std::size_t>(r)]);
    for (const auto s : synthetic) times.push_back(count[static_cast<std::size_t>(inputs.synthetic_parent[static_cast<std::size_t>(s)])]);
    return at::tensor(times, at::kDouble);
}

std::vector<DualRidge> fit_ensemble(const FitInputs& inputs, const Design& design, const at::Tensor& gram, const Choice& choice,
                                    const FitParams& params) {
    const auto n = design.active(choice.synthetic_weight);
    const auto genes = at::tensor(ensemble_genes(design.targets.size(1)), at::kLong);
    const auto targets = design.targets.narrow(0, 0, n).index_select(1, genes);
    std::vector<DualRidge> members;
    for (int m = 0; m < params.ensemble; ++m) {
        const auto times = design.resampled(inputs, derive_seed(params.seed, "ensemble", static_cast<std::uint64_t>(m))).narrow(0, 0, n);
        members.push_back(fit_ridge(gram, targets, design.weights(choice.synthetic_weight) * times, choice.lambda));
    }
    return members;
}

at::Tensor ensemble_spread(const std::vector<DualRidge>& members, const at::Tensor& kernel_to_rows, const at::Tensor& variance) {
    if (members.size() < 2) return at::zeros({kernel_to_rows.size(0)}, at::kDouble);
    at::Tensor sum, squares;
    for (const auto& member : members) {
        const auto p = member.predict(kernel_to_rows);
        sum = sum.defined() ? sum + p : p;
        squares = squares.defined() ? squares + p * p : p * p;
    }
    const auto count = static_cast<double>(members.size());
    const auto mean = sum / count;
    return ((squares / count - mean * mean).clamp_min(0) * (count / (count - 1)) / variance).mean(1);
}

std::vector<std::int64_t> ensemble_genes(std::int64_t genes) {
    constexpr std::int64_t kMost = 64;
    const auto count = std::min(genes, kMost);
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < count; ++i) chosen.push_back(i * genes / count);
    return chosen;
}

at::Tensor gene_variance(const at::Tensor& targets) {
    const auto v = targets.var(0, false, true);
    return v.masked_fill(v <= 1e-9, 1);
}

at::Tensor mean_likeness(const PlaceKernel& kernel, const Embedding& places, const Embedding& spots) {
    constexpr std::int64_t kNearest = 5;
    const auto k = kernel.likeness(places, spots);
    return std::get<0>(at::topk(k, std::min(kNearest, k.size(1)), 1)).mean(1);
}

}  // namespace c2l
