#include "sample/glands.h"

#include <algorithm>
#include <numbers>

#include "base/random.h"

namespace c2l {
namespace {

constexpr float kTurn = 2 * std::numbers::pi_v<float>;

template <class Gland>
void wobble_outline(Gland& g, Random& random, float strength) {
    for (std::size_t k = 0; k < 4; ++k) {
        g.amplitude[k] = strength * static_cast<float>(random.normal()) / static_cast<float>(k + 1);
        g.phase[k] = static_cast<float>(random.uniform(0, kTurn));
    }
}

}  // namespace

// Epithelial territory is the upper part of smooth noise; within it a second noise, the grade, decides between open glands and
// crowded solid nests, so that architecture and expression change together over the section.
std::vector<Section::Gland> Section::place_glands(std::uint64_t seed) {
    const Noise territory(derive_seed(seed, "territory")), grade(derive_seed(seed, "grade"));
    const auto scale = static_cast<float>(width_ / 5200);
    Random random(derive_seed(seed, "glands"));
    std::vector<Gland> glands;
    const auto n = static_cast<std::int64_t>(width_ * height_ / 900);
    for (std::int64_t i = 0; i < n; ++i) {
        Gland g;
        g.x = static_cast<float>(random.uniform(0, width_));
        g.y = static_cast<float>(random.uniform(0, height_));
        const auto chance = random.uniform();
        const Ground ground = at(g.x, g.y);
        const float wanted = territory.octaves(g.x / (800 * scale + 100), g.y / (800 * scale + 100), 3);
        if (ground.tissue < 60 || ground.fat > -0.06F || ground.lymph > 0 || chance > smooth_step(-0.06F, 0.20F, wanted) + 0.006F) continue;
        const float level =
            grade.octaves(g.x / (900 * scale + 100), g.y / (900 * scale + 100), 2) + 0.12F * static_cast<float>(random.normal());
        g.solid = level > 0.03F;
        g.radius = static_cast<float>(g.solid ? random.uniform(22, 62) : random.uniform(26, 66));
        g.thickness = g.solid ? (random.uniform() < 0.25 ? 0.72F * g.radius : 2 * g.radius) : static_cast<float>(random.uniform(12, 23));
        g.stretch = static_cast<float>(random.uniform(1, g.solid ? 1.8 : 2.1));
        g.angle = fibre_angle(g.x, g.y) + 0.5F * static_cast<float>(random.normal());
        wobble_outline(g, random, g.solid ? 0.14F : 0.12F);
        const float gap = static_cast<float>(random.uniform(1, 11));
        const bool clash = std::any_of(glands.begin(), glands.end(), [&](const Gland& o) {
            return std::hypot(o.x - g.x, o.y - g.y) < 0.88F * (o.radius + g.radius) + gap;
        });
        if (!clash) glands.push_back(g);
    }
    for (const Gland& g : glands) carve(g);
    return glands;
}

std::vector<Section::Gland> Section::place_vessels(std::uint64_t seed) {
    Random random(derive_seed(seed, "vessels"));
    std::vector<Gland> vessels;
    const auto n = static_cast<std::int64_t>(width_ * height_ / 60000);
    for (std::int64_t i = 0; i < n; ++i) {
        Gland v;
        v.x = static_cast<float>(random.uniform(0, width_));
        v.y = static_cast<float>(random.uniform(0, height_));
        v.radius = static_cast<float>(7 + 9 * random.gamma(1.0));
        v.thickness = 2.5F + 0.12F * v.radius;
        v.stretch = static_cast<float>(random.uniform(1, 2.6));
        v.angle = fibre_angle(v.x, v.y) + 0.3F * static_cast<float>(random.normal());
        wobble_outline(v, random, 0.06F);
        const Ground ground = at(v.x, v.y);
        if (v.radius > 34 || ground.tissue < 80 || ground.fat > -0.02F || ground.gland > -1.6F * v.radius - 6) continue;
        vessels.push_back(v);
    }
    for (const Gland& v : vessels) {  // a vessel opens a lumen but is no gland
        Gland hole = v;
        hole.radius = std::max(2.0F, v.radius - v.thickness);
        const auto reach = static_cast<int>((1.5F * hole.radius * std::sqrt(v.stretch) + 8) / kStep) + 1;
        const int cx = static_cast<int>(v.x / kStep), cy = static_cast<int>(v.y / kStep);
        for (int iy = std::max(0, cy - reach); iy <= std::min(ny_ - 1, cy + reach); ++iy) {
            for (int ix = std::max(0, cx - reach); ix <= std::min(nx_ - 1, cx + reach); ++ix) {
                float u, w;
                hole.to_own(static_cast<float>(ix) * kStep, static_cast<float>(iy) * kStep, u, w);
                node(ix, iy).lumen = std::max(node(ix, iy).lumen, hole.radius * hole.wobble(std::atan2(w, u)) - std::hypot(u, w));
            }
        }
    }
    return vessels;
}

// Enters the gland into the grid and bends the fibres around it.
void Section::carve(const Gland& g) {
    const float outer = 1.6F * g.radius * std::sqrt(g.stretch) + 60;
    const auto reach = static_cast<int>(outer / kStep) + 1;
    const int cx = static_cast<int>(g.x / kStep), cy = static_cast<int>(g.y / kStep);
    for (int iy = std::max(0, cy - reach); iy <= std::min(ny_ - 1, cy + reach); ++iy) {
        for (int ix = std::max(0, cx - reach); ix <= std::min(nx_ - 1, cx + reach); ++ix) {
            float u, v;
            g.to_own(static_cast<float>(ix) * kStep, static_cast<float>(iy) * kStep, u, v);
            const float theta = std::atan2(v, u), r = std::hypot(u, v), outline = g.radius * g.wobble(theta);
            Ground& ground = node(ix, iy);
            ground.gland = std::max(ground.gland, outline - r);
            if (g.has_lumen()) ground.lumen = std::max(ground.lumen, outline * (1 - g.thickness / g.radius) - r);
            ground.across += 26 * smooth_step(-45, 0, outline - r);
        }
    }
}

}  // namespace c2l
