#include "nn/attention.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>

namespace c2l::nn {

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
#if TORCH_VERSION_MAJOR >= 2
    return at::scaled_dot_product_attention(q, k, v);
#else
    const auto n = q.size(0), heads = q.size(1), rows = q.size(2), cols = k.size(2), d = q.size(3);
    const double scale = 1.0 / std::sqrt(static_cast<double>(d));
    const auto flat = [&](const at::Tensor& t, std::int64_t begin, std::int64_t count) { return t.narrow(0, begin, count).reshape({count * heads, t.size(2), d}); };
    // Items begin … begin + count, their rows from … from + length.
    const auto part = [&](std::int64_t begin, std::int64_t count, std::int64_t from, std::int64_t length) {
        // The scale goes onto q: it is the smaller one.
        const auto weights = at::bmm(flat(q, begin, count).narrow(1, from, length).mul(scale), flat(k, begin, count).transpose(1, 2)).softmax(-1);
        return at::bmm(weights, flat(v, begin, count)).reshape({count, heads, length, d});
    };
    constexpr std::int64_t kMostWeights = 32 << 20;  // numbers; softmax makes a second copy
    const auto items = std::clamp<std::int64_t>(kMostWeights / std::max<std::int64_t>(1, heads * rows * cols), 1, std::max<std::int64_t>(1, n));
    const auto at_once = std::clamp<std::int64_t>(kMostWeights / std::max<std::int64_t>(1, heads * cols), 1, std::max<std::int64_t>(1, rows));
    if (items >= n && at_once >= rows) return part(0, n, 0, rows);
    std::vector<at::Tensor> parts;
    for (std::int64_t begin = 0; begin < n; begin += items) {
        std::vector<at::Tensor> of_rows;
        const auto count = std::min(items, n - begin);
        const auto step = count > 1 ? rows : at_once;  // only a single item can be too large
        for (std::int64_t from = 0; from < rows; from += step) of_rows.push_back(part(begin, count, from, std::min(step, rows - from)));
        parts.push_back(of_rows.size() == 1 ? of_rows[0] : at::cat(of_rows, 2));
    }
    return at::cat(parts);
#endif
}

at::Tensor linear(const at::Tensor& x, const Linear& layer, bool bf16) {
    if (!bf16) return layer(x);
    const auto bias = layer.bias.defined() ? layer.bias.to(c10::kBFloat16) : at::Tensor();
    return at::linear(x.to(c10::kBFloat16), layer.weight.to(c10::kBFloat16), bias).to(c10::kFloat);
}

LayerNorm::LayerNorm(ParameterSet& set, const std::string& name, int channels_, bool affine, double epsilon_) : channels(channels_), epsilon(epsilon_) {
    if (!affine) return;
    weight = set.add(name + ".weight", Initialiser::constant({channels}, 1));
    bias = set.add(name + ".bias", Initialiser::constant({channels}, 0));
}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const { return at::layer_norm(x, {channels}, weight, bias, epsilon); }

at::Tensor gelu_tanh(const at::Tensor& x) { return at::gelu(x, "tanh"); }

at::Tensor sinusoids(const at::Tensor& values, int channels) {
    const int half = channels / 2;
    const auto frequencies = at::arange(half, values.options()).mul_(-std::log(10000.0) / half).exp_();
    const auto angles = values.unsqueeze(1) * frequencies;
    return at::cat({angles.cos(), angles.sin()}, 1);
}

at::Tensor grid_code(int rows, int cols, int channels, double scale_rows, double scale_cols) {
    const int quarter = channels / 4;
    const auto options = at::TensorOptions(c10::kDouble);
    const auto frequencies = at::arange(quarter, options).mul_(-std::log(10000.0) / quarter).exp_();
    const auto code = [&](int count, double scale) {  // count × channels/2
        const auto angles = at::arange(count, options).div_(scale).unsqueeze(1) * frequencies;
        return at::cat({angles.sin(), angles.cos()}, 1);
    };
    const auto across = code(cols, scale_cols).unsqueeze(0).expand({rows, cols, 2 * quarter});
    const auto down = code(rows, scale_rows).unsqueeze(1).expand({rows, cols, 2 * quarter});
    return at::cat({across, down}, 2).reshape({1, rows * cols, 4 * quarter}).to(c10::kFloat);
}

at::Tensor split_heads(const at::Tensor& x, int heads) {
    return x.reshape({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

at::Tensor join_heads(const at::Tensor& x) {
    return x.transpose(1, 2).reshape({x.size(0), x.size(2), x.size(1) * x.size(3)});
}

}  // namespace c2l::nn
