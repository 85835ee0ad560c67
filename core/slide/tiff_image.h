// What the directories of a TIFF say, read once, so that blocks can be decoded from any thread. Private to core/slide.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/issue.h"
#include "slide/tiff_pixels.h"

namespace c2l {

// One image of the file, in blocks: tiles, or strips as wide as the image. Blocks of separate planes follow one another, plane by plane.
struct TiffImage {
    std::int64_t width = 0, height = 0;
    std::int64_t block_width = 0, block_height = 0;
    bool tiled = false;
    bool separate_planes = false;
    bool reduced = false;  // said to be a smaller version of another page
    std::uint16_t compression = 0, photometric = 0, sample_format = 0;
    int orientation = 1;
    SampleLayout layout;
    std::uint64_t directory = 0;  // where it stands in the file
    std::vector<std::uint64_t> offsets, bytes;
    std::vector<std::uint8_t> jpeg_tables;  // shared by all blocks, may be empty
    std::string description;                // ImageDescription, at most 1 MiB
    std::optional<double> mpp;              // from the resolution tags

    std::int64_t across() const { return (width + block_width - 1) / block_width; }
    std::int64_t down() const { return (height + block_height - 1) / block_height; }
    bool ycbcr() const;
};

struct TiffFile {
    std::vector<TiffImage> pages;
    std::vector<TiffImage> reduced;  // SubIFDs of the first page
    bool cut = false;                // blocks lie beyond the end of the file, or a directory cannot be read
};

// Nothing when the file is no TIFF. Throws Error(Unsupported) when its block tables ask for too much memory.
std::optional<TiffFile> read_tiff(const std::filesystem::path& path);

// Can TiffDecoder decode it? Otherwise libtiff's own conversion, or OpenSlide, has to.
bool is_decodable(const TiffImage& image);

// The first page and what in the file is the same picture at a lower resolution, from fine to coarse.
std::vector<TiffImage> pyramid_of(const TiffFile& file);

// What the user should know of how the image is shown: orientation, 16 bits, further channels or pages.
std::vector<Issue> issues_of(const TiffFile& file);

}  // namespace c2l
