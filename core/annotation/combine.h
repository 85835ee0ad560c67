// Areas put together and taken apart: union, difference, intersection, and the area that a brush sweeps.
//
// Clipper 6.4.2 (A. Johnson, after B. Vatti, Commun. ACM 35(7), 1992) on a grid of 1/1000 pixel: whole numbers cannot fail on coincident or
// nearly coincident edges, as floating-point clippers do, and two-decimal coordinates of other programs come back unchanged. Results are
// valid: no ring crosses itself or another. Coordinates must lie within ±1e9 pixels; throws Error(BadInput) otherwise.
#pragma once

#include "annotation/geometry.h"

namespace c2l {

// Arguments are areas under the even-odd rule; None counts as empty, and so do points and lines.
Geometry unite(const Geometry& a, const Geometry& b);
Geometry subtract(const Geometry& a, const Geometry& b);
Geometry intersect(const Geometry& a, const Geometry& b);
// The same area with valid rings: a figure of eight becomes two polygons.
Geometry normalised(const Geometry& area);
// What a round brush of that radius covers along a path (one point: a disc). radius > 0, level-0 pixels.
Geometry brush_stroke(const Ring& path, double radius);

}  // namespace c2l
