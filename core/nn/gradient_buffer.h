// Private to core/nn.
#pragma once

#include <ATen/core/Tensor.h>

namespace c2l::nn {

// The buffer that a weight's gradient is added to; undefined when autograd shall do that.
inline at::Tensor gradient_buffer(const at::Tensor& weight) {
    if (!weight.is_leaf()) return {};
    const auto& buffer = weight.grad();
    return buffer.defined() && buffer.scalar_type() == c10::kFloat && buffer.strides() == weight.strides() ? buffer : at::Tensor();
}

}  // namespace c2l::nn
