// Rectified flow (SiT, arXiv 2401.08740): latent(t) = (1 − t)·noise + t·image; the network predicts image − noise.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <utility>
#include <vector>

#include "base/random.h"
#include "generate/generate.h"

namespace c2l::generate {

using Velocity = std::function<at::Tensor(const at::Tensor& latent, const at::Tensor& time)>;

// N times, logit-normal(0, 1) (Esser 2024).
at::Tensor logit_normal_times(std::int64_t n, Random& random);
// Standard normal numbers from our own generator: the same on every machine. CPU.
at::Tensor normal_noise(at::IntArrayRef shape, Random& random);

// Mean squared error of the velocity at the given times, each item's weighted by `weight` (N) where that is defined.
at::Tensor flow_loss(const at::Tensor& image, const at::Tensor& noise, const at::Tensor& time, const Velocity& velocity, const at::Tensor& weight = {});
// The same for each item: N.
at::Tensor flow_losses(const at::Tensor& image, const at::Tensor& noise, const at::Tensor& time, const Velocity& velocity, const at::Tensor& weight = {});

// The velocity with the condition c and with what guidance leads away from, u, of equal inputs, from one pass.
using VelocityPair = std::function<std::pair<at::Tensor, at::Tensor>(const at::Tensor& latent, const at::Tensor& time)>;

// Integrates noise to image over the given rising times (see Denoiser::sampling_times), or in equal steps. Guidance w gives
// u + w (c − u) for times within [guidance_low, guidance_high] (arXiv 2404.07724), c outside; null `both`: no guidance. Samplers: "euler"; "heun" (2nd order, two evaluations a step but for the last);
// "dpm++2m": DPM-Solver++(2M) (arXiv 2211.01095), 2nd order from one evaluation a step. Throws Error(BadInput) for other names.
at::Tensor integrate(at::Tensor noise, const Velocity& conditional, const VelocityPair* both, const SampleParams& params, const JobContext& ctx,
                     std::vector<double> times = {});

}  // namespace c2l::generate
