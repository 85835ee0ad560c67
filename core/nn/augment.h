// Random crops, the 8 orientations and stain jitter of tile batches, drawn from a seeded generator.
#pragma once

#include <ATen/core/Tensor.h>

#include "base/image.h"
#include "base/random.h"

namespace c2l::nn {

struct Jitter {
    double gain = 0.05;    // sd of the factor on each channel's optical density
    double offset = 0.02;  // sd of the shift of each channel's optical density
};

// Turns a float tile batch N×3×H×W (−1 … 1): one of 8 orientations for each tile.
at::Tensor random_orientation(const at::Tensor& x, Random& random);
// The given orientation 0 … 7 (bit 0 mirror, bits 1–2 quarter turns).
at::Tensor orient(const at::Tensor& x, int orientation);
// Per-tile, per-channel affine jitter in optical density, after Tellez et al. 2019.
at::Tensor stain_jitter(const at::Tensor& x, const Jitter& jitter, Random& random);
// A batch of random crop × crop windows of random tiles, float −1 … 1; `chosen` receives the tile of each row if not null.
at::Tensor random_crops(const TileSet& tiles, std::int64_t batch, int crop, Random& random, std::vector<std::int64_t>* chosen = nullptr);
// One window of a tile into row `row` of a float NHWC batch buffer in −1 … 1.
void copy_crop(const TileSet& tiles, std::size_t tile, int x0, int y0, int crop, float* out);

}  // namespace c2l::nn
