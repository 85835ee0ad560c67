#include <QTest>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "quality/quality.h"

using namespace c2l;

namespace {

Matrix gaussian(std::int64_t rows, std::int64_t cols, std::uint64_t seed, double mean = 0, double sd = 1) {
    Random random(seed);
    Matrix m(rows, cols);
    for (auto& v : m.values) v = static_cast<float>(mean + sd * random.normal());
    return m;
}

Matrix stack(const Matrix& a, const Matrix& b) {
    Matrix m(a.rows + b.rows, a.cols);
    std::copy(a.values.begin(), a.values.end(), m.values.begin());
    std::copy(b.values.begin(), b.values.end(), m.row(a.rows));
    return m;
}

Matrix first_rows(const Matrix& a, std::int64_t n) {
    Matrix m(n, a.cols);
    std::copy_n(a.values.begin(), m.values.size(), m.values.begin());
    return m;
}

// Pink ground with `cells` dark discs of the given radius at random places.
Image drawn_tile(int size, int cells, double radius, Random& random) {
    Image image(size, size);
    for (int i = 0; i < size * size; ++i) {
        image.rgb[static_cast<std::size_t>(3 * i)] = 230;
        image.rgb[static_cast<std::size_t>(3 * i + 1)] = 170;
        image.rgb[static_cast<std::size_t>(3 * i + 2)] = 200;
    }
    for (int c = 0; c < cells; ++c) {
        const double cx = random.uniform(10, size - 10), cy = random.uniform(10, size - 10);
        for (int y = 0; y < size; ++y)
            for (int x = 0; x < size; ++x)
                if (std::hypot(x - cx, y - cy) < radius) {
                    std::uint8_t* p = image.at(x, y);
                    p[0] = 80, p[1] = 60, p[2] = 140;
                }
    }
    return image;
}

TileSet drawn_tiles(int count, int cells, double radius, std::uint64_t seed) {
    Random random(seed);
    TileSet tiles;
    for (int i = 0; i < count; ++i) tiles.append(drawn_tile(128, cells, radius, random));
    return tiles;
}

template <class F>
bool throws(ErrorCode code, F f) {
    try {
        f();
    } catch (const Error& e) {
        return e.code() == code;
    }
    return false;
}

}  // namespace

class TestQuality : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void frechetOfGaussiansIsAnalytic() {
        // N(0, 1) against N(2, 3²) in 4 dimensions: 4 · ((2)² + (3 - 1)²).
        const double d = frechet_distance(gaussian(40000, 4, 1), gaussian(40000, 4, 2, 2, 3));
        QVERIFY2(std::abs(d - 32) < 0.6, qPrintable(QString::number(d)));
        // The same after a rotation mixes the dimensions: distances do not depend on the frame.
        Matrix a = gaussian(500, 2, 3, 0, 1), b = gaussian(500, 2, 4, 1, 2);
        for (std::int64_t i = 0; i < 500; ++i) b.at(i, 1) *= 3;
        const double before = frechet_distance(a, b);
        for (Matrix* m : {&a, &b})
            for (std::int64_t i = 0; i < 500; ++i) {
                const float x = m->at(i, 0), y = m->at(i, 1);
                m->at(i, 0) = 0.6f * x - 0.8f * y, m->at(i, 1) = 0.8f * x + 0.6f * y;
            }
        QVERIFY(std::abs(frechet_distance(a, b) - before) < 1e-3 * before);
        QVERIFY(frechet_distance(a, a) < 1e-6);
        QVERIFY(std::abs(frechet_distance(a, b) - frechet_distance(b, a)) < 1e-6);
    }

    void frechetOfFewerTilesThanFeatures() {
        const Matrix a = gaussian(20, 64, 5);
        QVERIFY(frechet_distance(a, a) < 1e-5);
        QVERIFY(std::isfinite(frechet_distance(a, gaussian(30, 64, 6))));
    }

    // Where tiles are fewer than features the trace comes another way; a Gaussian in a subspace tells whether both ways agree.
    void frechetIsTheSameInMoreDimensions() {
        const Matrix a = gaussian(30, 10, 7), b = gaussian(40, 10, 8, 0.3, 1.5);
        const auto padded = [](const Matrix& m) {
            Matrix wide(m.rows, 64);
            for (std::int64_t i = 0; i < m.rows; ++i) std::copy_n(m.row(i), m.cols, wide.row(i));
            return wide;
        };
        const double narrow = frechet_distance(a, b), wide = frechet_distance(padded(a), padded(b));
        QVERIFY2(std::abs(narrow - wide) < 1e-6 * narrow, qPrintable(QString("%1 %2").arg(narrow).arg(wide)));
    }

    void kernelDistanceIsUnbiased() {
        double sum = 0, squares = 0;
        constexpr int kRuns = 60;
        for (std::uint64_t r = 0; r < kRuns; ++r) {
            const double d = kernel_distance(gaussian(60, 8, 2 * r), gaussian(60, 8, 2 * r + 1));
            sum += d, squares += d * d;
        }
        const double mean = sum / kRuns, se = std::sqrt((squares / kRuns - mean * mean) / kRuns);
        QVERIFY(std::abs(mean) < 4 * se);  // 0 in the mean for equal distributions, however few tiles
        QVERIFY(kernel_distance(gaussian(300, 8, 1), gaussian(300, 8, 2, 1)) > 0.5);
        // By hand: a = {0, 1}, b = {1, 1} in one dimension, k(x, y) = (xy + 1)³.
        Matrix a(2, 1), b(2, 1, 1);
        a.values = {0, 1};
        QVERIFY(std::abs(kernel_distance(a, b) - (1 + 8 - 2 * (1 + 1 + 8 + 8) / 4.0)) < 1e-9);
    }

    void neighbourhoodScoresOfKnownCases() {
        const Matrix real = gaussian(400, 6, 1), alike = gaussian(400, 6, 2), far = gaussian(400, 6, 3, 50);
        const auto good = neighbourhood_scores(real, alike), bad = neighbourhood_scores(real, far);
        QVERIFY(good.precision > 0.7 && good.recall > 0.7 && good.coverage > 0.9 && std::abs(good.density - 1) < 0.25);
        QVERIFY(bad.precision == 0 && bad.recall == 0 && bad.coverage == 0 && bad.density == 0);
        // Two modes of which the generator knows one: precise, but it recalls and covers half.
        const Matrix two = stack(gaussian(200, 6, 4), gaussian(200, 6, 5, 50));
        const auto half = neighbourhood_scores(two, first_rows(alike, 200));
        QVERIFY(half.precision > 0.7 && half.recall < 0.55 && std::abs(half.coverage - 0.5) < 0.08);
        const auto itself = neighbourhood_scores(real, real);
        QVERIFY(itself.precision == 1 && itself.recall == 1 && itself.coverage == 1);
    }

    void copiesAreFlaggedInAnyOrientation() {
        const Matrix train = gaussian(50, 16, 1), reference = gaussian(500, 16, 2);
        Matrix views(400, 16);
        for (std::int64_t t = 0; t < 50; ++t)
            for (int v = 0; v < 8; ++v)
                for (int c = 0; c < 16; ++c) views.at(8 * t + v, c) = train.at(t, (c + 2 * v) % 16);
        Matrix synthetic = gaussian(300, 16, 3);
        for (int c = 0; c < 16; ++c) {
            synthetic.at(7, c) = train.at(31, c);          // an exact copy
            synthetic.at(9, c) = views.at(8 * 12 + 5, c);  // a turned one
        }
        const auto check = check_copies(synthetic, views, reference);
        QVERIFY(check.flagged[7] && check.flagged[9]);
        QCOMPARE(check.nearest[7], std::int64_t{31});
        QCOMPARE(check.nearest[9], std::int64_t{12});
        QVERIFY(check.threshold > 0);
        QVERIFY2(check.fraction < 0.04, qPrintable(QString::number(check.fraction)));  // others: as rare as among real tiles
        QCOMPARE(check_copies(train, views, reference).fraction, 1.0);
        // Where every reference tile is itself a copy the threshold is 0: identical tiles are flagged all the same.
        QCOMPARE(check_copies(train, views, train).fraction, 1.0);
    }

    void trainingTilesNearOneAnotherAreCounted() {
        Matrix train = gaussian(70, 16, 1);
        for (int c = 0; c < 16; ++c) {
            train.at(3, c) = train.at(66, c) + 0.01f;              // of the same kind of tissue …
            train.at(5, c) = train.at(20, (c + 6) % 16) - 0.01f;  // … and turned
        }
        Matrix views(8 * 72, 16, 50.f);  // two tiles of tissue without genes at the end
        for (std::int64_t t = 0; t < 70; ++t)
            for (int v = 0; v < 8; ++v)
                for (int c = 0; c < 16; ++c) views.at(8 * t + v, c) = train.at(t, (c + 2 * v) % 16);
        const Matrix reference = gaussian(500, 16, 2);
        const auto share = [&](auto overlap) { return std::lround(70 * flagged_training_tiles(train, views, reference, overlap, {})); };
        const long all = share([](auto, auto) { return false; });
        QVERIFY(all >= 4 && all < 8);
        QCOMPARE(share([](auto i, auto j) { return i + j == 69; }), all - 2);  // 3 and 66 show the same place
        QCOMPARE(share([](auto, auto) { return true; }), 0l);
        // Where the threshold is 0, identical ones are counted as the gate would.
        for (int v = 0; v < 8; ++v) std::copy_n(views.row(8 * 66 + v), 16, views.row(8 * 3 + v));
        std::copy_n(train.row(66), 16, train.row(3));
        QCOMPARE(std::lround(70 * flagged_training_tiles(train, views, train, [](auto, auto) { return false; }, {})), 2l);
        QVERIFY_EXCEPTION_THROWN(flagged_training_tiles(train, Matrix(8 * 69, 16), reference, [](auto, auto) { return false; }, {}), Error);
    }

    void orientations() {
        Random random(4);
        TileSet tiles;
        Image image(16, 16);
        for (auto& v : image.rgb) v = static_cast<std::uint8_t>(random.below(256));
        tiles.append(image);
        tiles.append(image);
        const TileSet views = dihedral_views(tiles);
        QCOMPARE(views.count(), std::size_t{16});
        QVERIFY(views.image(0).rgb == image.rgb);
        for (std::size_t a = 0; a < 8; ++a) {
            QVERIFY(views.image(a).rgb == views.image(8 + a).rgb);
            for (std::size_t b = 0; b < a; ++b) QVERIFY(views.image(a).rgb != views.image(b).rgb);
            auto sorted = views.image(a).rgb, original = image.rgb;
            std::sort(sorted.begin(), sorted.end());
            std::sort(original.begin(), original.end());
            QVERIFY(sorted == original);
        }
        // A group: the views of a view are the same eight.
        TileSet one;
        one.append(views.image(5));
        const TileSet again = dihedral_views(one);
        for (std::size_t a = 0; a < 8; ++a) {
            bool found = false;
            for (std::size_t b = 0; b < 8; ++b) found = found || views.image(a).rgb == again.image(b).rgb;
            QVERIFY(found);
        }
    }

    void wasserstein() {
        QCOMPARE(wasserstein_distance({1, 2, 3}, {3, 1, 2}), 0.0);
        QVERIFY(std::abs(wasserstein_distance({0, 1}, {5, 6}) - 5) < 1e-12);
        QVERIFY(std::abs(wasserstein_distance({0, 0, 0, 1}, {0, 1}) - 0.25) < 1e-12);
        QVERIFY(std::abs(wasserstein_distance({0}, {0, 3, 6}) - 3) < 1e-12);
        QVERIFY(std::isnan(wasserstein_distance({}, {1})));  // nothing found is no match
        Random random(3);
        std::vector<double> a, b;
        for (int i = 0; i < 997; ++i) a.push_back(random.normal());
        for (int i = 0; i < 613; ++i) b.push_back(random.normal() + 2);
        QVERIFY(std::abs(wasserstein_distance(a, b) - 2) < 0.2);
    }

    void assessReportsValueIntervalAndFloor() {
        const Matrix reference = gaussian(600, 12, 1), learnt_views = gaussian(480, 12, 2), good = gaussian(300, 12, 3),
                     bad = gaussian(300, 12, 4, 0.5, 1.3);
        AssessInputs in;
        in.reference = &reference;
        in.learnt_views = &learnt_views;
        in.synthetic = &good;
        in.encoder = "test encoder";
        in.bootstrap = 100;
        const auto of_good = assess(in, {});
        in.synthetic = &bad;
        const auto of_bad = assess(in, {});
        for (const auto* r : {&of_good, &of_bad}) {
            QVERIFY(r->frechet.lower <= r->frechet.value && r->frechet.value <= r->frechet.upper);
            QVERIFY(r->kid.lower <= r->kid.value && r->kid.value <= r->kid.upper);
            QVERIFY(r->frechet_floor > 0);
        }
        QVERIFY(of_good.frechet.value < 2 * of_good.frechet_floor);  // as good as real
        QVERIFY(of_bad.frechet.lower > 3 * of_bad.frechet_floor);
        QVERIFY(of_good.kid.lower < 0.01 && of_bad.kid.lower > std::abs(of_bad.kid_floor));
        QVERIFY(of_good.copies.fraction < 0.05);
        const auto j = nlohmann::json::parse(of_good.json());
        for (const char* key : {"encoder", "n", "frechet", "kid", "precision", "recall", "density", "coverage", "copies_fraction"})
            QVERIFY2(j.contains(key), key);
        for (const char* key : {"value", "lower", "upper", "floor"}) QVERIFY(j["frechet"].contains(key) && j["kid"].contains(key));
        QCOMPARE(j["n"].get<int>(), 300);
        in.synthetic = &good;
        QVERIFY(assess(in, {}).json() == of_good.json());  // same seed, same report
    }

    void anotherSectionGivesItsOwnFloor() {
        const Matrix reference = gaussian(400, 8, 1), synthetic = gaussian(200, 8, 2), far = gaussian(150, 8, 3, 1), like = gaussian(300, 8, 4);
        AssessInputs in;
        in.reference = &reference;
        in.synthetic = &synthetic;
        in.bootstrap = 20;
        QVERIFY(nlohmann::json::parse(assess(in, {}).json())["floor_other_section"].is_null());
        in.other = &far;
        const auto apart = assess(in, {});
        QCOMPARE(apart.other_section->n, std::int64_t{150});
        QVERIFY(!apart.other_section->frechet);  // of 150 tiles it would be larger than the synthetic ones' of 200
        QVERIFY(nlohmann::json::parse(apart.json())["floor_other_section"]["frechet"].is_null());
        QVERIFY(apart.other_section->kid > 5 * std::abs(apart.kid_floor));
        in.other = &like;
        const auto alike = assess(in, {});
        QCOMPARE(alike.other_section->n, alike.n_floor);
        QVERIFY(*alike.other_section->frechet < 2 * alike.frechet_floor);
        QVERIFY(nlohmann::json::parse(alike.json())["floor_other_section"].contains("kid"));
    }

    void trainingTilesThatAreUnlikeTheSectionAreSeen() {
        const Matrix reference = gaussian(400, 8, 1), synthetic = gaussian(200, 8, 2), like = gaussian(60, 8, 3), unlike = gaussian(60, 8, 4, 1);
        AssessInputs in;
        in.reference = &reference;
        in.synthetic = &synthetic;
        in.bootstrap = 20;
        QVERIFY(nlohmann::json::parse(assess(in, {}).json())["floor_training_tiles"].is_null());
        in.training = &like;
        const double small = assess(in, {}).training->kid;
        in.training = &unlike;
        const auto apart = nlohmann::json::parse(assess(in, {}).json())["floor_training_tiles"];
        QCOMPARE(apart["n"].get<int>(), 60);
        QCOMPARE(apart["kid"].get<double>(), kernel_distance(unlike, reference));
        QVERIFY(apart["kid"].get<double>() > 5 * std::abs(small));
    }

    void compositionTellsDensityAndSize() {
        const TileSet real = drawn_tiles(24, 20, 5, 1), alike = drawn_tiles(24, 20, 5, 2), sparse = drawn_tiles(24, 5, 8, 3);
        const auto same = compare_composition(real, alike, 0.7, 1, {}, {}, 50), other = compare_composition(real, sparse, 0.7, 1, {}, {}, 50);
        QVERIFY(same.nuclear_density_per_mm2.mean_real > 500);
        QVERIFY(other.nuclear_density_per_mm2.distance.lower > 3 * other.nuclear_density_per_mm2.floor);
        QVERIFY(other.nuclear_area_um2.distance.value > same.nuclear_area_um2.distance.value);
        QVERIFY(other.nuclear_density_per_mm2.mean_synthetic < other.nuclear_density_per_mm2.mean_real);
        QVERIFY(same.nuclear_density_per_mm2.distance.value < other.nuclear_density_per_mm2.distance.value / 4);
        const auto j = nlohmann::json::parse(other.json());
        for (const char* key : {"nuclear_density_per_mm2", "nuclear_area_um2", "eccentricity", "haematoxylin_od"}) QVERIFY2(j[key]["floor"].is_number() && j[key]["value"].is_number(), key);
    }

    // Tiles without a nucleus are not like tissue because there is nothing to compare.
    void noNucleiAreNoMatch() {
        const TileSet real = drawn_tiles(12, 20, 5, 1), empty = drawn_tiles(12, 0, 5, 2);
        const auto c = compare_composition(real, empty, 0.7, 1, {}, {}, 20);
        QVERIFY(std::isnan(c.nuclear_area_um2.distance.value) && std::isnan(c.haematoxylin_od.mean_synthetic));
        QVERIFY(c.nuclear_density_per_mm2.distance.value > 500);
        const auto j = nlohmann::json::parse(c.json());
        QVERIFY(j["nuclear_area_um2"]["value"].is_null() && j["nuclear_area_um2"]["mean_real"].is_number());
    }

    // Every tile four times is no more than every tile once: the interval must not shrink.
    void tilesOfOneGroupAreOneWitness() {
        const Matrix reference = gaussian(400, 6, 1), once = gaussian(60, 6, 2, 0.2);
        Matrix often = once;
        for (int i = 0; i < 3; ++i) often = stack(often, once);
        AssessInputs in;
        in.reference = &reference;
        in.bootstrap = 400;
        const auto width = [&](const Matrix& synthetic, const Groups& groups) {
            in.synthetic = &synthetic;
            in.synthetic_group = groups;
            const auto kid = assess(in, {}).kid;
            return kid.upper - kid.lower;
        };
        Groups groups;
        for (std::int64_t i = 0; i < often.rows; ++i) groups.push_back(i % 60);
        const double alone = width(once, {}), grouped = width(often, groups), flattered = width(often, {});
        QVERIFY2(grouped > 0.9 * alone, qPrintable(QString("%1 %2").arg(grouped).arg(alone)));
        QVERIFY2(flattered < 0.75 * alone, qPrintable(QString("%1 %2").arg(flattered).arg(alone)));
        in.synthetic_group.pop_back();
        QVERIFY(throws(ErrorCode::Internal, [&] { assess(in, {}); }));
    }

    void refusesWhatCannotBeCompared() {
        const Matrix a = gaussian(10, 3, 1), narrow = gaussian(10, 2, 2), one = gaussian(1, 3, 3);
        QVERIFY(throws(ErrorCode::Mismatch, [&] { frechet_distance(a, narrow); }));
        QVERIFY(throws(ErrorCode::BadInput, [&] { frechet_distance(a, one); }));
        QVERIFY(throws(ErrorCode::Mismatch, [&] { kernel_distance(a, narrow); }));
        QVERIFY(throws(ErrorCode::Mismatch, [&] { neighbourhood_scores(a, narrow); }));
        QVERIFY(throws(ErrorCode::BadInput, [&] { check_copies(a, Matrix(8, 3), Matrix()); }));
        Matrix broken = a;
        broken.values[4] = std::numeric_limits<float>::infinity();
        QVERIFY(throws(ErrorCode::BadInput, [&] { frechet_distance(a, broken); }));
        std::stop_source stop;
        stop.request_stop();
        JobContext ctx;
        ctx.stop = stop.get_token();
        AssessInputs in;
        in.synthetic = in.reference = &a;
        QVERIFY(throws(ErrorCode::Stopped, [&] { assess(in, ctx); }));
    }
};

QTEST_GUILESS_MAIN(TestQuality)
#include "test_quality.moc"
