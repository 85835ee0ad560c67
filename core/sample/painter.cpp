#include "sample/painter.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace c2l {
namespace {

// Optical density of a well-stained pixel in red, green and blue.
constexpr std::array<float, 3> kHaematoxylin{1.12F, 1.02F, 0.44F};
constexpr std::array<float, 3> kEosin{0.20F, 0.60F, 0.25F};
constexpr std::array<float, 3> kLamp{243, 238, 243};  // light through bare glass
constexpr float kMaxConcentration = 4;
constexpr float kEdgeUm = 0.75F;  // how soft the microscope makes an edge

std::size_t slot(float concentration) {
    return static_cast<std::size_t>(std::clamp(concentration, 0.0F, kMaxConcentration * 0.999F) * (2048 / kMaxConcentration));
}

struct NucleusLook {
    float density, membrane, clumps, clump_um, nucleoli;
};

NucleusLook look_of(CellType type) {
    switch (type) {
        case CellType::Gland:
            return {0.80F, 0.22F, 0.34F, 1.25F, 0.35F};
        case CellType::Solid:
            return {0.66F, 0.34F, 0.46F, 1.35F, 0.85F};
        case CellType::Fibroblast:
            return {0.84F, 0.10F, 0.30F, 1.1F, 0};
        case CellType::Lymphocyte:
            return {1.22F, 0.16F, 0.46F, 1.0F, 0};
        default:
            return {0.92F, 0.08F, 0.25F, 1.1F, 0};
    }
}

}  // namespace

Painter::Painter(const Section& section, double mpp, std::uint64_t seed)
    : section_(section),
      mpp_(static_cast<float>(mpp)),
      width_(static_cast<int>(section.width() / mpp)),
      height_(static_cast<int>(section.height() / mpp)),
      fibre_(derive_seed(seed, "fibre texture")),
      fine_(derive_seed(seed, "fine texture")),
      texture_(derive_seed(seed, "cytoplasm")),
      chromatin_(derive_seed(seed, "chromatin")),
      glass_(derive_seed(seed, "glass")) {
    for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t i = 0; i < 2048; ++i) {
            const float concentration = (static_cast<float>(i) + 0.5F) * kMaxConcentration / 2048;
            through_haematoxylin_[c][i] = std::exp(-kHaematoxylin[c] * concentration);
            through_eosin_[c][i] = std::exp(-kEosin[c] * concentration);
        }
}

void Painter::paint(std::int64_t row, int rows, std::uint8_t* rgb) {
    band_.assign(static_cast<std::size_t>(width_) * rows, Stain{});
    for (int j = 0; j < rows; ++j) {
        const float y = (static_cast<float>(row + j) + 0.5F) * mpp_;
        for (int i = 0; i < width_; ++i) band_[static_cast<std::size_t>(j) * width_ + i] = ground((static_cast<float>(i) + 0.5F) * mpp_, y);
    }
    const float reach = 30;  // no cell is longer
    const float top = static_cast<float>(row) * mpp_ - reach, bottom = static_cast<float>(row + rows) * mpp_ + reach;
    const auto& cells = section_.cells();
    auto first = std::lower_bound(cells.begin(), cells.end(), top, [](const Cell& c, float y) { return c.y < y; });
    for (; first != cells.end() && first->y < bottom; ++first) {
        if (first->type == CellType::Erythrocyte)
            draw_red_cell(*first, row, rows);
        else
            draw_nucleus(*first, row, rows);
    }
    expose(row, rows, rgb);
}

Painter::Stain Painter::ground(float x, float y) const {
    const Ground coarse = section_.at(x, y);
    if (coarse.tissue < -12) return {};
    // Coarse outlines get their fine irregularity here.
    Ground g = coarse;
    const float wobble = texture_(x / 11, y / 11), ripple = fine_(x / 4.2F, y / 4.2F);
    g.tissue += 6 * texture_(x / 38, y / 38) + 3.5F * wobble + 1.5F * ripple;
    g.gland += 1.6F * wobble + 0.7F * ripple;
    g.lumen += 1.5F * wobble + 0.9F * ripple;
    g.fat += 0.008F * wobble + 0.002F * ripple;
    const float inside = smooth_step(-1, 1, g.tissue);
    if (inside == 0) return {};

    const float fatty = smooth_step(-0.0015F, 0.0015F, g.fat) * (1 - smooth_step(-9, -5, g.gland));
    const float glandular = smooth_step(-0.7F, 0.7F, g.gland);
    Stain s{};
    if (fatty < 1 && glandular < 1) s = stroma(g, x, y);
    if (glandular > 0) {
        const Stain e = epithelium(g, x, y);
        s = {blend(s.haematoxylin, e.haematoxylin, glandular), blend(s.eosin, e.eosin, glandular)};
    }
    if (fatty > 0) {
        const Stain f = fat(x, y);
        s = {blend(s.haematoxylin, f.haematoxylin, fatty), blend(s.eosin, f.eosin, fatty)};
    }
    // Lumens are open; some hold a little pale secretion.
    const float open = smooth_step(-0.8F, 0.8F, g.lumen);
    if (open > 0) {
        const float secretion = 0.20F * smooth_step(0.15F, 0.5F, glass_(x / 70, y / 70)) * (0.7F + 0.5F * wobble);
        s = {blend(s.haematoxylin, 0.3F * secretion, open), blend(s.eosin, secretion, open)};
    }
    const float thickness = 1 + 0.16F * glass_(x / 260, y / 260) + 0.10F * glass_(x / 900, y / 900) + 0.25F * smooth_step(9, 0, g.tissue);
    return {s.haematoxylin * inside * thickness, s.eosin * inside * thickness};
}

// Collagen: noise stretched along the fibres, torn into pale clefts where the stroma is loose.
Painter::Stain Painter::stroma(const Ground& g, float x, float y) const {
    const float u = g.along, v = g.across + 1.3F * texture_(x / 16, y / 16);
    const float bundle = fibre_(u / 95, v / 13), strand = fibre_(u / 42 + 31, v / 4.6F), hair = fine_(u / 17, v / 1.9F);
    const float crease = std::abs(fibre_(u / 70 + 11, v / 7.5F));
    float eosin = 0.56F + 0.24F * g.tone + 0.20F * bundle + 0.15F * strand + 0.10F * hair + 0.06F * fine_(x / 1.7F, y / 1.7F);
    eosin += 0.16F * smooth_step(0.16F, 0, crease);  // bright-edged fibre bundles
    const float cleft = fibre_(u / 62 + 77, v / 11 + 5) + 0.45F * texture_(x / 48, y / 48);
    const float loose = 0.50F + 0.62F * g.tone;
    const float torn = smooth_step(loose, loose + 0.10F, cleft);
    const float halo =
        0.5F * smooth_step(-7, -1, g.gland) * smooth_step(0.05F, 0.35F, texture_(x / 55 + 9, y / 55));  // shrinkage around glands
    const float lymphoid = smooth_step(-0.02F, 0.05F, g.lymph);
    const float present = (1 - 0.93F * torn * (1 - 0.9F * lymphoid)) * (1 - halo);
    eosin = blend(eosin, 0.40F + 0.10F * hair, 0.7F * lymphoid);
    const float haze = 0.10F + 0.05F * bundle + 0.10F * lymphoid + 0.04F * hair;
    return {std::max(0.0F, haze) * present, std::max(0.03F, eosin) * present};
}

Painter::Stain Painter::epithelium(const Ground& g, float x, float y) const {
    const float grain = texture_(x / 2.6F, y / 2.6F), cloud = texture_(x / 13, y / 13);
    const float apical = smooth_step(-4.5F, -0.5F, g.lumen), membrane = smooth_step(2.2F, 0.3F, g.gland);
    const float haze = 0.25F + 0.07F * cloud + 0.06F * grain - 0.07F * apical;
    const float eosin =
        0.60F + 0.10F * cloud + 0.10F * grain + 0.22F * smooth_step(-1.8F, -0.4F, g.lumen) + 0.20F * membrane - 0.08F * apical;
    return {std::max(0.03F, haze), std::max(0.05F, eosin)};
}

Painter::Stain Painter::fat(float x, float y) const {
    const float wall = section_.fat_wall(x + 2.5F * texture_(x / 23, y / 23), y + 2.5F * texture_(x / 23 + 50, y / 23));
    const float rim = smooth_step(3.6F, 1.0F, wall + 0.5F * fine_(x / 3, y / 3));
    const float debris = 0.03F + 0.03F * smooth_step(0.2F, 0.6F, texture_(x / 19, y / 19));
    return {0.10F * rim, blend(debris, 0.62F + 0.12F * fine_(x / 2.2F, y / 2.2F), rim)};
}

// Calls shade(pixel, u, v, px, py) for the cell's box in this band; u, v are µm along the long and the short axis.
template <class Shade>
void Painter::for_pixels(const Cell& cell, std::int64_t row, int rows, float margin, const Shade& shade) {
    const float c = std::cos(cell.angle), s = std::sin(cell.angle);
    const float a = cell.a + margin, b = cell.b + margin;
    const float ex = std::hypot(a * c, b * s), ey = std::hypot(a * s, b * c);
    const int x0 = std::max(0, static_cast<int>((cell.x - ex) / mpp_)), x1 = std::min(width_ - 1, static_cast<int>((cell.x + ex) / mpp_));
    const auto y0 = std::max(row, static_cast<std::int64_t>((cell.y - ey) / mpp_));
    const auto y1 = std::min(row + rows - 1, static_cast<std::int64_t>((cell.y + ey) / mpp_));
    for (std::int64_t j = y0; j <= y1; ++j) {
        Stain* line = band_.data() + static_cast<std::size_t>(j - row) * width_;
        const float py = (static_cast<float>(j) + 0.5F) * mpp_, dy = py - cell.y;
        for (int i = x0; i <= x1; ++i) {
            const float px = (static_cast<float>(i) + 0.5F) * mpp_, dx = px - cell.x;
            shade(line[i], c * dx + s * dy, -s * dx + c * dy, px, py);
        }
    }
}

void Painter::draw_nucleus(const Cell& cell, std::int64_t row, int rows) {
    const NucleusLook look = look_of(cell.type);
    const auto part = [&](std::uint32_t k) { return unit_hash(cell.look + k * 0x9e3779b9U); };
    const float density = look.density * (0.72F + 0.56F * part(1)), phase = 6.2832F * part(2);
    const float lobes = cell.type == CellType::Solid ? 0.10F : 0.055F, shift = 400 * part(3);
    const float edge = kEdgeUm / std::min(cell.a, cell.b) * (0.8F + 0.8F * part(4));  // nuclei lie at different depths of focus
    const float bend = cell.type == CellType::Fibroblast ? 0.05F * (part(5) - 0.5F) : 0.0F;
    const float nu = (part(6) - 0.5F) * 0.9F * cell.a, nv = (part(7) - 0.5F) * 0.9F * cell.b;
    const bool nucleolus = part(8) < look.nucleoli;
    for_pixels(cell, row, rows, 1.6F, [&](Stain& pixel, float u, float v, float px, float py) {
        v += bend * u * u;
        float a = cell.a, b = cell.b;
        if (cell.type == CellType::Fibroblast) b *= 1.1F - 0.35F * std::min(1.0F, u * u / (a * a));  // spindle
        const float r0 = std::sqrt(u * u / (a * a) + v * v / (b * b));
        if (r0 > 1.6F) return;
        const float theta = std::atan2(v / b, u / a);
        const float r = r0 * (1 + lobes * std::sin(2 * theta + phase) + 0.7F * lobes * std::sin(3 * theta + 2 * phase));
        const float cover = smooth_step(1 + edge, 1 - edge, r);
        if (cover == 0) return;
        const float rim = look.membrane * smooth_step(0.62F, 0.92F, r);
        const float clump = look.clumps * chromatin_(px / look.clump_um + shift, py / look.clump_um) +
                            0.5F * look.clumps * chromatin_(px / (2.3F * look.clump_um), py / (2.3F * look.clump_um) + shift);
        float h = density * std::max(0.25F, 1 + rim + clump);
        if (nucleolus) h += 0.55F * smooth_step(1.5F, 0.7F, std::hypot(u - nu, v - nv));
        // Nuclei replace cytoplasm; where two overlap in the section's depth, their absorption adds up in part.
        const float under = pixel.haematoxylin;
        pixel.haematoxylin = blend(under, h + 0.45F * std::max(0.0F, under - 0.3F), cover);
        pixel.eosin = blend(pixel.eosin, 0.40F, 0.75F * cover);
    });
}

void Painter::draw_red_cell(const Cell& cell, std::int64_t row, int rows) {
    const float strength = 1.05F + 0.4F * unit_hash(cell.look);
    for_pixels(cell, row, rows, 1.0F, [&](Stain& pixel, float u, float v, float, float) {
        const float r = std::sqrt(u * u / (cell.a * cell.a) + v * v / (cell.b * cell.b));
        const float cover = smooth_step(1.15F, 0.85F, r);
        pixel.eosin = blend(pixel.eosin, strength * (0.8F + 0.25F * smooth_step(0.2F, 0.8F, r)), cover);
        pixel.haematoxylin = blend(pixel.haematoxylin, 0.02F, cover);
    });
}

// Lamp, glass and camera: slight vignetting and tint, a few specks of dust, and a little sensor noise.
void Painter::expose(std::int64_t row, int rows, std::uint8_t* rgb) const {
    const float w = static_cast<float>(width_), h = static_cast<float>(height_);
    for (int j = 0; j < rows; ++j) {
        const float dy = (static_cast<float>(row + j) - 0.5F * h) / h;
        for (int i = 0; i < width_; ++i) {
            const Stain& s = band_[static_cast<std::size_t>(j) * width_ + i];
            const float dx = (static_cast<float>(i) - 0.5F * w) / w;
            const float lamp = 1 - 0.05F * (dx * dx + dy * dy);
            const std::uint32_t grain =
                mix_bits(static_cast<std::uint32_t>(row + j) * 0x9e3779b1U ^ static_cast<std::uint32_t>(i) * 0x85ebca6bU);
            const std::size_t a = slot(s.haematoxylin), b = slot(s.eosin);
            std::uint8_t* pixel = rgb + (static_cast<std::size_t>(j) * width_ + i) * 3;
            for (std::size_t c = 0; c < 3; ++c) {
                const float noise = static_cast<float>((grain >> (8 * c)) & 255U) * (2.4F / 255) - 1.2F;
                const float value = kLamp[c] * lamp * through_haematoxylin_[c][a] * through_eosin_[c][b] + noise + 0.5F;
                pixel[c] = static_cast<std::uint8_t>(std::clamp(value, 0.0F, 255.0F));
            }
        }
    }
}

}  // namespace c2l
