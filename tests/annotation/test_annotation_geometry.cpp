// Inside and outside, areas, selections, and areas combined: against brute force.
#include <QTest>
#include <cmath>
#include <numbers>

#include "annotation/area_index.h"
#include "annotation/combine.h"
#include "annotation/random_annotations.h"
#include "annotation/read.h"
#include "base/error.h"
#include "base/random.h"
#include "real_data.h"

using namespace c2l;

namespace {

// Crossing number of a ray in another direction than the one the code uses, in long double: an independent answer.
bool brute_inside(const Geometry& g, Point2 p) {
    for (const Part& part : g.parts) {
        int crossings = 0;
        for (const Ring& ring : part) {
            for (std::size_t i = 0; i < ring.size(); ++i) {
                const Point2 a = ring[i], b = ring[(i + 1) % ring.size()];
                if ((a.x > p.x) == (b.x > p.x)) continue;
                const long double y = a.y + (static_cast<long double>(p.x) - a.x) * (static_cast<long double>(b.y) - a.y) / (static_cast<long double>(b.x) - a.x);
                crossings += y > p.y;
            }
        }
        if (crossings % 2) return true;
    }
    return false;
}

Geometry random_area(Random& random, double side, int corners) {
    std::vector<Part> parts;
    for (std::int64_t n = 1 + random.below(3); n > 0; --n) {
        Part part;
        for (std::int64_t r = 1 + random.below(2); r > 0; --r) {
            Ring ring;
            for (int i = 0; i < corners; ++i) ring.push_back({std::round(random.uniform(0, side)), std::round(random.uniform(0, side))});
            part.push_back(std::move(ring));
        }
        parts.push_back(std::move(part));
    }
    return areas_of(std::move(parts));
}

// A star about the middle: simple, with holes that do not touch its border.
Geometry random_blob(Random& random, Point2 centre, double radius) {
    const auto ring = [&](double low, double high) {
        Ring out;
        for (int i = 0; i < 24; ++i) {
            const double angle = 2 * std::numbers::pi * i / 24, r = radius * random.uniform(low, high);
            out.push_back({centre.x + r * std::cos(angle), centre.y + r * std::sin(angle)});
        }
        return out;
    };
    Part part{ring(0.6, 1)};
    if (random.below(2)) part.push_back(ring(0.2, 0.5));
    return {GeometryType::Polygon, {part}};
}

}  // namespace

class TestAnnotationGeometry : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void insideAgreesWithBruteForce() {
        Random random(1);
        for (int round = 0; round < 60; ++round) {
            const Geometry area = random_area(random, 1000, 3 + static_cast<int>(random.below(40)));
            const AreaIndex index(area);
            for (int i = 0; i < 400; ++i) {
                // Half-pixel places never lie on a border of whole-pixel corners in y; a hit exactly on an edge has measure zero in x.
                const Point2 p{random.uniform(-50, 1050), std::floor(random.uniform(-50, 1050)) + 0.5};
                const bool inside = contains(area, p);
                QCOMPARE(inside, brute_inside(area, p));
                QCOMPARE(index.contains(p), inside);
            }
        }
    }

    // On corners and edges the answers of both ways agree too, and neighbours share no point and leave none out.
    void bordersBelongToOneSide() {
        const Geometry left = rectangle({0, 0}, {10, 10}), right = rectangle({10, 0}, {20, 10}), below = rectangle({0, 10}, {10, 20});
        const AreaIndex li(left), ri(right), bi(below);
        for (double y = 0; y < 20; y += 0.5) {
            for (double x = 0; x < 20; x += 0.5) {
                const Point2 p{x, y};
                const int owners = contains(left, p) + contains(right, p) + contains(below, p);
                QCOMPARE(owners, y < 10 || x < 10 ? 1 : 0);
                QCOMPARE(li.contains(p) + ri.contains(p) + bi.contains(p), owners);
            }
        }
    }

    void lassoSelectsWhatBruteForceDoes() {
        Random random(2);
        std::vector<double> x, y;
        for (int i = 0; i < 20000; ++i) x.push_back(random.uniform(0, 30000)), y.push_back(random.uniform(0, 30000));
        Ring lasso;
        for (int i = 0; i < 700; ++i) {
            const double angle = 2 * std::numbers::pi * i / 700, r = 9000 + 3000 * std::sin(7 * angle) + random.uniform(-40, 40);
            lasso.push_back({15000 + r * std::cos(angle), 14000 + r * std::sin(angle)});
        }
        const auto selected = select_inside(polygon_of(lasso), x, y);
        std::vector<std::size_t> expected;
        for (std::size_t i = 0; i < x.size(); ++i)
            if (brute_inside(polygon_of(lasso), {x[i], y[i]})) expected.push_back(i);
        QCOMPARE(selected, expected);
        QVERIFY(selected.size() > 3000);
        QVERIFY(select_inside(point_at({1, 1}), x, y).empty());
        QVERIFY(select_inside(polygon_of({}), x, y).empty());
        QVERIFY_THROWS_EXCEPTION(Error, select_inside(polygon_of(lasso), x, {1}));
    }

    void theIndexStaysSmall() {
        Ring comb;  // every edge as high as the whole: the worst case for slabs
        for (int i = 0; i < 20000; ++i) comb.push_back({static_cast<double>(i), i % 2 ? 0.0 : 10000.0});
        const Geometry area = polygon_of(comb);
        const AreaIndex index(area);
        for (int i = 0; i < 200; ++i) {
            const Point2 p{i * 99.7, 0.5 + i * 40};
            QCOMPARE(index.contains(p), brute_inside(area, p));
        }
    }

    void areasAndLengths() {
        const Geometry ring{GeometryType::Polygon, {{{{0, 0}, {10, 0}, {10, 10}, {0, 10}}, {{2, 2}, {2, 4}, {4, 4}, {4, 2}}}}};
        QCOMPARE(area_px(ring), 96.0);
        QCOMPARE(area_um2(ring, 0.5), 24.0);
        QCOMPARE(length_px(ring), 48.0);
        QCOMPARE(area_px(line_along({{0, 0}, {3, 4}})), 0.0);
        QCOMPARE(length_px(line_along({{0, 0}, {3, 4}})), 5.0);
        QCOMPARE(length_px(points_at({{0, 0}, {3, 4}})), 0.0);
        const Geometry far = moved(ring, 1e8, 1e8);  // nothing is lost far from the origin
        QCOMPARE(area_px(far), 96.0);
        const Point2 c = centroid(far);
        QVERIFY(std::abs(c.x - (1e8 + (500 - 12) / 96.0)) < 1e-6);
        QVERIFY((centroid(points_at({{0, 0}, {2, 4}})) == Point2{1, 2}));
        QVERIFY(std::abs(area_px(circle({5, 5}, 100, 256)) - std::numbers::pi * 1e4) < 10);
        for (const Geometry& empty : {Geometry{}, points_at({}), polygon_of({}), areas_of({})}) {
            QVERIFY(empty.empty());
            QCOMPARE(area_px(empty) + length_px(empty), 0.0);
            QVERIFY(bounds(empty) == Box{});
            QVERIFY(std::isinf(distance_px(empty, {0, 0})));
        }
    }

    void distances() {
        QCOMPARE(distance_px(rectangle({0, 0}, {10, 10}), {5, 5}), 0.0);
        QCOMPARE(distance_px(rectangle({0, 0}, {10, 10}), {13, 14}), 5.0);
        QCOMPARE(distance_px(rectangle({0, 0}, {10, 10}), {5, -2}), 2.0);
        QCOMPARE(distance_px(line_along({{0, 0}, {10, 0}}), {4, 3}), 3.0);
        QCOMPARE(distance_px(points_at({{0, 0}, {10, 0}}), {9, 0}), 1.0);
    }

    // Inside a union is inside one or the other, and so on: asked at many places, away from borders that the grid may move by a thousandth.
    void combinationsAgreeWithLogic() {
        Random random(4);
        for (int round = 0; round < 60; ++round) {
            const Geometry a = random_blob(random, {500, 500}, 300), b = random_blob(random, {random.uniform(200, 800), random.uniform(200, 800)}, 250);
            const Geometry both = intersect(a, b), either = unite(a, b), rest = subtract(a, b);
            QVERIFY(std::abs(area_px(either) + area_px(both) - area_px(a) - area_px(b)) < 2);
            QVERIFY(std::abs(area_px(rest) + area_px(both) - area_px(a)) < 2);
            for (int i = 0; i < 300; ++i) {
                const Point2 p{random.uniform(0, 1000), random.uniform(0, 1000)};
                const auto near_border = [&](const Geometry& g) {
                    for (const Part& part : g.parts)
                        for (Ring ring : part) {
                            ring.push_back(ring.front());
                            if (distance_px(line_along(ring), p) < 0.01) return true;
                        }
                    return false;
                };
                if (near_border(a) || near_border(b)) continue;
                QCOMPARE(contains(either, p), contains(a, p) || contains(b, p));
                QCOMPARE(contains(both, p), contains(a, p) && contains(b, p));
                QCOMPARE(contains(rest, p), contains(a, p) && !contains(b, p));
            }
        }
    }

    void combiningKeepsCoordinatesOfOtherPrograms() {
        const Geometry shape = polygon_of({{26373.67, 15429.01}, {26480.33, 15429.5}, {26400.1, 15500.99}});
        const Geometry same = normalised(shape);
        QVERIFY(same.type == GeometryType::Polygon);
        QCOMPARE(same.parts[0].size(), std::size_t{1});
        for (const Point2& p : shape.parts[0][0]) QVERIFY(std::find(same.parts[0][0].begin(), same.parts[0][0].end(), p) != same.parts[0][0].end());
    }

    void specialCombinations() {
        const Geometry a = rectangle({0, 0}, {10, 10}), b = rectangle({10, 0}, {20, 10}), far = rectangle({100, 100}, {110, 110});
        QVERIFY(unite(a, b).type == GeometryType::Polygon);  // a shared edge joins them
        QCOMPARE(area_px(unite(a, b)), 200.0);
        QVERIFY(unite(a, far).type == GeometryType::MultiPolygon);
        QVERIFY(subtract(a, a).type == GeometryType::None);
        QVERIFY(intersect(a, far).empty());
        QCOMPARE(area_px(unite(a, {})), 100.0);
        QVERIFY(unite({}, {}).empty());
        QCOMPARE(area_px(unite(a, point_at({50, 50}))), 100.0);
        const Geometry hole = subtract(rectangle({0, 0}, {30, 30}), rectangle({10, 10}, {20, 20}));
        QCOMPARE(hole.parts.at(0).size(), std::size_t{2});
        QCOMPARE(area_px(hole), 800.0);
        const Geometry island = unite(hole, rectangle({14, 14}, {16, 16}));
        QVERIFY(island.type == GeometryType::MultiPolygon);
        QCOMPARE(area_px(island), 804.0);
        QVERIFY(contains(island, {15, 15}) && !contains(island, {12, 12}));
        // A figure of eight has two lobes.
        const Geometry eight = normalised(polygon_of({{0, 0}, {10, 10}, {10, 0}, {0, 10}}));
        QVERIFY(eight.type == GeometryType::MultiPolygon);
        QCOMPARE(area_px(eight), 50.0);
        // Parts that overlap stay covered, however often.
        const Geometry twice = normalised(Geometry{GeometryType::MultiPolygon, {{{{0, 0}, {10, 0}, {10, 10}, {0, 10}}}, {{{5, 0}, {15, 0}, {15, 10}, {5, 10}}}}});
        QCOMPARE(area_px(twice), 150.0);
        QVERIFY_THROWS_EXCEPTION(Error, unite(a, rectangle({0, 0}, {1e12, 1})));
        QVERIFY_THROWS_EXCEPTION(Error, unite(a, polygon_of({{0, 0}, {std::nan(""), 1}, {std::nan(""), 5}})));
    }

    void brushCoversWhatItPassed() {
        Random random(6);
        for (int round = 0; round < 30; ++round) {
            const double radius = random.uniform(2, 200);
            Ring path{{1000, 1000}};
            for (int i = 0; i < 40; ++i) path.push_back({path.back().x + random.uniform(-radius, radius), path.back().y + random.uniform(-radius, radius)});
            const Geometry stroke = brush_stroke(path, radius);
            QVERIFY(stroke.is_area());
            const double slack = radius / 200 + 0.05;
            for (int i = 0; i < 200; ++i) {
                const Point2 p{random.uniform(500, 1500), random.uniform(500, 1500)};
                const double d = distance_px(line_along(path), p);
                if (d < radius - slack) QVERIFY(contains(stroke, p));
                if (d > radius + slack) QVERIFY(!contains(stroke, p));
            }
        }
        const Geometry dot = brush_stroke({{10, 20}}, 5);
        QVERIFY(std::abs(area_px(dot) - std::numbers::pi * 25) < 1);
        QVERIFY(brush_stroke({}, 5).empty());
        QVERIFY_THROWS_EXCEPTION(Error, brush_stroke({{1, 1}}, 0));
        QVERIFY_THROWS_EXCEPTION(Error, brush_stroke({{1, 1}}, std::nan("")));
    }

    // Strokes over the real wand annotation: painted on and erased again, the area is what it was.
    void paintsOnRealShapes() {
        C2L_REAL_DATA(file, "data/annotations/qupath_geojson/qupath-wand.json");
        const Geometry wand = read_annotations(file).annotations.at(0).geometry;
        const Box box = bounds(wand);
        const double before = area_px(normalised(wand));
        QVERIFY(std::abs(before - area_px(wand)) < 1);
        const Geometry stroke = brush_stroke({{box.right + 30, box.top}, {box.right + 60, box.bottom}}, 10);
        const Geometry painted = unite(wand, stroke);
        QVERIFY(std::abs(area_px(painted) - before - area_px(stroke)) < 1);
        QVERIFY(std::abs(area_px(subtract(painted, stroke)) - before) < 1);
    }
};

QTEST_GUILESS_MAIN(TestAnnotationGeometry)
#include "test_annotation_geometry.moc"
