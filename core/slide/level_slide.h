// A Slide whose levels can be read in patches of whole pixels; regions and tiles follow from that. Private to core/slide.
#pragma once

#include <cstdint>

#include "slide/slide.h"

namespace c2l {

class LevelSlide : public Slide {
public:
    Image read(const Region& region, int out_w, int out_h) const final;
    Image read_tile(int level, std::int64_t tx, std::int64_t ty) const final;

    // Pixels of a level; the patch lies wholly inside it. Blocks; from any thread.
    virtual Image read_patch(int level, std::int64_t x, std::int64_t y, int width, int height) const = 0;
    // Rows of level 0 that are decoded together anyway, for reading from top to bottom.
    virtual int natural_rows() const { return kTilePx; }

    SlideInfo& description() { return info_; }  // for the factory, before the slide is shared

protected:
    static constexpr std::int64_t kMaxReadPixels = std::int64_t{1} << 28;

    // The middle of the finest level and a corner of the coarsest: a file may open whose pixels do not decode.
    void check_pixels() const;

private:
    Image read_whole(int level, std::int64_t x, std::int64_t y, int width, int height) const;
};

// Level sizes are rounded (393 for 6300/16 gives 16.02), which puts the far edge of a level pixels off. A whole factor that explains both
// sizes is what the scanner meant; otherwise `said`.
double true_downsample(std::int64_t w0, std::int64_t h0, std::int64_t w, std::int64_t h, double said);

}  // namespace c2l
