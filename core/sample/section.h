// The simulated tissue itself: where glands, nests, stroma, lymphocytes and fat lie, and every cell in them.
//
// Frame: µm from the top-left corner of the picture, x to the right, y down. Immutable once built; read from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sample/noise.h"

namespace c2l {

enum class CellType : std::uint8_t { Gland, Solid, Fibroblast, Lymphocyte, Adipocyte, Erythrocyte };
inline constexpr int kExpressingTypes = 5;  // all but the erythrocyte, which has no nucleus and no transcripts here
inline constexpr std::array<const char*, kExpressingTypes> kCellTypeNames{"glandular epithelium", "solid epithelium", "fibroblast",
                                                                          "lymphocyte", "adipocyte"};

struct Cell {
    float x = 0, y = 0;  // centre of the nucleus, µm
    float a = 1, b = 1;  // semi-axes, µm
    float angle = 0;     // of the long axis, radians
    CellType type = CellType::Fibroblast;
    std::uint32_t look = 0;  // seeds shape, colour and chromatin
};

// What the tissue is at one point; all smooth, so that a coarse grid of them is enough.
struct Ground {
    float tissue = 0;             // µm inside the tissue's edge, negative outside
    float gland = 0;              // µm inside the nearest gland or nest, negative outside
    float lumen = 0;              // µm inside a lumen (or a vessel's), negative outside
    float fat = 0;                // > 0 in fat
    float lymph = 0;              // > 0 in a lymphoid aggregate
    float along = 0, across = 0;  // curvilinear coordinates of the collagen fibres, µm
    float tone = 0;               // thickness and density of the stroma, about [-1, 1]
};

class Section {
public:
    Section(std::uint64_t seed, double width_um, double height_um);

    double width() const { return width_; }
    double height() const { return height_; }
    const std::vector<Cell>& cells() const { return cells_; }  // sorted by y

    Ground at(float x, float y) const;          // interpolated; clamps to the picture
    float fibre_angle(float x, float y) const;  // radians
    float fat_wall(float x, float y) const;     // about twice the distance to the nearest wall between fat vacuoles, µm

private:
    struct Gland;
    class Planter;
    static constexpr float kStep = 4;  // µm between grid points

    Ground& node(int ix, int iy) { return grid_[static_cast<std::size_t>(iy) * nx_ + ix]; }
    const Ground& node(int ix, int iy) const { return grid_[static_cast<std::size_t>(iy) * nx_ + ix]; }
    void lay_out_ground(std::uint64_t seed);
    void lay_out_fibres(std::uint64_t seed);
    std::vector<Gland> place_glands(std::uint64_t seed);
    std::vector<Gland> place_vessels(std::uint64_t seed);
    void carve(const Gland& gland);
    void place_cells(std::uint64_t seed, const std::vector<Gland>& glands, const std::vector<Gland>& vessels);

    double width_, height_;
    int nx_, ny_;
    Noise fat_noise_;
    std::vector<Ground> grid_;
    std::vector<Cell> cells_;
};

}  // namespace c2l
