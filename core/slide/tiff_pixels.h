// Samples as a TIFF stores them → 8-bit RGB over white. Private to core/slide.
#pragma once

#include <cstddef>
#include <cstdint>

namespace c2l {

enum class Alpha { None, Multiplied, Plain };  // multiplied: colours are already weighted

struct SampleLayout {
    int bits = 8;               // 8, or 16 in the machine's byte order
    int channels = 3;           // interleaved
    int colours = 3;            // 3: RGB; 1: grey; the first of the channels
    bool inverted = false;      // grey whose 0 is white
    Alpha alpha = Alpha::None;  // of the channel after the colours
};

// 16 bits are scaled by 255/65535. `samples` may be `rgb` for three 8-bit colours.
void samples_to_rgb(const std::uint8_t* samples, std::size_t pixels, const SampleLayout& layout, std::uint8_t* rgb);

// JFIF YCbCr (full range) to RGB, in place; three channels first of `channels`.
void ycbcr_to_rgb(std::uint8_t* samples, std::size_t pixels, int channels);

}  // namespace c2l
