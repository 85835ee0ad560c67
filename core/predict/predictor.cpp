#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "predict/predictor_state.h"

namespace c2l {
namespace {

constexpr std::int64_t kFewestSpots = 4;
constexpr std::int64_t kBatch = 512;  // places whose kernel rows are in memory at once

void check_finite(const Matrix& m, const std::string& what) {
    if (!std::all_of(m.values.begin(), m.values.end(), [](float v) { return std::isfinite(v); }))
        throw Error(ErrorCode::BadInput, "some of the " + what + " are not finite numbers");
}

void check_parents(const std::vector<std::int64_t>& parents, std::int64_t spots) {
    for (const auto p : parents)
        if (p < 0 || p >= spots)
            throw Error(ErrorCode::Internal,
                        "a synthetic pair names spot " + std::to_string(p) + " of " + std::to_string(spots) + " as its parent");
}

void check(const FitInputs& in, const GenePanel& panel, double pitch_um, const FitParams& params) {
    const auto n = in.real.rows(), s = in.synthetic.rows();
    if (n < kFewestSpots)
        throw Error(ErrorCode::BadInput,
                    "a predictor needs " + std::to_string(kFewestSpots) + " training spots at least and has " + std::to_string(n));
    const auto genes = static_cast<std::int64_t>(panel.genes.size());
    if (genes < 1) throw Error(ErrorCode::BadInput, "a predictor needs at least one gene");
    if (panel.mean.size() != panel.genes.size() || panel.sd.size() != panel.genes.size())
        throw Error(ErrorCode::Internal, "the gene panel has not been fitted");
    if (in.targets.rows != n || in.targets.cols != genes || static_cast<std::int64_t>(in.depth.size()) != n)
        throw Error(ErrorCode::Internal, "training places, targets and depths differ in number");
    if (in.synthetic_targets.rows != s || static_cast<std::int64_t>(in.synthetic_parent.size()) != s ||
        (s > 0 && in.synthetic_targets.cols != genes) ||
        (!in.synthetic_parent2.empty() && in.synthetic_parent2.size() != in.synthetic_parent.size()))
        throw Error(ErrorCode::Internal, "synthetic places, targets and parents differ in number");
    check_parents(in.synthetic_parent, n);
    check_parents(in.synthetic_parent2, n);
    check_finite(in.targets, "training targets");
    check_finite(in.synthetic_targets, "synthetic targets");
    for (const auto& block : in.real.blocks) check_finite(block, "features");
    for (const auto& block : in.synthetic.blocks) check_finite(block, "synthetic features");
    if (params.lambdas.empty() ||
        !std::all_of(params.lambdas.begin(), params.lambdas.end(), [](double l) { return l > 0 && std::isfinite(l); }))
        throw Error(ErrorCode::BadInput, "the ridge strengths to choose from must be positive numbers");
    if (!(pitch_um > 0) || !(params.spatial_weight >= 0) || !(params.spatial_pitches > 0) || params.max_rows < 2 * kFewestSpots)
        throw Error(ErrorCode::BadInput, "the spot pitch and the spatial settings of a predictor must be positive");
}

Matrix select_rows(const Matrix& m, const std::vector<std::int64_t>& rows) {
    Matrix out(static_cast<std::int64_t>(rows.size()), m.cols);
    for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(m.row(rows[i]), m.cols, out.row(static_cast<std::int64_t>(i)));
    return out;
}

// One spot from each of `count` compact cells.
std::vector<std::int64_t> thin_evenly(const FitInputs& in, std::int64_t count, std::uint64_t seed) {
    std::vector<double> x, y;
    for (std::size_t b = 0; b < in.real.names.size(); ++b)
        if (in.real.names[b] == kPositionBlock)
            for (std::int64_t i = 0; i < in.real.rows(); ++i)
                x.push_back(in.real.blocks[b].at(i, 0)), y.push_back(in.real.blocks[b].at(i, 1));
    if (x.empty())
        for (std::int64_t i = 0; i < in.real.rows(); ++i) x.push_back(static_cast<double>(i)), y.push_back(0);
    const auto cell = spatial_folds(x, y, static_cast<int>(count), seed);
    std::vector<std::int64_t> first(static_cast<std::size_t>(count), -1);
    for (std::size_t i = 0; i < cell.size(); ++i)
        if (auto& f = first[static_cast<std::size_t>(cell[i])]; f < 0) f = static_cast<std::int64_t>(i);
    std::sort(first.begin(), first.end());
    return first;
}

// The dual form costs rows² memory and rows³ time.
FitInputs thinned(const FitInputs& in, const FitParams& params, const JobContext& ctx) {
    const auto n = in.real.rows(), s = in.synthetic.rows();
    std::vector<std::int64_t> real(static_cast<std::size_t>(n)), synthetic;
    std::iota(real.begin(), real.end(), std::int64_t{0});
    if (n > params.max_rows) real = thin_evenly(in, params.max_rows, derive_seed(params.seed, "thin spots"));
    std::vector<std::int64_t> place(static_cast<std::size_t>(n), -1);
    for (std::size_t i = 0; i < real.size(); ++i) place[static_cast<std::size_t>(real[i])] = static_cast<std::int64_t>(i);
    for (std::int64_t i = 0; i < s; ++i) {
        const auto at = static_cast<std::size_t>(i);
        if (place[static_cast<std::size_t>(in.synthetic_parent[at])] >= 0 &&
            (in.synthetic_parent2.empty() || place[static_cast<std::size_t>(in.synthetic_parent2[at])] >= 0))
            synthetic.push_back(i);
    }
    // Beside as many spots as there may be, a third as many pairs again: without any they could not be judged.
    const auto room = static_cast<std::size_t>(std::max(params.max_rows - static_cast<std::int64_t>(real.size()), params.max_rows / 3));
    if (synthetic.size() > room) {
        Random(derive_seed(params.seed, "thin synthetic")).shuffle(synthetic);
        synthetic.resize(room);
        std::sort(synthetic.begin(), synthetic.end());
    }
    if (static_cast<std::int64_t>(real.size()) < n || static_cast<std::int64_t>(synthetic.size()) < s)
        ctx.issue({Severity::Info,
                   "The predictor was fitted on " + std::to_string(real.size()) + " of " + std::to_string(n) + " spots and " +
                       std::to_string(synthetic.size()) + " of " + std::to_string(s) +
                       " synthetic pairs, evenly chosen, to bound its memory.",
                   ""});
    FitInputs out;
    out.real = in.real.select(real);
    out.targets = select_rows(in.targets, real);
    for (const auto r : real) out.depth.push_back(in.depth[static_cast<std::size_t>(r)]);
    if (synthetic.empty()) return out;
    out.synthetic = in.synthetic.select(synthetic);
    out.synthetic_targets = select_rows(in.synthetic_targets, synthetic);
    for (const auto i : synthetic) {
        out.synthetic_parent.push_back(place[static_cast<std::size_t>(in.synthetic_parent[static_cast<std::size_t>(i)])]);
        if (!in.synthetic_parent2.empty())
            out.synthetic_parent2.push_back(place[static_cast<std::size_t>(in.synthetic_parent2[static_cast<std::size_t>(i)])]);
    }
    return out;
}

// Share of held-out training spots that are as far from what was trained on, doubled: typical places reach 1.
float in_distribution_score(double likeness, const std::vector<float>& calibration) {
    const auto below = std::upper_bound(calibration.begin(), calibration.end(), static_cast<float>(likeness)) - calibration.begin();
    return static_cast<float>(std::min(1.0, 2.0 * static_cast<double>(below) / static_cast<double>(calibration.size() + 1)));
}

}  // namespace

Predictor::Predictor() : state_(std::make_unique<State>()) {}
Predictor::~Predictor() = default;
Predictor::Predictor(Predictor&&) noexcept = default;
Predictor& Predictor::operator=(Predictor&&) noexcept = default;

const GenePanel& Predictor::panel() const { return state_->panel; }
double Predictor::lambda() const { return state_->lambda; }
double Predictor::synthetic_weight() const { return state_->synthetic_weight; }
Predictor::InnerError Predictor::inner_error() const { return state_->inner_error; }
std::int64_t Predictor::rows() const { return state_->rows.rows(); }
const std::string& Predictor::encoder_id() const { return state_->encoder_id; }
void Predictor::set_encoder_id(std::string id) { state_->encoder_id = std::move(id); }

Predictor Predictor::fit(const FitInputs& given, const GenePanel& panel, double pitch_um, const FitParams& params, const JobContext& ctx) {
    c10::NoGradGuard no_grad;
    check(given, panel, pitch_um, params);
    const FitInputs inputs = thinned(given, params, ctx);
    const Choice choice = choose_by_inner_folds(inputs, params, pitch_um, ctx);

    std::vector<std::int64_t> all(static_cast<std::size_t>(inputs.real.rows()));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    const Design design(inputs, all, params, pitch_um);
    const auto n = design.active(choice.synthetic_weight);
    const auto gram = design.kernel(design.rows, design.rows).narrow(0, 0, n).narrow(1, 0, n);

    Predictor out;
    State& s = *out.state_;
    s.panel = panel;
    s.lambda = choice.lambda;
    s.synthetic_weight = choice.synthetic_weight;
    s.inner_error = choice.error;
    s.non_negative = std::all_of(inputs.targets.values.begin(), inputs.targets.values.end(), [](float v) { return v >= 0; });
    s.kernel = design.kernel;
    std::vector<std::int64_t> kept(static_cast<std::size_t>(n));
    std::iota(kept.begin(), kept.end(), std::int64_t{0});
    s.rows = design.rows.take(kept);
    s.spots = inputs.real.rows();
    s.ridge = fit_ridge(gram, design.targets.narrow(0, 0, n), design.weights(choice.synthetic_weight), choice.lambda);
    s.members = fit_ensemble(inputs, design, gram, choice, params);
    s.member_variance =
        gene_variance(to_tensor(inputs.targets)).index_select(1, at::tensor(ensemble_genes(inputs.targets.cols), at::kLong));
    s.calibration = calibrate(inputs, choice, params, pitch_um, ctx);
    return out;
}

Predictor::Prediction Predictor::predict(const PlaceFeatures& places) const {
    c10::NoGradGuard no_grad;
    const State& s = *state_;
    if (!s.kernel) throw Error(ErrorCode::Internal, "this predictor has not been fitted");
    const auto n = places.rows(), genes = static_cast<std::int64_t>(s.panel.genes.size());
    Prediction out{Matrix(n, genes), Matrix(n, genes), Matrix(n, genes), std::vector<float>(static_cast<std::size_t>(n))};
    std::vector<std::int64_t> spots(static_cast<std::size_t>(s.spots));
    std::iota(spots.begin(), spots.end(), std::int64_t{0});
    const Embedding spot_rows = s.rows.take(spots);
    for (std::int64_t first = 0; first < n; first += kBatch) {
        std::vector<std::int64_t> batch(static_cast<std::size_t>(std::min(kBatch, n - first)));
        std::iota(batch.begin(), batch.end(), first);
        const auto here = s.kernel->embed(places.select(batch));
        const auto to_rows = (*s.kernel)(here, s.rows);
        const auto mean = s.ridge.predict(to_rows);
        const auto scale = (ensemble_spread(s.members, to_rows, s.member_variance) + s.calibration.base_variance).sqrt().unsqueeze(1);
        const auto half = scale * s.calibration.residual_quantile;
        const auto write = [&](Matrix& to, const at::Tensor& values) {
            const Matrix m = to_matrix(s.non_negative ? values.clamp_min(0) : values);
            std::copy(m.values.begin(), m.values.end(), to.row(first));
        };
        write(out.mean, mean);
        write(out.lower, mean - half);
        write(out.upper, mean + half);
        const auto alike = mean_likeness(*s.kernel, here, spot_rows).contiguous();
        for (std::size_t i = 0; i < batch.size(); ++i)
            out.in_distribution[static_cast<std::size_t>(first) + i] =
                in_distribution_score(alike.data_ptr<double>()[i], s.calibration.likeness);
    }
    return out;
}

}  // namespace c2l
