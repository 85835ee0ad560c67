// Batches of augmented views of tiles: random crop, one of 8 orientations, stain jitter. Every item draws from a generator of its own,
// seeded by its number, so that a batch is the same whichever process or thread makes which part of it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "base/random.h"
#include "base/tile_view.h"
#include "nn/augment.h"

namespace c2l::generate {

// One view of a tile into crop × crop × 3 floats in −1 … 1. Null `jitter`: none.
void write_view(const TileView& tiles, std::size_t tile, int crop, const nn::Jitter* jitter, Random& random, float* out);

// n × crop × crop × 3 floats filled by `fill(item, row)`, in parallel → n×3×crop×crop, channels last. CPU.
at::Tensor fill_views(std::int64_t n, int crop, const std::function<void(std::int64_t item, float* row)>& fill);

// n tensors of `shape` filled by `fill(item, row, numbers)`, in parallel → n × shape. CPU.
at::Tensor fill_items(std::int64_t n, at::IntArrayRef shape, const std::function<void(std::int64_t item, float* row, std::int64_t numbers)>& fill);

void write_normal(Random& random, float* out, std::int64_t n);

}  // namespace c2l::generate
