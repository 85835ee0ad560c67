// Asks of many points whether they lie in one area: edges sorted into horizontal slabs, so that a point meets only those near it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "annotation/geometry.h"

namespace c2l {

class AreaIndex {
public:
    explicit AreaIndex(const Geometry& area);  // memory: at most three entries for each edge
    bool contains(Point2 p) const;             // as c2l::contains for one polygon; parts that overlap count as inside

private:
    struct Edge {
        double ax, ay, bx, by;
        std::int32_t part;
    };
    std::vector<Edge> edges_;
    std::vector<std::uint32_t> slab_start_, slab_edges_;  // edges of a slab in the order of their parts
    Box box_;
    double slab_height_ = 1;
};

// Indices of the points (x[i], y[i]) inside the area, ascending: a lasso over spots. Throws Error(Mismatch) when x and y differ in length.
std::vector<std::size_t> select_inside(const Geometry& area, const std::vector<double>& x, const std::vector<double>& y);

}  // namespace c2l
