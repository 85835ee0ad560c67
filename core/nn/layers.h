// The few layers our networks are made of. Activations are NCHW in channels-last memory, fp32 or bfloat16; every layer gives back the
// type it was given. With `bf16` the products run in bfloat16, so a network that runs so as a whole turns its input with activations().
// Parameters, sums and statistics are always fp32.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>

#include "nn/fused.h"
#include "nn/parameters.h"
#include "nn/winograd.h"

namespace c2l::nn {

// What a network that computes in `bf16` or not passes from layer to layer: x in bfloat16 or fp32, channels-last.
at::Tensor activations(const at::Tensor& x, bool bf16);

struct Conv {
    at::Tensor weight, bias;
    int stride = 1, padding = 1;
    std::shared_ptr<HalfConv> half = std::make_shared<HalfConv>();
    WinogradConv single;
    Conv() = default;
    Conv(ParameterSet& set, Initialiser& init, const std::string& name, int in, int out, int kernel, int stride = 1, double gain = 1.0);
    at::Tensor operator()(const at::Tensor& x, bool bf16) const;
};

struct Linear {
    at::Tensor weight, bias;
    Linear() = default;
    Linear(ParameterSet& set, Initialiser& init, const std::string& name, int in, int out, double gain = 1.0);
    at::Tensor operator()(const at::Tensor& x) const;
};

struct GroupNorm {
    at::Tensor weight, bias;
    int groups = 1;
    GroupNorm() = default;
    GroupNorm(ParameterSet& set, const std::string& name, int channels, int groups);
    at::Tensor operator()(const at::Tensor& x) const;
    // silu(norm(x) · (1 + scale) + shift); scale_shift N×2C or undefined.
    at::Tensor silu(const at::Tensor& x, const at::Tensor& scale_shift = {}) const;
};

// x + conv(silu(norm(conv(silu(norm x))))), the second convolution starting at zero.
struct ResBlock {
    GroupNorm norm1, norm2;
    Conv conv1, conv2;
    ResBlock() = default;
    ResBlock(ParameterSet& set, Initialiser& init, const std::string& name, int channels, int groups = 16);
    at::Tensor operator()(const at::Tensor& x, bool bf16) const;
};

// uint8 NHWC tiles → float NCHW (channels last) in [-1, 1], and back (rounded, clamped).
at::Tensor tiles_to_tensor(const std::uint8_t* rgb, std::int64_t n, std::int64_t size);
void tensor_to_tiles(const at::Tensor& x, std::uint8_t* rgb);

// Multi-head self-attention over the positions of a feature map; x N×C×H×W.
struct SpatialAttention {
    GroupNorm norm;
    Conv qkv, out;
    int heads = 4;
    SpatialAttention() = default;
    SpatialAttention(ParameterSet& set, Initialiser& init, const std::string& name, int channels, int heads);
    at::Tensor operator()(const at::Tensor& x, bool bf16) const;
};

}  // namespace c2l::nn
