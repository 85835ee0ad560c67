// What every denoiser is to the rest: a velocity field with modulation sites.
//
// It predicts the velocity (image − noise) of the straight path from noise (time 0) to image (time 1) in latent space.
// A modulation site is one (scale, shift, gate) triple of C channels each, computed from the embedding of time; an adapter
// may add to it. This is the one interface between denoisers and adapters.
#pragma once

#include <functional>
#include <vector>

#include "nn/parameters.h"

namespace c2l::generate {

// Adds to the modulation (N × 3C: scale, shift, gate) of a site, from the embedding of time (N × embedding()).
using Modulator = std::function<at::Tensor(int site, const at::Tensor& time_embedding)>;

class Denoiser {
public:
    virtual ~Denoiser() = default;

    // latent N×C×H×W, time N in [0, 1] → velocity N×C×H×W, fp32. `modulator` may be null. Products in bfloat16 where `bf16`.
    virtual at::Tensor operator()(const at::Tensor& latent, const at::Tensor& time, const Modulator* modulator, bool bf16) const = 0;
    virtual int embedding() const = 0;

    // Weight of an item's squared velocity error in training, N; undefined: 1. For networks that were trained on another target.
    virtual at::Tensor loss_weight(const at::Tensor& time) const {
        (void)time;
        return {};
    }

    // The times a sampler of so many steps stops at, rising to 1; empty: equal steps from 0. For networks that know no noisier start.
    virtual std::vector<double> sampling_times(int steps) const {
        (void)steps;
        return {};
    }

    // Channels C of each site.
    const std::vector<int>& sites() const { return sites_; }
    nn::ParameterSet& parameters() { return set_; }
    const nn::ParameterSet& parameters() const { return set_; }

protected:
    nn::ParameterSet set_;
    std::vector<int> sites_;
};

}  // namespace c2l::generate
