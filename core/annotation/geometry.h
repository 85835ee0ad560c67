// Shapes drawn on a slide, after GeoJSON (RFC 7946): points, lines and areas with holes.
//
// Frame: level-0 pixels, x to the right, y down, the slide's corner at (0, 0), double precision. Areas follow the even-odd rule over all
// rings of a part, so that the direction of a ring does not matter. Values; nothing here throws unless it says so.
#pragma once

#include <string_view>
#include <vector>

namespace c2l {

struct Point2 {
    double x = 0, y = 0;
    bool operator==(const Point2&) const = default;
};

struct Box {
    double left = 0, top = 0, right = 0, bottom = 0;
    bool contains(Point2 p) const { return p.x >= left && p.x <= right && p.y >= top && p.y <= bottom; }
    bool touches(const Box& o) const { return left <= o.right && o.left <= right && top <= o.bottom && o.top <= bottom; }
    bool operator==(const Box&) const = default;
};

using Ring = std::vector<Point2>;  // an area's border without the repeated last point; the vertices of a line; a set of points
using Part = std::vector<Ring>;    // of an area: outer border, then holes

enum class GeometryType { None, Point, MultiPoint, LineString, MultiLineString, Polygon, MultiPolygon };
std::string_view to_string(GeometryType type);  // GeoJSON's names; "None" for an object without a place

// Every type has its vertices in `parts`: Point and MultiPoint in parts[0][0], LineString in parts[0][0], MultiLineString a ring of parts[0]
// for each line, Polygon its rings in parts[0], MultiPolygon one part for each polygon.
struct Geometry {
    GeometryType type = GeometryType::None;
    std::vector<Part> parts;

    bool is_area() const { return type == GeometryType::Polygon || type == GeometryType::MultiPolygon; }
    bool is_line() const { return type == GeometryType::LineString || type == GeometryType::MultiLineString; }
    bool is_points() const { return type == GeometryType::Point || type == GeometryType::MultiPoint; }
    bool empty() const;  // no vertex
    std::size_t vertices() const;
    bool operator==(const Geometry&) const = default;
};

Geometry point_at(Point2 p);
Geometry points_at(Ring points);
Geometry line_along(Ring vertices);
Geometry polygon_of(Ring border);
Geometry rectangle(Point2 a, Point2 b);              // two opposite corners
Geometry circle(Point2 centre, double radius, int vertices = 32);
Geometry areas_of(std::vector<Part> parts);          // Polygon for one part, MultiPolygon for several, None for none

Box bounds(const Geometry& geometry);                // all zero when empty
bool contains(const Geometry& geometry, Point2 p);   // inside the area; false for points and lines. A border belongs to one of its two sides.
double area_px(const Geometry& geometry);            // square pixels, holes taken off; 0 for points and lines
double area_um2(const Geometry& geometry, double mpp);
double length_px(const Geometry& geometry);          // of lines; the perimeter (holes included) of areas; 0 for points
Point2 centroid(const Geometry& geometry);           // of the area; of the vertices where there is none
// Level-0 pixels from p to the nearest point, line or border; 0 inside an area; infinite when empty.
double distance_px(const Geometry& geometry, Point2 p);
Geometry moved(Geometry geometry, double dx, double dy);

}  // namespace c2l
