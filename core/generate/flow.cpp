#include "generate/flow.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "base/error.h"

namespace c2l::generate {

at::Tensor logit_normal_times(std::int64_t n, Random& random) {
    auto time = at::empty({n}, c10::kFloat);
    for (std::int64_t i = 0; i < n; ++i) time.data_ptr<float>()[i] = static_cast<float>(1.0 / (1.0 + std::exp(-random.normal())));
    return time;
}

at::Tensor normal_noise(at::IntArrayRef shape, Random& random) {
    auto noise = at::empty(shape, c10::kFloat);
    auto* p = noise.data_ptr<float>();
    for (std::int64_t i = 0; i < noise.numel(); ++i) p[i] = static_cast<float>(random.normal());
    return noise;
}

namespace {

at::Tensor squared_errors(const at::Tensor& image, const at::Tensor& noise, const at::Tensor& time, const Velocity& velocity) {
    const auto t = time.view({-1, 1, 1, 1});
    const auto mixed = at::lerp(noise, image, t.expand_as(image)).contiguous(at::MemoryFormat::ChannelsLast);
    return (velocity(mixed, time) - (image - noise)).square();
}

}  // namespace

at::Tensor flow_loss(const at::Tensor& image, const at::Tensor& noise, const at::Tensor& time, const Velocity& velocity, const at::Tensor& weight) {
    return weight.defined() ? flow_losses(image, noise, time, velocity, weight).mean() : squared_errors(image, noise, time, velocity).mean();
}

at::Tensor flow_losses(const at::Tensor& image, const at::Tensor& noise, const at::Tensor& time, const Velocity& velocity, const at::Tensor& weight) {
    const auto losses = squared_errors(image, noise, time, velocity).mean({1, 2, 3});
    return weight.defined() ? losses * weight : losses;
}

namespace {

using FollowedVelocity = std::function<at::Tensor(const at::Tensor& x, double t)>;

at::Tensor follow_euler(at::Tensor x, const FollowedVelocity& velocity, const std::vector<double>& times) {
    for (std::size_t i = 0; i + 1 < times.size(); ++i) x = x + velocity(x, times[i]) * (times[i + 1] - times[i]);
    return x;
}

// The last step is Euler's: the network has not learnt anything at time 1.
at::Tensor follow_heun(at::Tensor x, const FollowedVelocity& velocity, const std::vector<double>& times) {
    for (std::size_t i = 0; i + 1 < times.size(); ++i) {
        const double dt = times[i + 1] - times[i];
        const auto v = velocity(x, times[i]);
        x = i + 2 == times.size() ? x + v * dt : x + (v + velocity(x + v * dt, times[i + 1])) * (0.5 * dt);
    }
    return x;
}

// DPM-Solver++(2M), algorithm 2 of arXiv 2211.01095, on the straight path: α = t, σ = 1 − t, λ = log(α/σ), and the image that the network
// predicts is x + σ v. λ is −∞ at the first time and ∞ at the last: the limits of the steps that touch them are of first order, which on this
// path is Euler's step. Its errors add up to O(h² log 1/h).
at::Tensor follow_dpm_solver(at::Tensor x, const FollowedVelocity& velocity, const std::vector<double>& times) {
    const auto lambda = [&](std::size_t i) { return std::log(times[i] / (1 - times[i])); };
    const std::size_t last = times.size() - 2;
    at::Tensor before;
    for (std::size_t i = 0; i <= last; ++i) {
        const double t = times[i], next = times[i + 1], shrink = (1 - next) / (1 - t);
        const auto image = x + velocity(x, t) * (1 - t);
        auto towards = image;
        if (i > 1 && i < last) towards = image + (image - before) * ((lambda(i + 1) - lambda(i)) / (2 * (lambda(i) - lambda(i - 1))));
        x = x * shrink + towards * (next - t * shrink);
        before = image;
    }
    return x;
}

}  // namespace

at::Tensor integrate(at::Tensor x, const Velocity& conditional, const VelocityPair* both, const SampleParams& params, const JobContext& ctx,
                     std::vector<double> times) {
    if (params.steps < 1 || params.steps > 1000) throw Error(ErrorCode::BadInput, "the sampler takes 1 to 1000 steps");
    const FollowedVelocity velocity = [&](const at::Tensor& at_x, double t) {
        ctx.check_stop();
        const auto time = at::full({at_x.size(0)}, t, at_x.options());
        const bool guided = both && params.guidance != 1.0 && t >= params.guidance_low && t <= params.guidance_high;
        if (!guided) return conditional(at_x, time);
        const auto [c, u] = (*both)(at_x, time);
        return u + (c - u) * params.guidance;
    };
    if (times.empty())
        for (int i = 0; i <= params.steps; ++i) times.push_back(static_cast<double>(i) / params.steps);
    if (params.sampler == "euler") return follow_euler(std::move(x), velocity, times);
    if (params.sampler == "heun") return follow_heun(std::move(x), velocity, times);
    if (params.sampler == "dpm++2m") return follow_dpm_solver(std::move(x), velocity, times);
    throw Error(ErrorCode::BadInput, "sampler \"" + params.sampler + "\" is not one of heun, euler, dpm++2m");
}

}  // namespace c2l::generate
