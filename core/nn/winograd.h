// 3×3 convolutions in fp32 on the CPU by Winograd's algorithm (nn/winograd_kernels.h), where bfloat16 does not pay: a quarter of the products of
// LibTorch's direct sum.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

namespace c2l::nn {

// One layer, stride 1 and padding 1: N×C×H×W fp32 channels-last in and out, weights O×I×3×3, bias O. It keeps its weights' points (four times the weights, twice that
// where the map's gradient is wanted), made again when the weights have changed (their version or memory). Any thread may call; differentiable once. The
// result of an image does not depend on the other images of the batch.
class WinogradConv {
public:
    WinogradConv();
    // Whether this processor does it, and it suits these shapes; operator() takes nothing else.
    static bool can(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int stride, int padding);
    // Where `weight` has a gradient buffer already (nn::AdamW gives it one), backward adds to that at once.
    at::Tensor operator()(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) const;

    struct Layer;

private:
    std::shared_ptr<Layer> layer_;
};

}  // namespace c2l::nn
