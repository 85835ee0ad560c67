// The few layers our networks are made of. Activations are NCHW in channels-last memory and fp32; with `bf16` the products
// run in bfloat16 (inputs and weights rounded, fp32 result). Normalisation always runs in fp32.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "nn/parameters.h"

namespace c2l::nn {

struct Conv {
    at::Tensor weight, bias;
    int stride = 1, padding = 1;
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
