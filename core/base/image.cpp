#include "base/image.h"

#include <cstring>

#include "base/error.h"

namespace c2l {

void TileSet::append(const Image& image) {
    if (size == 0) size = image.width;
    if (image.width != size || image.height != size)
        throw Error(ErrorCode::Mismatch, "a tile of another size was added to a tile set");
    rgb.insert(rgb.end(), image.rgb.begin(), image.rgb.end());
}

Image TileSet::image(std::size_t i) const {
    Image out(size, size);
    std::memcpy(out.rgb.data(), tile(i), bytes_per_tile());
    return out;
}

}  // namespace c2l
