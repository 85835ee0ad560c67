// The surface of a map, before any graphics library: four triangles per cell around its exact centre value; the corners between
// cells are means of the cells that meet there. No cell is lost, however lonely. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "ui/overlay/map_overlay.h"

namespace c2l {

struct HeightField {
    struct Point {
        double x = 0, y = 0;  // level-0 pixels
        double value = 0;
    };
    std::vector<Point> points;
    std::vector<std::array<std::int32_t, 3>> triangles;  // counter-clockwise seen from above, y pointing down
};

// Cells without a place or a finite value are holes. Throws Error(Mismatch) when the grid names places beyond the values.
HeightField make_height_field(const GridMap& grid, const std::vector<float>& values);

}  // namespace c2l
