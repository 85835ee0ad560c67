#include "sample/section.h"

#include <algorithm>
#include <numbers>

#include "base/random.h"
#include "sample/glands.h"

namespace c2l {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;
constexpr float kFar = -60;  // "nothing near" for distances inside glands and lumens

// The value below which a share of the values lies; reorders them.
float quantile(std::vector<float>& values, double share) {
    if (values.empty()) return 0;
    const auto k = static_cast<std::ptrdiff_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + k, values.end());
    return values[static_cast<std::size_t>(k)];
}

}  // namespace

Section::Section(std::uint64_t seed, double width_um, double height_um)
    : width_(width_um),
      height_(height_um),
      nx_(static_cast<int>(width_um / kStep) + 2),
      ny_(static_cast<int>(height_um / kStep) + 2),
      fat_noise_(derive_seed(seed, "fat")),
      grid_(static_cast<std::size_t>(nx_) * ny_) {
    lay_out_ground(seed);
    lay_out_fibres(seed);
    const std::vector<Gland> glands = place_glands(seed);
    const std::vector<Gland> vessels = place_vessels(seed);
    place_cells(seed, glands, vessels);
}

// Outline of the tissue, then fat, epithelial territory and lymphoid aggregates as the highest parts of smooth noise: taking
// quantiles inside the tissue gives every seed and size the same composition.
void Section::lay_out_ground(std::uint64_t seed) {
    const Noise outline(derive_seed(seed, "outline")), lobes(derive_seed(seed, "lobes")), tone(derive_seed(seed, "tone")),
        immune(derive_seed(seed, "immune"));
    const auto w = static_cast<float>(width_), h = static_cast<float>(height_);
    const float rx = 0.39F * w, ry = 0.385F * h, scale = w / 5200;
    std::vector<float> fat, lymph;
    for (int iy = 0; iy < ny_; ++iy) {
        for (int ix = 0; ix < nx_; ++ix) {
            const float x = static_cast<float>(ix) * kStep, y = static_cast<float>(iy) * kStep;
            const float dx = (x - 0.5F * w) / rx, dy = (y - 0.5F * h) / ry;
            const float r = std::sqrt(dx * dx + dy * dy), angle = std::atan2(dy, dx);
            const float edge = 1 + 0.16F * outline(1.3F * std::cos(angle) + 5, 1.3F * std::sin(angle) + 5) +
                               0.05F * outline(x / 300, y / 300) + 0.010F * outline(x / 60, y / 60);
            Ground& g = node(ix, iy);
            g.tissue = (edge - r) * 0.5F * (rx + ry);
            g.gland = g.lumen = kFar;
            g.tone = tone.octaves(x / (420 * scale + 60), y / (420 * scale + 60), 3);
            g.fat = lobes.octaves(x / (1100 * scale), y / (1100 * scale), 2) + 0.35F * dx - 0.2F * dy + 0.04F * lobes(x / 80, y / 80);
            g.lymph = immune.octaves(x / (420 * scale + 40), y / (420 * scale + 40), 2);
            if (g.tissue > 0) {
                fat.push_back(g.fat);
                lymph.push_back(g.lymph);
            }
        }
    }
    const float fat_cut = quantile(fat, 0.87), lymph_cut = quantile(lymph, 0.93);
    for (Ground& g : grid_) {
        g.fat -= fat_cut;
        g.lymph = g.fat > 0 ? -1 : g.lymph - lymph_cut;
    }
}

// Fibres follow the level lines of `across`: a tilted plane bent by smooth noise. Where noise bends it strongly, bundles swirl.
void Section::lay_out_fibres(std::uint64_t seed) {
    const Noise bend(derive_seed(seed, "fibres"));
    Random random(derive_seed(seed, "tilt"));
    const auto tilt = static_cast<float>(random.uniform(-1.2, 1.2));
    const float c = std::cos(tilt), s = std::sin(tilt);
    for (int iy = 0; iy < ny_; ++iy) {
        for (int ix = 0; ix < nx_; ++ix) {
            const float x = static_cast<float>(ix) * kStep, y = static_cast<float>(iy) * kStep;
            Ground& g = node(ix, iy);
            g.along = c * x + s * y + 160 * bend(x / 520 + 40, y / 520);
            g.across = -s * x + c * y + 210 * bend(x / 560, y / 560) + 34 * bend(x / 150, y / 150 + 30) + 5 * bend(x / 42, y / 42);
        }
    }
}

Ground Section::at(float x, float y) const {
    const float gx = std::clamp(x / kStep, 0.0F, static_cast<float>(nx_) - 1.001F);
    const float gy = std::clamp(y / kStep, 0.0F, static_cast<float>(ny_) - 1.001F);
    const int ix = static_cast<int>(gx), iy = static_cast<int>(gy);
    const float fx = gx - static_cast<float>(ix), fy = gy - static_cast<float>(iy);
    const Ground *a = &node(ix, iy), *b = a + 1, *c = a + nx_, *d = c + 1;
    const float wa = (1 - fx) * (1 - fy), wb = fx * (1 - fy), wc = (1 - fx) * fy, wd = fx * fy;
    const auto mean = [&](float Ground::*m) { return wa * a->*m + wb * b->*m + wc * c->*m + wd * d->*m; };
    return {mean(&Ground::tissue), mean(&Ground::gland), mean(&Ground::lumen),  mean(&Ground::fat),
            mean(&Ground::lymph),  mean(&Ground::along), mean(&Ground::across), mean(&Ground::tone)};
}

float Section::fibre_angle(float x, float y) const {
    const float d = 6;
    const float gx = at(x + d, y).across - at(x - d, y).across, gy = at(x, y + d).across - at(x, y - d).across;
    return std::atan2(gx, -gy);  // along the level line
}

// Vacuoles are the cells of a jittered Voronoi diagram; combining the second and third distance rounds their corners.
float Section::fat_wall(float x, float y) const {
    constexpr float kSpacing = 58;
    const float gx = x / kSpacing, gy = y / kSpacing;
    const int ix = static_cast<int>(std::floor(gx)), iy = static_cast<int>(std::floor(gy));
    float d1 = 1e9F, d2 = 1e9F, d3 = 1e9F;
    for (int j = iy - 2; j <= iy + 2; ++j) {
        for (int i = ix - 2; i <= ix + 2; ++i) {
            const float dx = static_cast<float>(i) + 0.1F + 0.8F * fat_noise_.cell(i, j, 1) - gx;
            const float dy = static_cast<float>(j) + 0.1F + 0.8F * fat_noise_.cell(i, j, 2) - gy;
            const float d = std::sqrt(dx * dx + dy * dy) + 0.12F * fat_noise_.cell(i, j, 3);
            if (d < d1) {
                d3 = d2, d2 = d1, d1 = d;
            } else if (d < d2) {
                d3 = d2, d2 = d;
            } else if (d < d3) {
                d3 = d;
            }
        }
    }
    const float a = d2 - d1, b = d3 - d1;
    return kSpacing * a * b / (a + b + 1e-4F);
}

}  // namespace c2l
