// Networks of denoising diffusion (DDPM, arXiv 2006.11239) seen as velocity fields on the straight path, so that every sampler and the
// training loss of this program serve them unchanged.
//
// Both processes mix image x0 and noise e: DDPM as a·x0 + s·e with a² + s² = 1 at steps 0 … N−1, the straight path as t·x0 + (1 − t)·e.
// They meet where the ratios agree, a/s = t/(1 − t): there the straight latent divided by √(t² + (1 − t)²) is the DDPM one (Kingma 2021,
// arXiv 2107.00630: only the signal-to-noise ratio matters; Karras 2022, arXiv 2206.00364, for the rescaling). Steps between whole ones are
// found by interpolating log(a/s), as DPM-Solver does (arXiv 2206.00927). Times beyond the schedule's ends are taken as its ends.
// Euler steps of this velocity between the times of two DDPM steps are DDIM steps (arXiv 2010.02502).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace c2l::generate {

struct ScheduleParams {
    double beta_start = 1e-4, beta_end = 0.02;
    std::string schedule = "linear";     // or scaled_linear: linear in √β, as Stable Diffusion has it
    int steps = 1000;
    std::string prediction = "epsilon";  // or v (arXiv 2202.00512)
};

class NoiseSchedule {
public:
    // Throws Error(BadInput).
    explicit NoiseSchedule(const ScheduleParams& params);

    double first_time() const { return first_; }  // of the last, noisiest step
    double last_time() const { return last_; }    // of step 0
    double time_of_step(double step) const;       // 0 … N−1

    // So many times, equally spaced in log(a/s) from the noisiest step on as DPM-Solver has them, then 1. An error of the network in the
    // noisiest steps is magnified by 1/t in the image it points to; small steps there keep that from being followed far.
    std::vector<double> sampling_times(int steps) const;

    // N times in [0, 1] → those within the schedule; fp32.
    at::Tensor clamp(const at::Tensor& time) const;
    at::Tensor step_of(const at::Tensor& time) const;  // N, 0 … N−1, fp32
    // Latents N×C×H×W of the straight path at `time` → those the network knows.
    at::Tensor to_network(const at::Tensor& latent, const at::Tensor& time) const;
    // What the network said of them → velocity (image − noise) at the straight latent.
    at::Tensor velocity(const at::Tensor& latent, const at::Tensor& time, const at::Tensor& prediction) const;
    // Weight of a squared velocity error, N, that makes it the squared error of the network's own target.
    at::Tensor loss_weight(const at::Tensor& time) const;

private:
    bool predicts_v_;
    std::vector<double> log_ratio_;  // of every step, falling
    double first_ = 0, last_ = 1;
    mutable at::Tensor rising_;      // log_ratio_ backwards, on the device of the last call
};

}  // namespace c2l::generate
