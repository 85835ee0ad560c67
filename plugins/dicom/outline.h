// A first walk over the elements of a DICOM file, without recursion and without loading values. DCMTK reads nested sequences by recursion
// and takes memory for every element; a hostile file would end the process. So the outline is taken before DCMTK sees the file, and only
// what is within these limits is handed to it. It also tells where the pixel data lies.
#pragma once

#include <cstdint>
#include <string>

#include "file.h"

namespace dicom {

constexpr int kMaxDepth = 16;                         // of sequences; whole-slide images have 5
constexpr std::uint64_t kMaxElements = 4'000'000;     // 120,000 frames with a position each have 1.5 million
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;

struct Outline {
    std::string transfer_syntax;     // UID
    std::uint64_t pixel_offset = 0;  // of the pixel data's value; 0: none
    std::uint32_t pixel_bytes = 0;   // kUndefined: encapsulated in fragments
};

// Throws Refusal for what is damaged, nested too deeply, or written in a way that whole-slide images are not (big endian, deflated).
Outline outline_of(const File& file);
// SeriesInstanceUID; reads no further than that. Empty: there is none. Throws as above.
std::string series_of(const File& file);

}  // namespace dicom
