// Paints a simulated section as bright-field microscopy shows it: stain concentrations per pixel, then light through them (Beer-Lambert).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sample/section.h"

namespace c2l {

class Painter {
public:
    Painter(const Section& section, double mpp, std::uint64_t seed);

    int width() const { return width_; }  // pixels
    int height() const { return height_; }

    // Fills `rgb` with rows [row, row + rows), each width × 3 bytes. Every pixel depends on its place only, never on how the
    // rows are grouped. `section` must outlive the painter.
    void paint(std::int64_t row, int rows, std::uint8_t* rgb);

private:
    struct Stain {
        float haematoxylin = 0, eosin = 0;  // concentrations, 1 = well stained
    };
    Stain ground(float x, float y) const;
    Stain stroma(const Ground& g, float x, float y) const;
    Stain epithelium(const Ground& g, float x, float y) const;
    Stain fat(float x, float y) const;
    void draw_nucleus(const Cell& cell, std::int64_t row, int rows);
    void draw_red_cell(const Cell& cell, std::int64_t row, int rows);
    template <class Shade>
    void for_pixels(const Cell& cell, std::int64_t row, int rows, float margin, const Shade& shade);
    void expose(std::int64_t row, int rows, std::uint8_t* rgb) const;

    const Section& section_;
    float mpp_;
    int width_, height_;
    Noise fibre_, fine_, texture_, chromatin_, glass_;
    std::vector<Stain> band_;                                                      // the rows being painted
    std::array<std::array<float, 2048>, 3> through_haematoxylin_, through_eosin_;  // transmission by concentration
};

}  // namespace c2l
