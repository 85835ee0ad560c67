// What transformers are made of. Tokens are N×L×C, contiguous and fp32; with `bf16` the products run in bfloat16 (inputs and
// weights rounded, fp32 result), as in layers.h.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "nn/layers.h"

namespace c2l::nn {

// softmax(q kᵀ / √d) v. q: N×heads×L×d; k, v: N×heads×M×d → N×heads×L×d. Fused where LibTorch has it (2.0 and later); before
// that in parts of the batch, and of the rows of large items, so that no more than about 256 MB of weights are there at once while gradients are off.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

// x W + b on the last side, in bfloat16 where asked; fp32 result.
at::Tensor linear(const at::Tensor& x, const Linear& layer, bool bf16);

// Over the last side. Without weights (`affine` false) it registers nothing: a modulation follows.
struct LayerNorm {
    at::Tensor weight, bias;
    int channels = 0;
    double epsilon = 1e-6;
    LayerNorm() = default;
    LayerNorm(ParameterSet& set, const std::string& name, int channels, bool affine = true, double epsilon = 1e-6);
    at::Tensor operator()(const at::Tensor& x) const;
};

// Gaussian error linear unit by its tanh formula (Hendrycks & Gimpel, arXiv 1606.08415), the one that DiT and its heirs use.
at::Tensor gelu_tanh(const at::Tensor& x);

// Sinusoids of `values` (N): N × `channels` (even), the cosines first; frequencies fall from 1 to 1/10000.
at::Tensor sinusoids(const at::Tensor& values, int channels);

// Fixed position code of a rows × cols grid: 1 × rows·cols × channels (divisible by 4), fp32, CPU. The first half of the channels
// codes the column, the second the row, each as sines then cosines (MAE and DiT). Positions are index / `scale_*`.
at::Tensor grid_code(int rows, int cols, int channels, double scale_rows = 1.0, double scale_cols = 1.0);

// N×L×(heads·d) ↔ N×heads×L×d.
at::Tensor split_heads(const at::Tensor& x, int heads);
at::Tensor join_heads(const at::Tensor& x);

}  // namespace c2l::nn
