#include "annotation/combine.h"

#include <algorithm>
#include <clipper.hpp>
#include <cmath>

#include "base/error.h"

namespace c2l {
namespace {

using namespace ClipperLib;

constexpr double kGrid = 1000;   // steps per pixel
constexpr double kMostPx = 1e9;

// Grid coordinates about a whole-pixel origin, which keeps numbers small and Clipper on its fast path.
class Grid {
public:
    explicit Grid(const Box& box) : x_(std::floor(box.left)), y_(std::floor(box.top)) {
        for (const double v : {box.left, box.top, box.right, box.bottom})
            if (!(std::abs(v) <= kMostPx)) throw Error(ErrorCode::BadInput, "a shape lies outside any slide; draw it again");
    }
    IntPoint to(Point2 p) const { return {std::llround((p.x - x_) * kGrid), std::llround((p.y - y_) * kGrid)}; }
    // Divided last, so that 26373.67 comes back as the very double.
    Point2 from(const IntPoint& p) const {
        return {(static_cast<double>(p.X) + x_ * kGrid) / kGrid, (static_cast<double>(p.Y) + y_ * kGrid) / kGrid};
    }
    Paths to(const Part& part) const {
        Paths paths;
        for (const Ring& ring : part) {
            if (ring.size() < 3) continue;
            Path path;
            for (const Point2& p : ring) path.push_back(to(p));
            paths.push_back(std::move(path));
        }
        return paths;
    }
    Ring from(const Path& path) const {
        Ring ring;
        for (const IntPoint& p : path) ring.push_back(from(p));
        return ring;
    }

private:
    double x_, y_;
};

void collect(const PolyNode& node, const Grid& grid, std::vector<Part>& parts) {
    for (const PolyNode* border : node.Childs) {
        Part part{grid.from(border->Contour)};
        for (const PolyNode* hole : border->Childs) {
            part.push_back(grid.from(hole->Contour));
            collect(*hole, grid, parts);  // islands in the hole
        }
        parts.push_back(std::move(part));
    }
}

Geometry run(Clipper& clipper, ClipType type, PolyFillType fill, const Grid& grid) {
    clipper.StrictlySimple(true);
    PolyTree tree;
    if (!clipper.Execute(type, tree, fill, fill)) throw Error(ErrorCode::Internal, "two shapes could not be combined");
    std::vector<Part> parts;
    collect(tree, grid, parts);
    return areas_of(std::move(parts));
}

Box joint_box(const Geometry& a, const Geometry& b) {
    if (a.empty() || b.empty()) return bounds(a.empty() ? b : a);
    const Box p = bounds(a), q = bounds(b);
    return {std::min(p.left, q.left), std::min(p.top, q.top), std::max(p.right, q.right), std::max(p.bottom, q.bottom)};
}

// One area as a set of rings that a non-zero rule reads: its parts may overlap, which even-odd would turn into holes.
Paths prepared(const Geometry& area, const Grid& grid) {
    Paths all;
    if (!area.is_area()) return all;
    for (const Part& part : area.parts) {
        Paths rings = grid.to(part), simple;
        SimplifyPolygons(rings, simple, pftEvenOdd);
        all.insert(all.end(), simple.begin(), simple.end());
    }
    return all;
}

Geometry combine(const Geometry& a, const Geometry& b, ClipType type) try {
    const Grid grid(joint_box(a, b));
    Clipper clipper;
    const Paths pa = prepared(a, grid), pb = prepared(b, grid);
    const bool some_a = clipper.AddPaths(pa, ptSubject, true), some_b = clipper.AddPaths(pb, ptClip, true);
    if (!some_a && !some_b) return {};  // Clipper would call it a failure
    return run(clipper, type, pftNonZero, grid);
} catch (const clipperException& failed) {
    throw Error(ErrorCode::Internal, "two shapes could not be combined", {}, failed.what());
}

}  // namespace

Geometry unite(const Geometry& a, const Geometry& b) { return combine(a, b, ctUnion); }
Geometry subtract(const Geometry& a, const Geometry& b) { return combine(a, b, ctDifference); }
Geometry intersect(const Geometry& a, const Geometry& b) { return combine(a, b, ctIntersection); }
Geometry normalised(const Geometry& area) { return unite(area, {}); }

Geometry brush_stroke(const Ring& path, double radius) try {
    if (path.empty()) return {};
    if (!(radius > 0) || !(radius <= kMostPx)) throw Error(ErrorCode::BadInput, "a brush needs a size above zero");
    const Grid grid(bounds(line_along(path)));
    Path centre;
    for (const Point2& p : path) centre.push_back(grid.to(p));
    // Some thirty corners to a full turn, whatever the size: round to the eye, with few vertices.
    ClipperOffset offset(2.0, std::max(0.02, radius / 200) * kGrid);
    offset.AddPath(centre, jtRound, etOpenRound);
    PolyTree tree;
    offset.Execute(tree, radius * kGrid);
    std::vector<Part> parts;
    collect(tree, grid, parts);
    return areas_of(std::move(parts));
} catch (const clipperException& failed) {
    throw Error(ErrorCode::Internal, "the brush stroke could not be drawn", {}, failed.what());
}

}  // namespace c2l
