// Small images: figures, previews and tiles.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/image.h"

namespace c2l {

// 8-bit RGB PNG that replaces `path` at once or not at all. `text` becomes tEXt (iTXt where it is not Latin-1) chunks.
void write_png(const std::filesystem::path& path, const Image& image, const std::map<std::string, std::string>& text = {});

// A PNG, JPEG or TIFF as RGB, transparency over white. Throws Error(Unsupported) above `max_pixels`, before memory is taken.
Image read_image(const std::filesystem::path& path, std::int64_t max_pixels = 64 * 1000 * 1000);

}  // namespace c2l
