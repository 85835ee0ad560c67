#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/random.h"
#include "sample/glands.h"

namespace c2l {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;

// Places cells so that nuclei keep their distance, with a hash grid of 12-µm boxes.
class Placer {
public:
    Placer(double width, double height) : nx_(static_cast<int>(width / kBox) + 1), ny_(static_cast<int>(height / kBox) + 1) {
        boxes_.resize(static_cast<std::size_t>(nx_) * ny_);
    }

    bool put(const Cell& cell, float room) {
        const int bx = static_cast<int>(cell.x / kBox), by = static_cast<int>(cell.y / kBox);
        if (cell.x < 0 || cell.y < 0 || bx >= nx_ || by >= ny_) return false;
        for (int j = std::max(0, by - 1); j <= std::min(ny_ - 1, by + 1); ++j)
            for (int i = std::max(0, bx - 1); i <= std::min(nx_ - 1, bx + 1); ++i)
                for (const auto k : boxes_[static_cast<std::size_t>(j) * nx_ + i]) {
                    const float dx = cells_[k].x - cell.x, dy = cells_[k].y - cell.y;
                    if (dx * dx + dy * dy < room * room) return false;
                }
        boxes_[static_cast<std::size_t>(by) * nx_ + bx].push_back(static_cast<std::uint32_t>(cells_.size()));
        cells_.push_back(cell);
        return true;
    }
    std::vector<Cell> take() { return std::move(cells_); }

private:
    static constexpr float kBox = 12;
    int nx_, ny_;
    std::vector<std::vector<std::uint32_t>> boxes_;
    std::vector<Cell> cells_;
};

float spread(Random& random, float mean, float relative) { return mean * std::exp(relative * static_cast<float>(random.normal())); }

Cell make_cell(Random& random, CellType type, float x, float y, float angle) {
    Cell c{x, y, 1, 1, angle, type, static_cast<std::uint32_t>(random.bits() >> 32)};
    switch (type) {
        case CellType::Gland:
            c.a = spread(random, 5.3F, 0.10F), c.b = spread(random, 3.3F, 0.10F);
            break;
        case CellType::Solid:
            c.a = spread(random, 5.6F, 0.17F), c.b = c.a * static_cast<float>(random.uniform(0.68, 0.98));
            break;
        case CellType::Fibroblast:
            c.a = spread(random, 7.2F, 0.22F), c.b = spread(random, 1.75F, 0.25F);
            break;
        case CellType::Lymphocyte:
            c.a = spread(random, 3.2F, 0.08F), c.b = c.a * static_cast<float>(random.uniform(0.86, 1));
            break;
        case CellType::Adipocyte:
            c.a = spread(random, 5.5F, 0.15F), c.b = spread(random, 1.6F, 0.15F);
            break;
        case CellType::Erythrocyte:
            c.a = spread(random, 3.3F, 0.07F), c.b = c.a * static_cast<float>(random.uniform(0.7, 1));
            break;
    }
    return c;
}

}  // namespace

// Places the cells, structure by structure; what is placed first keeps its place.
class Section::Planter {
public:
    Planter(const Section& section, std::uint64_t seed)
        : section_(section), placer_(section.width(), section.height()), random_(derive_seed(seed, "cells")) {}

    void line_gland(const Gland& g);
    void fill_nest(const Gland& g);
    void line_vessel(const Gland& v);
    void fill_vessel(const Gland& v);
    void scatter(std::uint64_t seed);
    std::vector<Cell> take() { return placer_.take(); }

private:
    float jitter(float sd) { return sd * static_cast<float>(random_.normal()); }

    const Section& section_;
    Placer placer_;
    Random random_;
};

// Layers from the basement membrane inwards, long axes towards the lumen.
void Section::Planter::line_gland(const Gland& g) {
    const int layers = std::max(1, static_cast<int>((g.thickness - 3) / 7.5F));
    for (int layer = 0; layer < layers; ++layer) {
        const float depth = 6.2F + 7.6F * static_cast<float>(layer);
        const int n = static_cast<int>(2 * kPi * (g.radius - depth) * std::sqrt(g.stretch) / 5.2F);
        for (int i = 0; i < n; ++i) {
            const float theta = 2 * kPi * (static_cast<float>(i) + static_cast<float>(random_.uniform())) / static_cast<float>(n);
            const float r = g.radius * g.wobble(theta) - depth + jitter(1.2F);
            float x, y, x2, y2;
            g.to_section(r * std::cos(theta), r * std::sin(theta), x, y);
            g.to_section((r + 5) * std::cos(theta), (r + 5) * std::sin(theta), x2, y2);
            if (section_.at(x, y).lumen > -3.2F) continue;
            placer_.put(make_cell(random_, CellType::Gland, x, y, std::atan2(y2 - y, x2 - x) + jitter(0.18F)), 5.0F);
        }
    }
}

void Section::Planter::fill_nest(const Gland& g) {
    const int tries = static_cast<int>(0.16F * g.radius * g.radius);
    for (int i = 0; i < tries; ++i) {
        const auto theta = static_cast<float>(random_.uniform(0, 2 * kPi));
        const float r = g.radius * g.wobble(theta) * std::sqrt(static_cast<float>(random_.uniform())) - 4;
        float x, y;
        g.to_section(r * std::cos(theta), r * std::sin(theta), x, y);
        const Ground ground = section_.at(x, y);
        if (r < 0 || ground.lumen > -4 || ground.gland < 2) continue;
        const auto room = static_cast<float>(random_.uniform(6.6, 9.2));
        placer_.put(make_cell(random_, g.solid ? CellType::Solid : CellType::Gland, x, y, static_cast<float>(random_.uniform(0, kPi))),
                    room);
    }
}

void Section::Planter::line_vessel(const Gland& v) {
    const int n = static_cast<int>(2 * kPi * v.radius / 15) + 1;
    for (int i = 0; i < n; ++i) {
        const float theta = 2 * kPi * (static_cast<float>(i) + static_cast<float>(random_.uniform(0.2, 0.8))) / static_cast<float>(n);
        const float r = (v.radius - v.thickness) * v.wobble(theta) + 1.6F;
        float x, y;
        v.to_section(r * std::cos(theta), r * std::sin(theta), x, y);
        Cell lining = make_cell(random_, CellType::Fibroblast, x, y, 0);
        float x2, y2;
        v.to_section(r * std::cos(theta + 0.05F), r * std::sin(theta + 0.05F), x2, y2);
        lining.angle = std::atan2(y2 - y, x2 - x);
        lining.a = std::min(lining.a, 5.5F);
        placer_.put(lining, 5);
    }
}

void Section::Planter::fill_vessel(const Gland& v) {
    const float inner = v.radius - v.thickness - 2.5F;
    const bool filled = random_.uniform() < 0.6;
    for (int i = 0; filled && i < static_cast<int>(0.10F * inner * inner); ++i) {
        const auto theta = static_cast<float>(random_.uniform(0, 2 * kPi));
        const float r = inner * std::sqrt(static_cast<float>(random_.uniform()));
        float x, y;
        v.to_section(r * std::cos(theta), r * std::sin(theta), x, y);
        if (section_.at(x, y).lumen > 2)
            placer_.put(make_cell(random_, CellType::Erythrocyte, x, y, static_cast<float>(random_.uniform(0, kPi))), 4.6F);
    }
}

// Everything that belongs to no structure: walls of fat, lymphocytes alone or in aggregates, fibroblasts along the fibres.
void Section::Planter::scatter(std::uint64_t seed) {
    const Noise patches(derive_seed(seed, "patches"));
    const auto tries = static_cast<std::int64_t>(section_.width() * section_.height() / 16);
    for (std::int64_t i = 0; i < tries; ++i) {
        const auto x = static_cast<float>(random_.uniform(0, section_.width())),
                   y = static_cast<float>(random_.uniform(0, section_.height()));
        const auto chance = static_cast<float>(random_.uniform());
        const Ground g = section_.at(x, y);
        if (g.tissue < 5 || g.lumen > -3) continue;
        if (g.fat > 0) {
            const float wall = section_.fat_wall(x, y);
            if (wall < 3 && chance < 0.10F) {  // nuclei lie flat in the walls
                const float gx = section_.fat_wall(x + 2, y) - section_.fat_wall(x - 2, y),
                            gy = section_.fat_wall(x, y + 2) - section_.fat_wall(x, y - 2);
                placer_.put(make_cell(random_, CellType::Adipocyte, x, y, std::atan2(gx, -gy)), 11);
            }
        } else if (g.gland > -4) {
            if (g.gland > 4 && chance < 0.0035F) placer_.put(make_cell(random_, CellType::Lymphocyte, x, y, 0), 6);
        } else if (g.lymph > 0 && chance < 0.12F + 5 * g.lymph) {
            // Drawn first: the order in which arguments are evaluated is the compiler's choice.
            const auto room = static_cast<float>(random_.uniform(5.0, 7.2));
            placer_.put(make_cell(random_, CellType::Lymphocyte, x, y, static_cast<float>(random_.uniform(0, kPi))), room);
        } else if (chance < 0.035F * (1 + 0.7F * g.tone)) {
            Cell c = make_cell(random_, CellType::Fibroblast, x, y, section_.fibre_angle(x, y) + jitter(0.14F));
            placer_.put(c, static_cast<float>(random_.uniform(8, 14)));
        } else if (chance >
                   0.9875F - 0.05F * smooth_step(0.1F, 0.6F, patches(x / 130, y / 130)) - 0.02F * smooth_step(-0.12F, 0, g.lymph)) {
            placer_.put(make_cell(random_, CellType::Lymphocyte, x, y, 0), 6.2F);
        }
    }
}

void Section::place_cells(std::uint64_t seed, const std::vector<Gland>& glands, const std::vector<Gland>& vessels) {
    Planter planter(*this, seed);
    for (const Gland& g : glands) {
        if (g.has_lumen() && !g.solid)
            planter.line_gland(g);
        else
            planter.fill_nest(g);
    }
    for (const Gland& v : vessels) {
        planter.line_vessel(v);
        planter.fill_vessel(v);
    }
    planter.scatter(seed);
    cells_ = planter.take();
    std::stable_sort(cells_.begin(), cells_.end(), [](const Cell& a, const Cell& b) { return a.y < b.y; });
}

}  // namespace c2l
