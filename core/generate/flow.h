// Rectified flow (SiT, arXiv 2401.08740): latent(t) = (1 − t)·noise + t·image; the network predicts image − noise.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "base/random.h"
#include "generate/generate.h"

namespace c2l::generate {

using Velocity = std::function<at::Tensor(const at::Tensor& latent, const at::Tensor& time)>;

// N times, logit-normal(0, 1) (Esser 2024).
at::Tensor logit_normal_times(std::int64_t n, Random& random);
// Standard normal numbers from our own generator: the same on every machine. CPU.
at::Tensor normal_noise(at::IntArrayRef shape, Random& random);

// Mean squared error of the velocity at the given times; per item (N) when `each`.
at::Tensor flow_loss(const at::Tensor& image, const at::Tensor& noise, const at::Tensor& time, const Velocity& velocity, bool each = false);

// Integrates noise to image. `conditional` and `unconditional` are called with equal inputs; guidance w gives
// u + w (c − u) for times within [guidance_low, guidance_high], c outside. Null `unconditional`: no guidance.
at::Tensor integrate(at::Tensor noise, const Velocity& conditional, const Velocity* unconditional, const SampleParams& params, const JobContext& ctx);

}  // namespace c2l::generate
