// One JPEG tile in memory, as it stands in a TIFF (complete stream, YCbCr 4:4:4). Private to core/slide.
#pragma once

#include <cstdint>
#include <vector>

namespace c2l {

std::vector<std::uint8_t> encode_jpeg_tile(const std::uint8_t* rgb, int width, int height, std::size_t row_bytes, int quality);

}  // namespace c2l
