// Annotations and shapes at random, of every type that a file can hold.
#pragma once

#include <cmath>
#include <limits>

#include "annotation/annotation.h"
#include "base/random.h"

namespace c2l::test {

inline Point2 random_point(Random& random, double side = 50000) {
    // Whole, two-decimal and full-precision coordinates, as programs write them.
    const auto value = [&] {
        const double v = random.uniform(-side / 10, side);
        switch (random.below(3)) {
            case 0: return std::floor(v);
            case 1: return std::round(v * 100) / 100;
            default: return v;
        }
    };
    const double x = value();
    return {x, value()};
}

inline Ring random_ring(Random& random, std::int64_t least, std::int64_t most) {
    Ring ring;
    for (std::int64_t n = least + random.below(most - least + 1); n > 0; --n) ring.push_back(random_point(random));
    if (ring.size() > 1 && ring.front() == ring.back()) ring.back().x += 1;
    return ring;
}

inline Geometry random_geometry(Random& random) {
    const auto rings = [&](std::int64_t least) {
        Part part;
        for (std::int64_t n = 1 + random.below(3); n > 0; --n) part.push_back(random_ring(random, least, least + 20));
        return part;
    };
    switch (random.below(7)) {
        case 0: return point_at(random_point(random));
        case 1: return points_at(random_ring(random, 0, 8));
        case 2: return line_along(random_ring(random, 2, 12));
        case 3: return {GeometryType::MultiLineString, {rings(2)}};
        case 4: return {GeometryType::Polygon, {rings(3)}};
        case 5: {
            Geometry g{GeometryType::MultiPolygon, {}};
            for (std::int64_t n = random.below(4); n > 0; --n) g.parts.push_back(rings(3));
            return g;
        }
        default: return {};
    }
}

inline std::string random_text(Random& random) {
    static const char* kPieces[] = {"Tumour", "\"quoted\"", "Größe", "\\", "\n", "細胞", " ", "Stroma", "/", "\t", "{}", "[1,2]", "NaN"};
    std::string text;
    for (std::int64_t n = 1 + random.below(4); n > 0; --n) text += kPieces[random.below(13)];
    return text;
}

inline Rgb random_colour(Random& random) {
    const auto byte = [&] { return static_cast<std::uint8_t>(random.below(256)); };
    const std::uint8_t r = byte(), g = byte();
    return {r, g, byte()};
}

inline Annotation random_annotation(Random& random) {
    Annotation a;
    if (random.below(4)) a.id = new_annotation_id();
    a.geometry = random_geometry(random);
    a.type = static_cast<ObjectType>(random.below(6));
    if (a.type == ObjectType::Cell && random.below(2)) a.nucleus = Geometry{GeometryType::Polygon, {{random_ring(random, 3, 9)}}};
    if (random.below(2)) a.name = random_text(random);
    if (random.below(2)) {
        a.classification = Classification{random_text(random), std::nullopt};
        if (random.below(3) == 0) a.classification->name += ": " + random_text(random);
        if (random.below(2)) a.classification->colour = random_colour(random);
    }
    if (random.below(3) == 0) a.colour = random_colour(random);
    a.locked = random.below(4) == 0;
    for (std::int64_t n = random.below(4), i = 0; i < n; ++i) {
        static const double kSpecial[] = {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(), 0, 1e300};
        a.measurements.push_back({"m" + std::to_string(i), random.below(3) ? random.normal() * 100 : kSpecial[random.below(5)]});
    }
    for (std::int64_t n = random.below(3), i = 0; i < n; ++i) a.metadata["k" + std::to_string(i)] = random_text(random);
    return a;
}

}  // namespace c2l::test
