#include "nn/adamw.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/kernels.h"

namespace c2l::nn {
namespace {

// A view of `count` numbers of a flat buffer in the given layout (dense, any order of dimensions).
at::Tensor view(const at::Tensor& flat, std::int64_t offset, const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& strides) {
    return flat.as_strided(shape, strides, offset);
}

}  // namespace

AdamW::AdamW(std::vector<Group> groups, const AdamWParams& params) : params_(params) {
    c10::NoGradGuard no_grad;
    std::int64_t total = 0;
    c10::Device device(c10::kCPU);
    for (const auto& group : groups)
        for (const auto& [name, tensor] : group.parameters) {
            spans_.push_back({name, total, tensor.numel(), tensor.sizes().vec(), tensor.strides().vec(), group.rate, tensor.dim() > 1});
            total += tensor.numel();
            device = tensor.device();
        }
    const auto options = at::TensorOptions(c10::kFloat).device(device);
    weights_ = at::zeros({total}, options);
    gradients_ = at::zeros({total}, options);
    first_ = at::zeros({total}, options);
    second_ = at::zeros({total}, options);
    std::size_t i = 0;
    for (auto& group : groups)
        for (auto& [name, tensor] : group.parameters) {
            const auto& span = spans_[i++];
            auto home = view(weights_, span.offset, span.shape, span.strides);
            home.copy_(tensor);
            tensor.set_data(home);
            tensor.set_requires_grad(true);
            parameters_.push_back(tensor);
            tensor.mutable_grad() = view(gradients_, span.offset, span.shape, span.strides);
        }
    average_ = weights_.clone();
    if (weights_.is_cpu() && params_.fused) return;
    decays_ = at::zeros({total}, options);
    if (std::any_of(spans_.begin(), spans_.end(), [](const Span& span) { return span.rate != 1.0; })) rates_ = at::zeros({total}, options);
    for (const auto& span : spans_) {
        if (span.decay) decays_.narrow(0, span.offset, span.count).fill_(span.rate);
        if (rates_.defined()) rates_.narrow(0, span.offset, span.count).fill_(span.rate);
    }
}

bool AdamW::step(double rate_factor) {
    c10::NoGradGuard no_grad;
    double norm = 0;
    if (!decays_.defined() && !std::isfinite(norm = gradients_.norm().item<double>())) return false;
    ++steps_;
    const double ema = std::min(params_.ema, (1.0 + static_cast<double>(steps_)) / (10.0 + static_cast<double>(steps_)));
    const double rate = params_.learning_rate * rate_factor;
    if (decays_.defined())
        step_whole(rate, ema);
    else
        step_fused(rate, ema, norm);
    touch();
    return true;
}

bool AdamW::is_finite() const { return first_.isfinite().all().item<bool>(); }

// The parameters share memory with the flat buffer but not its version.
void AdamW::touch() {
    for (const auto& parameter : parameters_) parameter.unsafeGetTensorImpl()->bump_version();
}

void AdamW::step_fused(double rate, double ema, double norm) {
    const double clip = params_.clip_norm > 0 && norm > params_.clip_norm ? params_.clip_norm / norm : 1.0;
    auto *w = weights_.data_ptr<float>(), *m = first_.data_ptr<float>(), *v = second_.data_ptr<float>(), *a = average_.data_ptr<float>();
    auto* g = gradients_.data_ptr<float>();
    const double n = static_cast<double>(steps_);
    const auto correct1 = static_cast<float>(1.0 / (1.0 - std::pow(params_.beta1, n)));
    const auto correct2 = static_cast<float>(1.0 / (1.0 - std::pow(params_.beta2, n)));
    for (const auto& span : spans_) {
        const kernels::AdamWStep step{static_cast<float>(clip),
                                      static_cast<float>(params_.beta1),
                                      static_cast<float>(params_.beta2),
                                      correct1,
                                      correct2,
                                      static_cast<float>(params_.epsilon),
                                      static_cast<float>(rate * span.rate),
                                      static_cast<float>(span.decay ? 1.0 - rate * span.rate * params_.weight_decay : 1.0),
                                      static_cast<float>(ema)};
        at::parallel_for(span.offset, span.offset + span.count, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
            kernels::adamw_step(end - begin, step, g + begin, w + begin, m + begin, v + begin, a + begin);
        });
    }
}

void AdamW::step_whole(double rate, double ema) {
    if (params_.clip_norm > 0) gradients_.mul_(gradients_.norm().clamp_min_(params_.clip_norm).reciprocal_().mul_(params_.clip_norm));
    first_.lerp_(gradients_, 1.0 - params_.beta1);
    second_.mul_(params_.beta2).addcmul_(gradients_, gradients_, 1.0 - params_.beta2);
    const double n = static_cast<double>(steps_);
    const double c1 = 1.0 - std::pow(params_.beta1, n), c2 = 1.0 - std::pow(params_.beta2, n);
    auto update = first_ / second_.div(c2).sqrt_().add_(params_.epsilon);
    if (rates_.defined()) update.mul_(rates_);
    if (params_.weight_decay > 0) weights_.addcmul_(weights_, decays_, -rate * params_.weight_decay);
    weights_.sub_(update, rate / c1);
    average_.lerp_(weights_, 1.0 - ema);
    gradients_.zero_();
}

std::map<std::string, at::Tensor> AdamW::averaged() const {
    std::map<std::string, at::Tensor> out;
    for (const auto& span : spans_) out.emplace(span.name, view(average_, span.offset, span.shape, span.strides).to(c10::kCPU).contiguous().clone());
    return out;
}

void AdamW::swap_averaged() {
    c10::NoGradGuard no_grad;
    const auto live = weights_.clone();
    weights_.copy_(average_);
    average_.copy_(live);
    touch();
}

std::map<std::string, at::Tensor> AdamW::state() const {
    return {{"optimiser.weights", weights_}, {"optimiser.first", first_}, {"optimiser.second", second_}, {"optimiser.average", average_}, {"optimiser.row_major", at::ones({1})},
            {"optimiser.steps", at::full({1}, steps_, c10::kLong)}};
}

void AdamW::load_state(const TensorFile& file) {
    c10::NoGradGuard no_grad;
    file.at("optimiser.row_major", {1});  // earlier checkpoints order the weights of convolutions in another way
    weights_.copy_(file.at("optimiser.weights", weights_.sizes()));
    first_.copy_(file.at("optimiser.first", first_.sizes()));
    second_.copy_(file.at("optimiser.second", second_.sizes()));
    average_.copy_(file.at("optimiser.average", average_.sizes()));
    steps_ = file.at("optimiser.steps", {1}).item<std::int64_t>();
    touch();
}

double cosine_schedule(std::int64_t step, std::int64_t total, std::int64_t warmup, double floor) {
    if (step < warmup) return static_cast<double>(step + 1) / static_cast<double>(warmup);
    const double t = static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(1, total - warmup));
    return floor + (1.0 - floor) * 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, t)));
}

}  // namespace c2l::nn
