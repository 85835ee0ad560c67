// The shipped tile encoder: a small ConvNet trained by contrast (SimCLR, Chen 2020), 256 features.
#pragma once

#include "nn/layers.h"

namespace c2l::nn {

class EncoderNet {
public:
    static constexpr int kDims = 256;
    explicit EncoderNet(std::uint64_t seed);
    // N×3×H×W in −1 … 1, sides divisible by 16 → N×256.
    at::Tensor features(const at::Tensor& x, bool bf16) const;
    // Head used in training only: unit vectors N×128.
    at::Tensor project(const at::Tensor& features) const;
    ParameterSet& parameters() { return set_; }  // what a file of weights holds
    ParameterSet& head() { return head_; }        // needed while training only

private:
    ParameterSet set_, head_;
    Conv stem_, down1_, down2_, top_;
    ResBlock block0_, block1_, block2_;
    Linear hidden_, out_;
};

}  // namespace c2l::nn
