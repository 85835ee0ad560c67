// The operations between and around the convolutions of our networks, each in one pass on the CPU (nn/kernels.h) and as the plain
// composition of LibTorch's elsewhere. All are differentiable. Maps are N×C×H×W, fp32 or bfloat16, and come out channels-last in
// the type they went in; parameters and modulation are fp32. No result depends on the other images of the batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <mutex>

#include "nn/onednn_conv.h"

namespace c2l::nn {

// act(group norm(x) · weight + bias) · (1 + scale) + shift); `scale_shift` is N×2C or undefined, act SiLU or nothing. ε = 1e-5.
at::Tensor modulated_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, std::int64_t groups, bool silu, const at::Tensor& scale_shift = {});

// x + h · (1 + gate); gate N×C.
at::Tensor gated_sum(const at::Tensor& x, const at::Tensor& h, const at::Tensor& gate);

// Scaled dot-product attention among the positions of each map: N×3C×H×W (q, k, v; each of `heads` parts) → N×C×H×W.
at::Tensor map_attention(const at::Tensor& qkv, int heads);

// Both maps' channels, one after the other.
at::Tensor join_channels(const at::Tensor& a, const at::Tensor& b);

// Twice the size by repetition.
at::Tensor doubled(const at::Tensor& x);

// What a layer keeps from one convolution in bfloat16 to the next: its weights in that type, made again when the fp32 ones have
// changed (their version or memory), and oneDNN's primitives where there are any.
class HalfConv {
public:
    // Convolution of a bfloat16 map with fp32 parameters: products in bfloat16, sums in fp32, bfloat16 result. Where `weight` has a
    // gradient buffer already (nn::AdamW gives it one), backward adds to that at once instead of handing a copy to autograd.
    at::Tensor operator()(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int stride, int padding);

private:
    at::Tensor rounded(const at::Tensor& weight);

    std::shared_ptr<OneDnnConv> direct_ = std::make_shared<OneDnnConv>();
    std::mutex mutex_;
    at::Tensor source_, half_;
    std::int64_t version_ = -1;
};

}  // namespace c2l::nn
