// Convolutions by oneDNN itself, where LibTorch's own copy of that library is the system's (Debian): the primitives and the weights
// in the layout they want are kept from call to call, and gradients of weights come in fp32. LibTorch makes all of that anew at each
// call, which for our small maps costs as much as the products.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <memory>

namespace c2l::nn {

// One layer: N×C×H×W bfloat16 channels-last in and out, weights O×I×K×K fp32 row-major, bias O fp32.
class OneDnnConv {
public:
    struct Step {
        std::int64_t stride, padding;
    };
    OneDnnConv();
    ~OneDnnConv();
    OneDnnConv(const OneDnnConv&) = delete;
    OneDnnConv& operator=(const OneDnnConv&) = delete;

    static bool can(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);
    at::Tensor forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, Step step);

    // Gradients of x, weight and bias, where `needs`; that of the weight is added to `buffer` where that is defined.
    std::array<at::Tensor, 3> backward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& dy, Step step, const std::array<bool, 3>& needs,
                                       const at::Tensor& buffer);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace c2l::nn
