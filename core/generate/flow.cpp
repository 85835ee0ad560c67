#include "generate/flow.h"

#include <ATen/ATen.h>

#include <cmath>

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

at::Tensor flow_loss(const at::Tensor& image, const at::Tensor& noise, const at::Tensor& time, const Velocity& velocity, bool each) {
    const auto t = time.view({-1, 1, 1, 1});
    const auto mixed = at::lerp(noise, image, t.expand_as(image)).contiguous(at::MemoryFormat::ChannelsLast);
    const auto error = (velocity(mixed, time) - (image - noise)).square();
    return each ? error.mean({1, 2, 3}) : error.mean();
}

at::Tensor integrate(at::Tensor x, const Velocity& conditional, const Velocity* unconditional, const SampleParams& params, const JobContext& ctx) {
    if (params.sampler != "heun" && params.sampler != "euler")
        throw Error(ErrorCode::BadInput, "sampler \"" + params.sampler + "\" is not one of heun, euler");
    if (params.steps < 1 || params.steps > 1000) throw Error(ErrorCode::BadInput, "the sampler takes 1 to 1000 steps");
    const auto velocity = [&](const at::Tensor& at_x, double t) {
        ctx.check_stop();
        const auto time = at::full({at_x.size(0)}, t, at_x.options());
        const auto c = conditional(at_x, time);
        const bool guided = unconditional && params.guidance != 1.0 && t >= params.guidance_low && t <= params.guidance_high;
        if (!guided) return c;
        const auto u = (*unconditional)(at_x, time);
        return u + (c - u) * params.guidance;
    };
    for (int i = 0; i < params.steps; ++i) {
        const double t = static_cast<double>(i) / params.steps, next = static_cast<double>(i + 1) / params.steps, dt = next - t;
        const auto v = velocity(x, t);
        if (params.sampler == "euler" || i + 1 == params.steps)
            x = x + v * dt;
        else
            x = x + (v + velocity(x + v * dt, next)) * (0.5 * dt);
    }
    return x;
}

}  // namespace c2l::generate
