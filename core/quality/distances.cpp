#include "quality/distances.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "quality/quality.h"

namespace c2l {
namespace {

constexpr std::int64_t kBatch = 256;  // rows of a distance table in memory at once

void check_pair(const at::Tensor& a, const at::Tensor& b) {
    if (a.size(1) != b.size(1))
        throw Error(ErrorCode::Mismatch, "the two sets have " + std::to_string(a.size(1)) + " and " + std::to_string(b.size(1)) +
                                             " features; describe both with the same encoder");
    if (a.size(0) < 2 || b.size(0) < 2) throw Error(ErrorCode::BadInput, "a distance between sets needs two tiles in each at least");
}

// Rows whose product with themselves is the covariance: C = RᵀR.
at::Tensor covariance_root(const at::Tensor& x) { return (x - x.mean(0, true)) / std::sqrt(static_cast<double>(x.size(0) - 1)); }

// tr (Sa Sb)^½ of the covariances RᵀR of two sets.
double cross_trace(const at::Tensor& ra, const at::Tensor& rb) {
    // Sa Sb has the eigenvalues of (Ra Rbᵀ)(Ra Rbᵀ)ᵀ besides zeros: cheaper and more accurate where tiles are fewer than features.
    if (std::max(ra.size(0), rb.size(0)) < ra.size(1)) return at::linalg_svdvals(at::matmul(ra, rb.t())).sum().item<double>();
    // Else of Sa^½ Sb Sa^½, which is symmetric.
    const auto [values, vectors] = at::linalg_eigh(at::matmul(ra.t(), ra));
    const auto root = at::matmul(vectors * values.clamp_min(0).sqrt().unsqueeze(0), vectors.t());
    const auto half = at::matmul(rb, root);
    return at::linalg_eigvalsh(at::matmul(half.t(), half)).clamp_min(0).sqrt().sum().item<double>();
}

// Cubic polynomial kernel of Bińkowski et al. 2018.
at::Tensor cubic(const at::Tensor& a, const at::Tensor& b) { return (at::matmul(a, b.t()) / static_cast<double>(a.size(1)) + 1).pow(3); }

// Mean over pairs of different rows, each row counted `times`.
double mean_of_pairs(const at::Tensor& kernel, const at::Tensor& times) {
    const auto all = at::matmul(times, at::matmul(kernel, times)) - (times * times * kernel.diagonal()).sum();
    const auto pairs = times.sum().pow(2) - (times * times).sum();
    return (all / pairs).item<double>();
}

}  // namespace

FeatureScale::FeatureScale(const at::Tensor& training) : mean(training.mean(0, true)) {
    constexpr double kHardly = 0.05;  // of the median spread
    const auto sd = training.std(0, false, true), varies = sd > kHardly * sd.median().clamp_min(1e-12);
    scale = at::where(varies, sd.reciprocal(), at::zeros_like(sd));
}

at::Tensor FeatureScale::operator()(const at::Tensor& features) const { return (features - mean) * scale; }

at::Tensor feature_tensor(const Matrix& m) {
    const auto t = at::from_blob(const_cast<float*>(m.values.data()), {m.rows, m.cols}, at::kFloat).to(at::kDouble);
    if (!at::isfinite(t).all().item<bool>()) throw Error(ErrorCode::BadInput, "some of the tiles' features are not finite numbers");
    return t;
}

at::Tensor rows_of(const at::Tensor& t, const std::vector<std::int64_t>& rows) {
    return at::index_select(t, 0,
                            at::from_blob(const_cast<std::int64_t*>(rows.data()), {static_cast<std::int64_t>(rows.size())}, at::kLong));
}

std::vector<std::int64_t> random_rows(std::int64_t n, std::int64_t count, Random& random) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    random.shuffle(rows);
    rows.resize(static_cast<std::size_t>(std::min(n, count)));
    return rows;
}

at::Tensor squared_distances(const at::Tensor& a, const at::Tensor& b) {
    const auto aa = (a * a).sum(1, true), bb = (b * b).sum(1, true);
    return (aa + bb.t() - 2 * at::matmul(a, b.t())).clamp_min_(0);
}

Nearest nearest_rows(const at::Tensor& from, const at::Tensor& to) {
    Nearest out;
    const auto centre = to.mean(0, true);  // differences of large numbers lose their digits
    const auto target = to - centre;
    for (std::int64_t first = 0; first < from.size(0); first += kBatch) {
        const auto part = from.narrow(0, first, std::min(kBatch, from.size(0) - first)) - centre;
        const auto [_, index] = squared_distances(part, target).min(1);
        const auto exact = (part - target.index_select(0, index)).pow(2).sum(1).sqrt().contiguous();
        out.distance.insert(out.distance.end(), exact.data_ptr<double>(), exact.data_ptr<double>() + exact.numel());
        out.index.insert(out.index.end(), index.data_ptr<std::int64_t>(), index.data_ptr<std::int64_t>() + index.numel());
    }
    return out;
}

double frechet_distance(const at::Tensor& a, const at::Tensor& b) {
    check_pair(a, b);
    const auto ra = covariance_root(a), rb = covariance_root(b);
    const auto apart = (a.mean(0) - b.mean(0)).pow(2).sum() + ra.pow(2).sum() + rb.pow(2).sum();
    return std::max(0.0, apart.item<double>() - 2 * cross_trace(ra, rb));
}

KernelTable::KernelTable(const at::Tensor& a, const at::Tensor& b) {
    check_pair(a, b);
    aa_ = cubic(a, a);
    bb_ = cubic(b, b);
    ab_ = cubic(a, b);
}

double KernelTable::distance() const { return distance(at::ones({rows_a()}, at::kDouble), at::ones({rows_b()}, at::kDouble)); }

double KernelTable::distance(const at::Tensor& times_a, const at::Tensor& times_b) const {
    const auto cross = at::matmul(times_a, at::matmul(ab_, times_b)) / (times_a.sum() * times_b.sum());
    return mean_of_pairs(aa_, times_a) + mean_of_pairs(bb_, times_b) - 2 * cross.item<double>();
}

double frechet_distance(const Matrix& a, const Matrix& b) { return frechet_distance(feature_tensor(a), feature_tensor(b)); }

double kernel_distance(const Matrix& a, const Matrix& b) {
    const auto x = feature_tensor(a), y = feature_tensor(b);
    check_pair(x, y);
    // Sums over all pairs, a batch of rows at a time: n² kernel values are never held.
    const auto total = [](const at::Tensor& from, const at::Tensor& to) {
        double sum = 0;
        for (std::int64_t first = 0; first < from.size(0); first += kBatch)
            sum += cubic(from.narrow(0, first, std::min(kBatch, from.size(0) - first)), to).sum().item<double>();
        return sum;
    };
    const auto own = [](const at::Tensor& t) { return ((t * t).sum(1) / static_cast<double>(t.size(1)) + 1).pow(3).sum().item<double>(); };
    const auto n = static_cast<double>(x.size(0)), m = static_cast<double>(y.size(0));
    return (total(x, x) - own(x)) / (n * (n - 1)) + (total(y, y) - own(y)) / (m * (m - 1)) - 2 * total(x, y) / (n * m);
}

}  // namespace c2l
