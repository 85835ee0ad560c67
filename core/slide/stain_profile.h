// The stain of one slide in a few numbers: directions and amounts after Macenko et al. (ISBI 2009), colour statistics after Reinhard et al.
// (IEEE CG&A 2001). For showing a slide in other colours; nothing is trained on what is made of them.
//
// Left out are pixels that hardly absorb: an optical density below 0.065 in any channel, which is 0.15 in natural logarithms, β of the paper's
// code. Thread-safe.
#pragma once

#include <array>
#include <cstddef>

#include "slide/slide.h"
#include "slide/stain.h"

namespace c2l {

struct StainProfile {
    StainVectors vectors;                 // extremes (1st and 99th percentile) of the directions in the plane of most variance
    std::array<double, 2> amount{};       // 99th percentile of haematoxylin and eosin, optical density
    std::array<double, 3> mean{}, sd{};   // of l, α, β: Ruderman's space, natural logarithm of LMS of (v + 1) / 256
    std::size_t pixels = 0;               // that were counted
};

// Of all pixels of an image. Throws Error(BadInput) where fewer than 1,000 absorb light, or one colour alone is there.
StainProfile estimate_stains(const Image& tissue);
// Of some 60 places spread over the slide's tissue, at 1 µm per pixel or the slide's own resolution where that is coarser. The same for the
// same slide. Blocks: reads them.
StainProfile estimate_stains(const Slide& slide, const JobContext& ctx);
// What normalised colours look like: the estimate for CMU-1-Small-Region.svs (CC0; the OpenSlide project's test data).
const StainProfile& stain_target();

// RGB ((v + 1) / 256) to LMS after Reinhard et al., and ln LMS to l, α, β.
extern const double kLmsOfRgb[3][3];
extern const double kLabOfLogLms[3][3];

}  // namespace c2l
