// Classical augmentation, the control that synthetic tiles have to stand beside: the views that the adaptation itself learns from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/image.h"

namespace c2l {

// One view of tile `which[i]` for each i: a random crop × crop window in one of 8 orientations, each channel's optical density varied by about 5 %.
// A view depends on the tile, the seed and its own number, first + i, alone. `tiles` are at least crop pixels wide.
TileSet augmented_views(const TileSet& tiles, const std::vector<std::size_t>& which, int crop, std::uint64_t seed, std::size_t first = 0);

}  // namespace c2l
