// TIFFs of every kind for the tests, pixel for pixel known.
#pragma once

#include <tiffio.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace c2l::test {

struct TiffKind {
    int bits = 8, channels = 3, photometric = PHOTOMETRIC_RGB, planar = PLANARCONFIG_CONTIG, compression = COMPRESSION_NONE, predictor = 1;
    int alpha = -1;         // kind of the last channel (EXTRASAMPLE_…); -1: none
    int orientation = 0;    // 0: no tag
    bool big = false;       // BigTIFF
    int tile = 64;          // 0: strips of 32 rows
    int levels = 1;         // each half as wide and high
    bool sub_ifds = false;  // levels below the first page, as OME-TIFF has them; otherwise pages
    int subsampling = 1;    // of JPEG chroma
    std::string description = {}, software = {}, date = {}, artist = {};
    float per_cm = 0, resolution_unit = RESUNIT_CENTIMETER;
};

// Value (0 … 2^bits − 1) of a channel at pixel (x, y) of a level.
using Pixels = std::function<int(int level, int x, int y, int channel)>;
void write_tiff(const std::filesystem::path& path, int width, int height, const TiffKind& kind, const Pixels& pixels);

// Tiles that the caller has compressed, written as they are.
using RawTile = std::function<std::vector<std::uint8_t>(int tx, int ty)>;
void write_raw_tiff(const std::filesystem::path& path, int width, int height, const TiffKind& kind, const RawTile& tile);

// The smooth known image (synthetic.h) at a level's pixel, rounded; 16 bits are 257 times that.
int shade(int level, int x, int y, int channel);
Pixels plain(int bits = 8);
std::vector<std::uint8_t> synthetic_tile(int side, int tx, int ty);  // RGB

}  // namespace c2l::test
