// Plain 8-bit RGB pixels, row-major, interleaved, no padding. The currency between modules; owns its memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace c2l {

struct Image {
    int width = 0;
    int height = 0;
    std::vector<std::uint8_t> rgb;  // width * height * 3

    Image() = default;
    Image(int w, int h, std::uint8_t fill = 255)
        : width(w), height(h), rgb(static_cast<std::size_t>(w) * h * 3, fill) {}

    bool empty() const { return rgb.empty(); }
    const std::uint8_t* at(int x, int y) const { return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3; }
    std::uint8_t* at(int x, int y) { return rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3; }
};

// n square RGB tiles of one size, contiguous: n × size × size × 3.
struct TileSet {
    int size = 0;
    std::vector<std::uint8_t> rgb;

    std::size_t bytes_per_tile() const { return static_cast<std::size_t>(size) * size * 3; }
    std::size_t count() const { return size == 0 ? 0 : rgb.size() / bytes_per_tile(); }
    const std::uint8_t* tile(std::size_t i) const { return rgb.data() + i * bytes_per_tile(); }
    std::uint8_t* tile(std::size_t i) { return rgb.data() + i * bytes_per_tile(); }
    void append(const Image& image);  // throws Error(Mismatch) unless image is size × size (sets size when empty)
    Image image(std::size_t i) const;
};

}  // namespace c2l
