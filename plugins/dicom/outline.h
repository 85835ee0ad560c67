// A first walk over the elements of a DICOM file, without recursion and without loading values. DCMTK reads nested sequences by recursion
// and takes memory for every element; a hostile file would end the process. So the outline is taken before DCMTK sees the file, and only
// what is within these limits is handed to it. It also tells where the pixel data lies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "file.h"

namespace dicom {

constexpr int kMaxDepth = 16;                         // of sequences; whole-slide images have 5
constexpr std::uint64_t kMaxElements = 200'000;       // besides those of each frame; DCMTK takes some 200 bytes for one
constexpr std::uint64_t kMaxFrameElements = 10'000'000;  // 120,000 frames with a position each have 1.5 million
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;

// Where a frame lies, as its functional groups say. Read here, since DCMTK takes seconds for 100,000 frames.
struct FramePlace {
    std::int64_t column = 0, row = 0;  // of the whole image's pixels, from 1; 0: not said
    double z = 0;                      // µm
    std::string optical_path;
};

struct Outline {
    std::string transfer_syntax;     // UID
    std::uint64_t pixel_offset = 0;  // of the pixel data's value; 0: none
    std::uint32_t pixel_bytes = 0;   // kUndefined: encapsulated in fragments
    std::vector<std::uint32_t> late_private;  // tags of private elements between those of the frames and the pixel data
    std::vector<FramePlace> frames;           // one for each item of the per-frame functional groups; empty where there are none
};

// Throws Refusal for what is damaged, nested too deeply, or written in a way that whole-slide images are not (big endian, deflated).
Outline outline_of(const File& file);
// SeriesInstanceUID; reads no further than that. Empty: there is none. Throws as above.
std::string series_of(const File& file);

}  // namespace dicom
