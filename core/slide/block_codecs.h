// One compressed block in memory → interleaved samples. Private to core/slide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace c2l {

struct Block {
    int width = 0, height = 0;  // what is asked for; rows and columns that the data lacks stay as they are
    int channels = 3;
    int bits = 8;
    std::vector<std::uint8_t> samples;  // width × height × channels × bits/8, filled with 255 by the caller
};

// False with the reason in `why` when the data is damaged, larger than the block, or of another number of channels.
// JPEG: three channels come as RGB. `tables`: the TIFF's JPEGTables, may be empty. `tagged_ycbcr`: what the TIFF says of the colours.
bool decode_jpeg(const std::uint8_t* data, std::size_t bytes, const std::vector<std::uint8_t>& tables, bool tagged_ycbcr, Block& block,
                 std::string& why);
// JPEG 2000 codestream or JP2 file. `ycbcr`: the components are YCbCr, possibly subsampled.
bool decode_jp2k(const std::uint8_t* data, std::size_t bytes, bool ycbcr, Block& block, std::string& why);

}  // namespace c2l
