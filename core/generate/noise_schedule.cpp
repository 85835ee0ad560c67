#include "generate/noise_schedule.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace c2l::generate {
namespace {

double time_of(double log_ratio) { return 1.0 / (1.0 + std::exp(-log_ratio)); }

at::Tensor per_item(const at::Tensor& values) { return values.view({-1, 1, 1, 1}); }

}  // namespace

NoiseSchedule::NoiseSchedule(const ScheduleParams& p) : predicts_v_(p.prediction == "v") {
    if (p.prediction != "v" && p.prediction != "epsilon") throw Error(ErrorCode::BadInput, "prediction \"" + p.prediction + "\" is not one of epsilon, v");
    const bool scaled = p.schedule == "scaled_linear";
    if (!scaled && p.schedule != "linear") throw Error(ErrorCode::BadInput, "schedule \"" + p.schedule + "\" is not one of linear, scaled_linear");
    if (!(p.beta_start > 0) || !(p.beta_end < 1) || !(p.beta_start <= p.beta_end) || p.steps < 2 || p.steps > 100000)
        throw Error(ErrorCode::BadInput, "a noise schedule needs 0 < beta_start <= beta_end < 1 and 2 to 100,000 steps");
    double kept = 0;  // log of the product of 1 − β, that is of a²
    for (int i = 0; i < p.steps; ++i) {
        const double share = static_cast<double>(i) / (p.steps - 1);
        const double root = std::sqrt(p.beta_start) + share * (std::sqrt(p.beta_end) - std::sqrt(p.beta_start));
        kept += std::log1p(-(scaled ? root * root : p.beta_start + share * (p.beta_end - p.beta_start)));
        log_ratio_.push_back(0.5 * (kept - std::log(-std::expm1(kept))));
    }
    first_ = time_of(log_ratio_.back());
    last_ = time_of(log_ratio_.front());
    rising_ = at::empty({p.steps}, c10::kDouble);
    std::reverse_copy(log_ratio_.begin(), log_ratio_.end(), rising_.data_ptr<double>());
}

double NoiseSchedule::time_of_step(double step) const {
    const double inside = std::clamp(step, 0.0, static_cast<double>(log_ratio_.size() - 1));
    const auto below = std::min(static_cast<std::size_t>(inside), log_ratio_.size() - 2);
    const double share = inside - static_cast<double>(below);
    return time_of(log_ratio_[below] + share * (log_ratio_[below + 1] - log_ratio_[below]));
}

std::vector<double> NoiseSchedule::sampling_times(int steps) const {
    std::vector<double> times;
    for (int i = 0; i < steps; ++i) times.push_back(time_of(log_ratio_.back() + (log_ratio_.front() - log_ratio_.back()) * i / steps));
    times.push_back(1.0);
    return times;
}

at::Tensor NoiseSchedule::clamp(const at::Tensor& time) const { return time.clamp(first_, last_); }

at::Tensor NoiseSchedule::step_of(const at::Tensor& time) const {
    if (rising_.device() != time.device()) rising_ = rising_.to(time.device());
    const auto count = static_cast<std::int64_t>(log_ratio_.size());
    const auto t = time.to(c10::kDouble).clamp(first_, last_);
    const auto ratio = (t / (1.0 - t)).log();
    const auto above = at::searchsorted(rising_, ratio).clamp(1, count - 1);
    const auto low = rising_.index_select(0, above - 1), high = rising_.index_select(0, above);
    const auto position = (above - 1) + ((ratio - low) / (high - low)).clamp(0.0, 1.0);
    return (static_cast<double>(count - 1) - position).to(c10::kFloat);
}

at::Tensor NoiseSchedule::to_network(const at::Tensor& latent, const at::Tensor& time) const {
    const auto t = per_item(clamp(time));
    return latent / (t.square() + (1.0 - t).square()).sqrt();
}

at::Tensor NoiseSchedule::velocity(const at::Tensor& latent, const at::Tensor& time, const at::Tensor& prediction) const {
    const auto t = per_item(clamp(time));
    if (!predicts_v_) return (latent - prediction) / t;  // x0 − e, with x0 = (latent − (1 − t) e) / t
    const auto norm = (t.square() + (1.0 - t).square()).sqrt(), a = t / norm, s = (1.0 - t) / norm;
    const auto x = latent / norm;
    return (a * x - s * prediction) - (s * x + a * prediction);
}

at::Tensor NoiseSchedule::loss_weight(const at::Tensor& time) const {
    const auto t = clamp(time);
    return predicts_v_ ? t.square() + (1.0 - t).square() : t.square();
}

}  // namespace c2l::generate
