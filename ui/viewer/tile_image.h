// Pixels of a tile as the view draws them.
#pragma once

#include <QImage>
#include <array>
#include <cstddef>

#include "base/image.h"

namespace c2l {

// A tile at full, half and quarter size, so that shrinking never skips pixels.
struct TileImage {
    std::array<QImage, 3> sizes;
    std::size_t bytes() const;
};

QImage to_qimage(const Image& image);  // RGB32; null for an empty image
TileImage to_tile(const Image& image);
TileImage grey_tile();  // stands for one there was no memory for

}  // namespace c2l
