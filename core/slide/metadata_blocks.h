// Texts and blocks beside the pixels of a JPEG or PNG file. Private to core/slide.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace c2l {

struct MetadataBlock {
    std::string where, key;
    bool text = false;  // else only its size is told
    std::string value;
    std::size_t bytes = 0;
};

// JPEG: comments, EXIF texts (names of tags in EXIF 2.3), XMP, IPTC; PNG: tEXt, zTXt, iTXt, tIME, eXIf. Reads headers only. Throws
// Error(Unsupported) for other files; a damaged file gives what stands before the damage.
std::vector<MetadataBlock> metadata_blocks(const std::filesystem::path& path);

}  // namespace c2l
