// PNG files in and out, private to core/pipeline.
#pragma once

#include <filesystem>
#include <string>

#include "base/image.h"

namespace c2l {

// PNG bytes; `description` becomes a tEXt chunk, so that a synthetic tile says what it is wherever it is copied to.
std::string encode_png(const Image& image, const std::string& description = {});
void write_png(const std::filesystem::path& path, const Image& image, const std::string& description = {});  // atomic
// Any raster file of at most `max_pixels`; throws Error(BadInput|NotFound).
Image read_picture(const std::filesystem::path& path, std::int64_t max_pixels = std::int64_t{64} << 20);
Image resize(const Image& image, int width, int height);  // area mean when shrinking, bilinear when enlarging
// n tiles side by side, `columns` in a row, with a thin white gap.
Image contact_sheet(const TileSet& tiles, std::size_t first, std::size_t count, int columns);

std::string base64(const std::string& bytes);

}  // namespace c2l
