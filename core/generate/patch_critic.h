// A network that tells real tiles from decoded ones, patch by patch: the opponent against which the decoder learns texture that an average error
// smooths away (PatchGAN, Isola 2017; in an autoencoder for diffusion: Rombach 2022). Needed while training only.
#pragma once

#include <vector>

#include "nn/layers.h"

namespace c2l::generate {

class PatchCritic {
public:
    explicit PatchCritic(std::uint64_t seed);

    struct Opinion {
        at::Tensor logits;                 // N×1×H/8×W/8, each of a patch of 31 px: above 0 where it looks real
        std::vector<at::Tensor> features;  // of every layer below
    };
    Opinion operator()(const at::Tensor& x, bool bf16) const;  // N×3×H×W in −1 … 1, sides divisible by 8

    // The same weights as they are at any time, but gradients flow through them only, not into them. Ask after the optimiser has taken them over.
    PatchCritic frozen() const;

    nn::ParameterSet& parameters() { return set_; }

private:
    nn::ParameterSet set_;
    nn::Conv in_, middle_, top_, out_;
    nn::GroupNorm middle_norm_, top_norm_;
};

}  // namespace c2l::generate
