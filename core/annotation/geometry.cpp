#include "annotation/geometry.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace c2l {
namespace {

template <class Visit>
void each_vertex(const Geometry& g, Visit visit) {
    for (const Part& part : g.parts)
        for (const Ring& ring : part)
            for (const Point2& p : ring) visit(p);
}

// Segments of lines and, closed, of borders.
template <class Visit>
void each_segment(const Geometry& g, Visit visit) {
    for (const Part& part : g.parts) {
        for (const Ring& ring : part) {
            for (std::size_t i = 1; i < ring.size(); ++i) visit(ring[i - 1], ring[i]);
            if (g.is_area() && ring.size() > 1) visit(ring.back(), ring.front());
        }
    }
}

// Twice the signed area and its first moments, about the ring's first vertex: far from the origin nothing is lost.
struct Moments {
    double twice_area = 0, x = 0, y = 0;
};
Moments moments(const Ring& ring) {
    Moments m;
    for (std::size_t i = 1; i + 1 < ring.size(); ++i) {
        const double ax = ring[i].x - ring[0].x, ay = ring[i].y - ring[0].y, bx = ring[i + 1].x - ring[0].x, by = ring[i + 1].y - ring[0].y;
        const double cross = ax * by - ay * bx;
        m.twice_area += cross;
        m.x += cross * (ax + bx) / 3;
        m.y += cross * (ay + by) / 3;
    }
    return m;
}

double distance_to_segment(Point2 p, Point2 a, Point2 b) {
    const double dx = b.x - a.x, dy = b.y - a.y, squared = dx * dx + dy * dy;
    const double t = squared > 0 ? std::clamp(((p.x - a.x) * dx + (p.y - a.y) * dy) / squared, 0.0, 1.0) : 0;
    return std::hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

bool inside_part(const Part& part, Point2 p) {
    bool inside = false;
    for (const Ring& ring : part) {
        for (std::size_t i = 0, j = ring.size() - 1; i < ring.size(); j = i++) {
            const Point2 &a = ring[i], &b = ring[j];
            if ((a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x) inside = !inside;
        }
    }
    return inside;
}

}  // namespace

std::string_view to_string(GeometryType type) {
    switch (type) {
        case GeometryType::Point: return "Point";
        case GeometryType::MultiPoint: return "MultiPoint";
        case GeometryType::LineString: return "LineString";
        case GeometryType::MultiLineString: return "MultiLineString";
        case GeometryType::Polygon: return "Polygon";
        case GeometryType::MultiPolygon: return "MultiPolygon";
        case GeometryType::None: break;
    }
    return "None";
}

bool Geometry::empty() const { return vertices() == 0; }

std::size_t Geometry::vertices() const {
    std::size_t n = 0;
    for (const Part& part : parts)
        for (const Ring& ring : part) n += ring.size();
    return n;
}

Geometry point_at(Point2 p) { return {GeometryType::Point, {{{p}}}}; }
Geometry points_at(Ring points) { return {GeometryType::MultiPoint, {{std::move(points)}}}; }
Geometry line_along(Ring vertices) { return {GeometryType::LineString, {{std::move(vertices)}}}; }
Geometry polygon_of(Ring border) { return {GeometryType::Polygon, {{std::move(border)}}}; }

Geometry rectangle(Point2 a, Point2 b) {
    const double left = std::min(a.x, b.x), right = std::max(a.x, b.x), top = std::min(a.y, b.y), bottom = std::max(a.y, b.y);
    return polygon_of({{left, top}, {right, top}, {right, bottom}, {left, bottom}});
}

Geometry circle(Point2 centre, double radius, int vertices) {
    Ring ring;
    for (int i = 0; i < vertices; ++i) {
        const double angle = 2 * std::numbers::pi * i / vertices;
        ring.push_back({centre.x + radius * std::cos(angle), centre.y + radius * std::sin(angle)});
    }
    return polygon_of(std::move(ring));
}

Geometry areas_of(std::vector<Part> parts) {
    if (parts.empty()) return {};
    const auto type = parts.size() == 1 ? GeometryType::Polygon : GeometryType::MultiPolygon;
    return {type, std::move(parts)};
}

Box bounds(const Geometry& g) {
    constexpr double far = std::numeric_limits<double>::infinity();
    Box box{far, far, -far, -far};
    each_vertex(g, [&](Point2 p) { box = {std::min(box.left, p.x), std::min(box.top, p.y), std::max(box.right, p.x), std::max(box.bottom, p.y)}; });
    return box.left > box.right ? Box{} : box;
}

bool contains(const Geometry& g, Point2 p) {
    return g.is_area() && std::any_of(g.parts.begin(), g.parts.end(), [&](const Part& part) { return inside_part(part, p); });
}

double area_px(const Geometry& g) {
    if (!g.is_area()) return 0;
    double area = 0;
    for (const Part& part : g.parts)
        for (std::size_t r = 0; r < part.size(); ++r) area += (r == 0 ? 0.5 : -0.5) * std::abs(moments(part[r]).twice_area);
    return std::max(0.0, area);
}

double area_um2(const Geometry& g, double mpp) { return area_px(g) * mpp * mpp; }

double length_px(const Geometry& g) {
    double length = 0;
    if (!g.is_points()) each_segment(g, [&](Point2 a, Point2 b) { length += std::hypot(b.x - a.x, b.y - a.y); });
    return length;
}

Point2 centroid(const Geometry& g) {
    double area = 0, x = 0, y = 0;
    if (g.is_area()) {
        for (const Part& part : g.parts) {
            for (std::size_t r = 0; r < part.size(); ++r) {
                if (part[r].empty()) continue;
                const Moments m = moments(part[r]);
                const double sign = (m.twice_area < 0) == (r == 0) ? -1 : 1;  // borders count up, holes down, whatever their direction
                area += sign * m.twice_area;
                x += sign * (m.x + m.twice_area * part[r][0].x);
                y += sign * (m.y + m.twice_area * part[r][0].y);
            }
        }
    }
    if (std::abs(area) > 1e-9) return {x / area, y / area};
    double n = 0;
    x = y = 0;
    each_vertex(g, [&](Point2 p) { n += 1, x += p.x, y += p.y; });
    return n > 0 ? Point2{x / n, y / n} : Point2{};
}

double distance_px(const Geometry& g, Point2 p) {
    if (contains(g, p)) return 0;
    double least = std::numeric_limits<double>::infinity();
    each_vertex(g, [&](Point2 v) { least = std::min(least, std::hypot(p.x - v.x, p.y - v.y)); });
    if (!g.is_points()) each_segment(g, [&](Point2 a, Point2 b) { least = std::min(least, distance_to_segment(p, a, b)); });
    return least;
}

Geometry moved(Geometry g, double dx, double dy) {
    for (Part& part : g.parts)
        for (Ring& ring : part)
            for (Point2& p : ring) p = {p.x + dx, p.y + dy};
    return g;
}

}  // namespace c2l
