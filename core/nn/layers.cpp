#include "nn/layers.h"

#include <ATen/ATen.h>

#include <cstring>

namespace c2l::nn {

at::Tensor activations(const at::Tensor& x, bool bf16) { return x.to(bf16 ? c10::kBFloat16 : c10::kFloat).contiguous(at::MemoryFormat::ChannelsLast); }

Conv::Conv(ParameterSet& set, Initialiser& init, const std::string& name, int in, int out, int kernel, int stride_, double gain)
    : stride(stride_), padding(kernel / 2) {
    weight = set.add(name + ".weight", init.fan_in({out, in, kernel, kernel}, gain));
    bias = set.add(name + ".bias", Initialiser::constant({out}, 0));
}

at::Tensor Conv::operator()(const at::Tensor& x, bool bf16) const {
    if (bf16) return (*half)(x.to(c10::kBFloat16), weight, bias, stride, padding).to(x.scalar_type());
    if (WinogradConv::can(x, weight, bias, stride, padding)) return single(x, weight, bias);
    return at::conv2d(x, weight, bias, stride, padding);
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

at::Tensor GroupNorm::operator()(const at::Tensor& x) const { return modulated_norm(x, weight, bias, groups, /*silu=*/false); }

at::Tensor GroupNorm::silu(const at::Tensor& x, const at::Tensor& scale_shift) const { return modulated_norm(x, weight, bias, groups, /*silu=*/true, scale_shift); }

ResBlock::ResBlock(ParameterSet& set, Initialiser& init, const std::string& name, int channels, int groups)
    : norm1(set, name + ".norm1", channels, groups),
      norm2(set, name + ".norm2", channels, groups),
      conv1(set, init, name + ".conv1", channels, channels, 3),
      conv2(set, init, name + ".conv2", channels, channels, 3, 1, 0.0) {}

at::Tensor ResBlock::operator()(const at::Tensor& x, bool bf16) const {
    const auto h = conv1(norm1.silu(x), bf16);
    return x + conv2(norm2.silu(h), bf16);
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
    return x + out(map_attention(qkv(norm(x), bf16), heads), bf16);
}

}  // namespace c2l::nn
