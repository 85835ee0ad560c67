// One file of a whole-slide image: what its header says, read by DCMTK.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "file.h"
#include "outline.h"

namespace dicom {

enum class Codec { Raw, Rle, Jpeg, Jpeg2000 };
enum class Colours { Rgb, YbrFull, YbrFull422, Grey, InvertedGrey };

struct Instance {
    std::string path;
    std::shared_ptr<const File> file;
    Outline outline;

    std::string series, concatenation;  // UIDs; concatenation: empty where the image lies in one file
    std::string flavour;                // VOLUME, LABEL, OVERVIEW, THUMBNAIL
    std::int64_t width = 0, height = 0;              // TotalPixelMatrix
    std::int64_t frame_width = 0, frame_height = 0;  // Columns, Rows
    std::int64_t frames = 0;                         // of this file
    std::int64_t first_frame = 0;                    // of the concatenation
    std::int64_t planes = 1, paths = 1;              // focal planes, optical paths: the first is shown
    double mpp_x = 0, mpp_y = 0, objective = 0;      // 0: not said

    Codec codec = Codec::Raw;
    Colours colours = Colours::Rgb;
    bool planar = false;  // raw: all of one colour first
    int channels = 3;

    // Place of each frame in the grid, row by row; -1: of a plane that is not shown. Empty where frames follow the grid (TILED_FULL).
    std::vector<std::int64_t> places;

    std::int64_t across() const { return (width + frame_width - 1) / frame_width; }
    std::int64_t down() const { return (height + frame_height - 1) / frame_height; }
};

// Throws Refusal when the file is no whole-slide image, or one of a kind that cannot be read.
Instance read_instance(const std::string& path);

}  // namespace dicom
