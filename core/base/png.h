// PNG without a library: stored (uncompressed) blocks. For previews written where no image library is at hand.
#pragma once

#include <string>

#include "base/image.h"

namespace c2l {

std::string encode_png(const Image& image);

// Images of one size side by side, `columns` in a row, on white.
Image contact_sheet(const TileSet& tiles, int columns, int gap = 4);

}  // namespace c2l
