// A first look at the directories of a TIFF, before libraries that take memory for what a damaged file claims. Private to core/slide.
#pragma once

#include <filesystem>

namespace c2l {

// Throws Error(BadInput) when an entry of a TIFF or BigTIFF claims more bytes than the file has, or tiles of more than 64 megapixels. Other files, and what is damaged otherwise,
// pass: their readers say what is wrong. Directories past the first are not followed in a TIFF longer than 4 GB, which only Hamamatsu
// writes, with offsets in a way of its own.
void check_tiff_directories(const std::filesystem::path& path);

}  // namespace c2l
