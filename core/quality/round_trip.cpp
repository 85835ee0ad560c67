// Genes → generated tile → genes: the second way by a ridge on real tiles.
#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <c10/core/GradMode.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "quality/distances.h"
#include "quality/resample.h"

namespace c2l {
namespace {

// In units of the mean eigenvalue, which is 1 for standardised features.
constexpr double kLambdas[] = {0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000};

// Ridge for every λ from one eigendecomposition.
class RidgePath {
public:
    RidgePath(const at::Tensor& x, const at::Tensor& y) : x_mean_(x.mean(0, true)), y_mean_(y.mean(0, true)) {
        const auto centred = x - x_mean_;
        const auto n = static_cast<double>(x.size(0));
        const auto [values, vectors] = at::linalg_eigh(at::matmul(centred.t(), centred) / n);
        values_ = values.clamp_min(0);
        vectors_ = vectors;
        cross_ = at::matmul(vectors.t(), at::matmul(centred.t(), y - y_mean_)) / n;
    }
    at::Tensor predict(const at::Tensor& x, double lambda) const {
        return at::matmul(at::matmul(x - x_mean_, vectors_), cross_ / (values_ + lambda).unsqueeze(1)) + y_mean_;
    }

private:
    at::Tensor x_mean_, y_mean_, values_, vectors_, cross_;
};

double choose_lambda(const at::Tensor& x, const at::Tensor& y, const std::vector<int>& fold, const JobContext& ctx) {
    std::vector<double> error(std::size(kLambdas), 0);
    for (const int held_out : std::set<int>(fold.begin(), fold.end())) {
        ctx.check_stop();
        Rows train, test;
        for (std::size_t i = 0; i < fold.size(); ++i) (fold[i] == held_out ? test : train).push_back(static_cast<std::int64_t>(i));
        if (train.size() < 2) continue;
        const RidgePath ridge(rows_of(x, train), rows_of(y, train));
        const auto truth = rows_of(y, test);
        for (std::size_t l = 0; l < error.size(); ++l) error[l] += (ridge.predict(rows_of(x, test), kLambdas[l]) - truth).pow(2).sum().item<double>();
    }
    return kLambdas[std::min_element(error.begin(), error.end()) - error.begin()];
}

// Spots × genes, every column centred and of unit variance, a constant one 0: what a correlation needs of it.
struct Columns {
    std::int64_t genes = 0;
    std::vector<double> values;

    explicit Columns(const at::Tensor& t) : genes(t.size(1)) {
        const auto mean = t.mean(0, true), centred = t - mean, variance = centred.pow(2).mean(0, true);
        const auto varies = variance > 1e-10 * (mean.pow(2) + 1);
        const auto scaled = (centred / (variance + varies.logical_not()).sqrt() * varies).contiguous();
        values.assign(scaled.data_ptr<double>(), scaled.data_ptr<double>() + scaled.numel());
    }
    const double* row(std::int64_t r) const { return values.data() + r * genes; }
};

// Mean over genes of r; with depth, of the partial correlation given it. Depth goes with the profile.
double mean_correlation(const Columns& predicted, const Columns& truth, const Columns* depth, const Rows& tiles, const Rows& profiles) {
    const auto g = static_cast<std::size_t>(truth.genes);
    const auto n = static_cast<double>(tiles.size());
    std::vector<double> p(g), y(g), pp(g), yy(g), py(g), pl(g), yl(g);
    double l = 0, ll = 0;
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        const double *a = predicted.row(tiles[i]), *b = truth.row(profiles[i]), d = depth ? *depth->row(profiles[i]) : 0;
        l += d, ll += d * d;
        for (std::size_t k = 0; k < g; ++k) {
            p[k] += a[k], y[k] += b[k], pp[k] += a[k] * a[k], yy[k] += b[k] * b[k], py[k] += a[k] * b[k];
            pl[k] += a[k] * d, yl[k] += b[k] * d;
        }
    }
    double sum = 0;
    ll -= l * l / n;
    for (std::size_t k = 0; k < g; ++k) {
        double vp = pp[k] - p[k] * p[k] / n, vy = yy[k] - y[k] * y[k] / n, c = py[k] - p[k] * y[k] / n;
        const double tiny_p = 1e-9 * pp[k], tiny_y = 1e-9 * yy[k];  // what rounding leaves of nothing
        if (ll > 1e-12 * n) {
            const double cp = pl[k] - p[k] * l / n, cy = yl[k] - y[k] * l / n;
            c -= cp * cy / ll, vp -= cp * cp / ll, vy -= cy * cy / ll;
        }
        if (vp > tiny_p && vy > tiny_y) sum += c / std::sqrt(vp * vy);
    }
    return g == 0 ? 0 : sum / static_cast<double>(g);
}

Columns log_depth(const std::vector<float>& depth) {
    std::vector<double> logs;
    for (const float d : depth) logs.push_back(std::log(std::max(d, 1.f)));
    return Columns(at::from_blob(logs.data(), {static_cast<std::int64_t>(logs.size()), 1}, at::kDouble).clone());
}

}  // namespace

RoundTrip round_trip(const FollowInputs& in, const JobContext& ctx) {
    c10::NoGradGuard no_grad;
    const FeatureScale scaled(feature_tensor(*in.train_features));
    const auto x = scaled(feature_tensor(*in.train_features)), y = feature_tensor(*in.train_profiles);

    RoundTrip out;
    out.lambda = choose_lambda(x, y, in.train_fold, ctx);
    const RidgePath ridge(x, y);
    const std::int64_t m = in.held_out_features->rows, passes = in.generated->rows / m;
    const auto of_generated = ridge.predict(scaled(feature_tensor(*in.generated)), out.lambda).view({passes, m, y.size(1)});
    const Columns predicted(of_generated.mean(0)), from_real(ridge.predict(scaled(feature_tensor(*in.held_out_features)), out.lambda));
    const Columns truth(feature_tensor(*in.held_out_profiles)), depth = log_depth(in.held_out_depth);

    const auto figure = [&](const Columns& prediction, const Columns* given) -> PairedFigure {
        return [&prediction, &truth, given](const Rows& tiles, const Rows& profiles) { return mean_correlation(prediction, truth, given, tiles, profiles); };
    };
    out.pearson = against_chance(m, in, ctx, false, figure(predicted, nullptr));
    out.depth_partial = against_chance(m, in, ctx, false, figure(predicted, &depth));
    out.real = bootstrap_spots(m, in, ctx, figure(from_real, nullptr));
    out.real_depth_partial = bootstrap_spots(m, in, ctx, figure(from_real, &depth));
    for (std::int64_t p = 0; p < passes; ++p) {
        const Columns alone(of_generated.select(0, p));
        out.single_passes.push_back(mean_correlation(alone, truth, nullptr, all_rows(m), all_rows(m)));
    }
    return out;
}

}  // namespace c2l
