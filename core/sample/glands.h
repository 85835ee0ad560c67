// One gland, solid nest or vessel of the simulated section: a wobbly ellipse with an optional lumen.
#pragma once

#include <array>
#include <cmath>

#include "sample/section.h"

namespace c2l {

struct Section::Gland {
    float x = 0, y = 0;
    float radius = 40;     // mean outer radius, µm
    float thickness = 18;  // of the wall; at least `radius` when there is no lumen
    float stretch = 1;     // long over short axis
    float angle = 0;       // of the long axis
    bool solid = false;
    std::array<float, 4> amplitude{}, phase{};  // wobble of the outline, harmonics 2 … 5

    bool has_lumen() const { return thickness + 5 < radius; }

    // Radius of the outline over the mean radius, in direction `theta` of the gland's own (unstretched) frame.
    float wobble(float theta) const {
        float w = 1;
        for (int k = 0; k < 4; ++k)
            w += amplitude[static_cast<std::size_t>(k)] * std::cos(static_cast<float>(k + 2) * theta + phase[static_cast<std::size_t>(k)]);
        return w;
    }
    // To the gland's frame, where it is round, and back.
    void to_own(float px, float py, float& u, float& v) const {
        const float c = std::cos(angle), s = std::sin(angle), q = std::sqrt(stretch);
        u = (c * (px - x) + s * (py - y)) / q;
        v = (-s * (px - x) + c * (py - y)) * q;
    }
    void to_section(float u, float v, float& px, float& py) const {
        const float c = std::cos(angle), s = std::sin(angle), q = std::sqrt(stretch);
        px = x + c * u * q - s * v / q;
        py = y + s * u * q + c * v / q;
    }
};

}  // namespace c2l
