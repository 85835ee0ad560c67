#include "slide/tiff_pixels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace c2l {

void samples_to_rgb(const std::uint8_t* samples, std::size_t pixels, const SampleLayout& layout, std::uint8_t* rgb) {
    const auto channels = static_cast<std::size_t>(layout.channels), colours = static_cast<std::size_t>(layout.colours);
    const bool has_alpha = layout.alpha != Alpha::None && channels > colours;
    if (layout.bits == 8 && channels == 3 && colours == 3 && !has_alpha) {
        if (samples != rgb) std::memcpy(rgb, samples, pixels * 3);
        return;
    }
    const auto sample = [&](std::size_t i) -> int {
        if (layout.bits == 8) return samples[i];
        std::uint16_t v;
        std::memcpy(&v, samples + 2 * i, 2);
        return (v * 255 + 32767) / 65535;
    };
    for (std::size_t x = 0; x < pixels; ++x, rgb += 3)
        for (std::size_t c = 0; c < 3; ++c) {
            int v = sample(x * channels + (colours == 3 ? c : 0));
            if (layout.inverted) v = 255 - v;
            if (has_alpha) {
                const int a = sample(x * channels + colours);
                v = layout.alpha == Alpha::Multiplied ? std::min(255, v + 255 - a) : (v * a + 255 * (255 - a) + 127) / 255;
            }
            rgb[c] = static_cast<std::uint8_t>(v);
        }
}

void ycbcr_to_rgb(std::uint8_t* samples, std::size_t pixels, int channels) {
    const auto clamp = [](double v) { return static_cast<std::uint8_t>(std::clamp(v + 0.5, 0.0, 255.0)); };
    for (std::size_t i = 0; i < pixels; ++i, samples += channels) {
        const double y = samples[0], cb = samples[1] - 128.0, cr = samples[2] - 128.0;
        samples[0] = clamp(y + 1.402 * cr);
        samples[1] = clamp(y - 0.344136 * cb - 0.714136 * cr);
        samples[2] = clamp(y + 1.772 * cb);
    }
}

}  // namespace c2l
