// Decodes the blocks (tiles or strips) of a TIFF to RGB, from any number of threads at once: JPEG by libjpeg-turbo and JPEG 2000 by
// OpenJPEG straight from the file's bytes, everything else by libtiff, one handle a thread. Private to core/slide.
//
// Whether JPEG data is YCbCr is asked of the JPEG itself where the tag says RGB: files exist that are tagged wrongly, and libtiff refuses
// them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/image.h"
#include "slide/tiff_image.h"

namespace c2l {

class TiffDecoder {
public:
    explicit TiffDecoder(const std::filesystem::path& path);  // throws Error(Io)
    ~TiffDecoder();

    // The whole block (bx, by), block_width × block_height, also where it reaches beyond the image. A block that the file leaves out is
    // white. `image` is decodable and of this file. Throws Error(BadInput) when the data is damaged.
    Image decode(const TiffImage& image, std::int64_t bx, std::int64_t by) const;

private:
    struct Files;
    std::filesystem::path path_;
    std::unique_ptr<Files> files_;
};

}  // namespace c2l
