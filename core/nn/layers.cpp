#include "nn/layers.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>

namespace c2l::nn {

Conv::Conv(ParameterSet& set, Initialiser& init, const std::string& name, int in, int out, int kernel, int stride_, double gain)
    : stride(stride_), padding(kernel / 2) {
    weight = set.add(name + ".weight", init.fan_in({out, in, kernel, kernel}, gain).contiguous(at::MemoryFormat::ChannelsLast));
    bias = set.add(name + ".bias", Initialiser::constant({out}, 0));
}

at::Tensor Conv::operator()(const at::Tensor& x, bool bf16) const {
    if (!bf16) return at::conv2d(x, weight, bias, stride, padding);
    return at::conv2d(x.to(c10::kBFloat16), weight.to(c10::kBFloat16), bias.to(c10::kBFloat16), stride, padding).to(c10::kFloat);
}

Linear::Linear(ParameterSet& set, Initialiser& init, const std::string& name, int in, int out, double gain) {
    weight = set.add(name + ".weight", init.fan_in({out, in}, gain));
    bias = set.add(name + ".bias", Initialiser::constant({out}, 0));
}

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

GroupNorm::GroupNorm(ParameterSet& set, const std::string& name, int channels, int groups_) : groups(groups_) {
    weight = set.add(name + ".weight", Initialiser::constant({channels}, 1));
    bias = set.add(name + ".bias", Initialiser::constant({channels}, 0));
}

at::Tensor GroupNorm::operator()(const at::Tensor& x) const { return at::group_norm(x, groups, weight, bias); }

ResBlock::ResBlock(ParameterSet& set, Initialiser& init, const std::string& name, int channels, int groups)
    : norm1(set, name + ".norm1", channels, groups),
      norm2(set, name + ".norm2", channels, groups),
      conv1(set, init, name + ".conv1", channels, channels, 3),
      conv2(set, init, name + ".conv2", channels, channels, 3, 1, 0.0) {}

at::Tensor ResBlock::operator()(const at::Tensor& x, bool bf16) const {
    const auto h = conv1(at::silu(norm1(x)), bf16);
    return x + conv2(at::silu(norm2(h)), bf16);
}

at::Tensor tiles_to_tensor(const std::uint8_t* rgb, std::int64_t n, std::int64_t size) {
    // NHWC bytes seen as NCHW are channels-last already; from_blob only borrows, to() copies.
    auto bytes = at::from_blob(const_cast<std::uint8_t*>(rgb), {n, size, size, 3}, at::TensorOptions(c10::kByte)).permute({0, 3, 1, 2});
    return bytes.to(c10::kFloat).mul_(2.0 / 255.0).sub_(1.0);
}

void tensor_to_tiles(const at::Tensor& x, std::uint8_t* rgb) {
    const auto bytes = x.detach().to(c10::kCPU, c10::kFloat).add(1.0).mul_(127.5).round_().clamp_(0, 255).to(c10::kByte).permute({0, 2, 3, 1}).contiguous();
    std::memcpy(rgb, bytes.data_ptr(), static_cast<std::size_t>(bytes.numel()));
}

SpatialAttention::SpatialAttention(ParameterSet& set, Initialiser& init, const std::string& name, int channels, int heads_)
    : norm(set, name + ".norm", channels, 16),
      qkv(set, init, name + ".qkv", channels, 3 * channels, 1),
      out(set, init, name + ".out", channels, channels, 1, 1, 0.0),
      heads(heads_) {}

at::Tensor SpatialAttention::operator()(const at::Tensor& x, bool bf16) const {
    const auto n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3), d = c / heads;
    // N×3C×H×W → three N·heads × HW × d
    const auto parts = qkv(norm(x), bf16).permute({0, 2, 3, 1}).reshape({n, h * w, 3, heads, d}).permute({2, 0, 3, 1, 4}).reshape({3, n * heads, h * w, d});
    const auto q = parts.select(0, 0), k = parts.select(0, 1), v = parts.select(0, 2);
    const auto weights = at::bmm(q, k.transpose(1, 2)).mul(1.0 / std::sqrt(static_cast<double>(d))).softmax(-1);
    const auto mixed = at::bmm(weights, v).reshape({n, heads, h * w, d}).permute({0, 2, 1, 3}).reshape({n, h, w, c}).permute({0, 3, 1, 2});
    return x + out(mixed, bf16);
}

}  // namespace c2l::nn
