// Convolutions of 3×3 with stride 1 and padding 1 by Winograd's F(4×4, 3×3), on plain memory: no LibTorch in here.
// Lavin and Gray 2016 (arXiv 1509.09308): a map is cut into tiles of 4×4 results; the 6×6 numbers that a tile comes from, and the weights, are
// turned into 36 points where the convolution is a product of each point's own, 36 instead of 144 for a pair of channels. Errors are some ten
// times those of the direct sum in fp32 (about 1e-5 of the largest value).
//
// Maps are fp32, images × rows × columns × channels. Points are 36 matrices, tiles × channels, `stride` numbers apart; tiles are numbered
// over all images, row by row. Functions work on the calling thread on the part they are given, and no number depends on how the parts were cut. On x86-64
// they are compiled for AVX2 and FMA: call them only where the processor has both.
#pragma once

#include <cstdint>

#include "nn/kernel_math.h"

namespace c2l::nn::kernels::winograd {

inline constexpr std::int64_t kPoints = 36, kSide = 4, kPanel = 16;

struct Maps {
    std::int64_t images = 0, rows = 0, columns = 0, channels = 0;  // channels: a multiple of 8
    C2L_INLINE std::int64_t down() const { return (rows + kSide - 1) / kSide; }
    C2L_INLINE std::int64_t across() const { return (columns + kSide - 1) / kSide; }
    C2L_INLINE std::int64_t tiles() const { return images * down() * across(); }
};
// A run of tiles: row 0 of the matrices is tile `first`.
struct Points {
    float* values = nullptr;
    std::int64_t first = 0, tiles = 0, channels = 0, stride = 0;
};
// Numbers between two matrices: no power of two, or all points would fall into the same lines of the cache.
C2L_INLINE std::int64_t stride_of(std::int64_t tiles, std::int64_t channels) { return tiles * channels + 48; }
C2L_INLINE std::int64_t weights_stride(std::int64_t in, std::int64_t out) { return in * out + 16; }

// Tiles begin … end of the points' run, in each of these.
void map_to_points(const Maps& maps, const float* x, const Points& to, std::int64_t begin, std::int64_t end);
void points_to_map(const Points& from, const float* bias, const Maps& maps, float* y, std::int64_t begin, std::int64_t end);  // bias may be null
void gradient_to_points(const Maps& maps, const float* dy, const Points& to, std::int64_t begin, std::int64_t end);  // for the weights' gradient

// Weights out × in × 3 × 3 as points: 36 matrices, weights_stride apart, in panels of 16 outputs: outputs/16 × inputs × 16. `reversed`: those of the gradient
// of the map, whose inputs are the layer's outputs and the other way round. Inputs begin … end.
void weights_to_points(std::int64_t in, std::int64_t out, const float* weight, bool reversed, float* points, std::int64_t begin, std::int64_t end);
// The gradient of inputs begin … end from its points (in × out, weights_stride apart), added to `gradient`.
void points_to_weights(std::int64_t in, std::int64_t out, const float* points, float* gradient, std::int64_t begin, std::int64_t end);

// y = x · weights at each point. Jobs begin … end of 36 · (outputs / 16).
void multiply(const Points& x, const float* weights, const Points& y, std::int64_t begin, std::int64_t end);
// gradient (in × out, weights_stride apart) += xᵀ · dy at each point. Jobs begin … end of 36 · (outputs / 16).
void multiply_transposed(const Points& x, const Points& dy, float* gradient, std::int64_t begin, std::int64_t end);

}  // namespace c2l::nn::kernels::winograd
