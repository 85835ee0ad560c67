// Where the tissue is. Distance from the background colour together with local texture: saturation and optical-density
// thresholds accept pink glass.
#pragma once

#include <cstdint>
#include <vector>

#include "slide/slide.h"

namespace c2l {

struct TissueMask {
    int width = 0, height = 0;
    double downsample = 1;            // level-0 pixels per mask pixel
    std::vector<std::uint8_t> tissue;  // 1 tissue, 0 background; row-major
    // Share of tissue inside a level-0 square around (cx, cy), 0 … 1; 0 outside the slide.
    double coverage(double cx, double cy, double side) const;
    double area_fraction() const;
};

TissueMask find_tissue(const Slide& slide, const JobContext& ctx, int max_px = 1500);
TissueMask find_tissue(const Image& overview, double downsample);

}  // namespace c2l
