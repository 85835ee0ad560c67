// Separable resampling between a pixel grid and a region in real coordinates. Private to core/slide.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/image.h"

namespace c2l {

// Which source pixels, with which weights, make one output pixel along one axis. Weights of pixels outside [0, size)
// are left out; what is missing to 1 is white.
struct Tap {
    std::int64_t first = 0;
    int count = 0;
    std::size_t at = 0;  // into Axis::weights
};
struct Axis {
    std::vector<Tap> taps;
    std::vector<float> weights;
};

// `out` pixels over [start, start + length) of a source of `size` pixels: area mean when shrinking, bilinear when enlarging.
Axis plan_axis(double start, double length, int out, std::int64_t size);

// Reads a patch of the source, wholly inside it.
using PatchReader = std::function<Image(std::int64_t x, std::int64_t y, int width, int height)>;

// Reads the source in bands, so that memory stays bounded however much a pixel shrinks.
Image resample(const Axis& columns, const Axis& rows, const PatchReader& read);

}  // namespace c2l
