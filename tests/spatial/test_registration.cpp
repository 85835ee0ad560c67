#include <QTest>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "spatial/registration.h"

using namespace c2l;

namespace {

double uniform(Random& random, double low, double high) { return low + (high - low) * static_cast<double>(random.below(1'000'000)) / 1e6; }

Registration some_similarity(Random& random, bool mirrored) {
    const double angle = uniform(random, -3.14, 3.14), scale = std::exp(uniform(random, -3, 3)), sign = mirrored ? -1 : 1;
    return {{scale * std::cos(angle), -sign * scale * std::sin(angle), uniform(random, -5e4, 5e4), scale * std::sin(angle), sign * scale * std::cos(angle), uniform(random, -5e4, 5e4)}};
}

std::vector<Landmark> landmarks_of(Random& random, const Registration& r, int n) {
    std::vector<Landmark> out;
    for (int i = 0; i < n; ++i) {
        const Position p{uniform(random, 0, 3e4), uniform(random, 0, 3e4)};
        out.push_back({p, r.apply(p)});
    }
    return out;
}

bool near(const Registration& a, const Registration& b, double px) {
    for (const Position p : {Position{0, 0}, {3e4, 0}, {0, 3e4}, {3e4, 3e4}})
        if (std::hypot(a.apply(p).x - b.apply(p).x, a.apply(p).y - b.apply(p).y) > px) return false;
    return true;
}

}  // namespace

class TestRegistration : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void composes_and_inverts() {
        Random random(1);
        for (int i = 0; i < 200; ++i) {
            const Registration a = some_similarity(random, i % 2), b = some_similarity(random, i % 3 == 0);
            const Position p{uniform(random, -1e4, 1e4), uniform(random, -1e4, 1e4)};
            const Position one = after(a, b).apply(p), two = a.apply(b.apply(p));
            QVERIFY(std::hypot(one.x - two.x, one.y - two.y) < 1e-6 * (1 + std::abs(one.x) + std::abs(one.y)));
            QVERIFY(near(after(inverse(a), a), {}, 1e-6));
        }
        QVERIFY_EXCEPTION_THROWN(inverse({{1, 1, 0, 1, 1, 0}}), Error);
    }

    void landmarks_give_the_similarity_back() {
        Random random(2);
        for (int i = 0; i < 200; ++i) {
            const bool mirrored = i % 2;
            const Registration truth = some_similarity(random, mirrored);
            const auto landmarks = landmarks_of(random, truth, 2 + i % 4);
            QVERIFY(near(fit_similarity(landmarks, mirrored ? Handedness::Mirrored : Handedness::Kept), truth, 1e-3 * truth.scale()));
            if (landmarks.size() > 2) QCOMPARE(fit_similarity(landmarks, Handedness::Either).mirrored(), mirrored);
            else QVERIFY(!fit_similarity(landmarks, Handedness::Either).mirrored());
        }
    }

    // Of all similarities near it, the fitted one has the least squares.
    void the_fit_is_the_least_squares_one() {
        Random random(3);
        for (int i = 0; i < 50; ++i) {
            const Registration truth = some_similarity(random, i % 2);
            auto landmarks = landmarks_of(random, truth, 5);
            for (Landmark& l : landmarks) {
                l.slide.x += uniform(random, -300, 300) * truth.scale();
                l.slide.y += uniform(random, -300, 300) * truth.scale();
            }
            const Registration best = fit_similarity(landmarks, i % 2 ? Handedness::Mirrored : Handedness::Kept);
            const double least = root_mean_square(residuals_px(best, landmarks));
            QVERIFY(least > 0);
            const Position middle = best.apply({15000, 15000});
            for (const double by : {-0.002, 0.002}) {
                const double c = std::cos(by), s = std::sin(by);
                const Registration turn{{c, -s, middle.x - c * middle.x + s * middle.y, s, c, middle.y - s * middle.x - c * middle.y}};
                const Registration grow{{1 + by, 0, -by * middle.x, 0, 1 + by, -by * middle.y}};
                const Registration shift{{1, 0, 1e4 * by * truth.scale(), 0, 1, 0}};
                for (const Registration& other : {turn, grow, shift}) QVERIFY(root_mean_square(residuals_px(after(other, best), landmarks)) > least);
            }
        }
    }

    void refuses_landmarks_that_fix_nothing() {
        QVERIFY_EXCEPTION_THROWN(fit_similarity({}, Handedness::Kept), Error);
        QVERIFY_EXCEPTION_THROWN(fit_similarity({{{1, 1}, {2, 2}}}, Handedness::Kept), Error);
        QVERIFY_EXCEPTION_THROWN(fit_similarity({{{1, 1}, {2, 2}}, {{1, 1}, {5, 2}}}, Handedness::Kept), Error);
        QVERIFY_EXCEPTION_THROWN(fit_similarity({{{1, 1}, {2, 2}}, {{5, 1}, {2, 2}}}, Handedness::Kept), Error);
    }

    void residuals_are_distances() {
        const std::vector<Landmark> pairs{{{0, 0}, {3, 4}}, {{10, 0}, {10, 0}}};
        QCOMPARE(residuals_px({}, pairs), (std::vector<double>{5, 0}));
        QCOMPARE(root_mean_square({5, 0}), std::sqrt(12.5));
    }

    // A point of a picture of w × h, found again after the picture was turned to lie as the slide does.
    void orientations_turn_the_frame() {
        const double w = 800, h = 500;  // of the slide
        const Position p{30, 70};
        const auto at = [&](Orientation o) { return oriented(o, 1, w, h).apply(p); };
        const auto is = [](Position a, double x, double y) { return a.x == x && a.y == y; };
        QVERIFY(is(at(Orientation::Identity), 30, 70));
        QVERIFY(is(at(Orientation::Swap), 70, 30));
        QVERIFY(is(at(Orientation::MirrorX), 770, 70));
        QVERIFY(is(at(Orientation::MirrorY), 30, 430));
        QVERIFY(is(at(Orientation::Rotate90), 730, 30));
        QVERIFY(is(at(Orientation::Rotate180), 770, 430));
        QVERIFY(is(at(Orientation::Rotate270), 70, 470));
        QVERIFY(is(at(Orientation::TransposeOther), 730, 470));
        QCOMPARE(oriented(Orientation::Rotate90, 2, w, h).angle(), 90.0);
        QCOMPARE(oriented(Orientation::Rotate90, 2, w, h).scale(), 2.0);
        for (const Orientation o : kOrientations) {
            QVERIFY(orientation_from(to_string(o)) == o);
            const Registration turned = oriented(o, 0.5, w, h);  // the corners of the frame stay its corners
            const bool across = turned.m[0] == 0;
            const Position far = turned.apply({2 * (across ? h : w), 2 * (across ? w : h)}), zero = turned.apply({0, 0});
            QCOMPARE(std::abs(far.x - zero.x), w);
            QCOMPARE(std::abs(far.y - zero.y), h);
            QVERIFY(std::min(far.x, zero.x) == 0 && std::min(far.y, zero.y) == 0);
        }
        QVERIFY(!orientation_from("upside-down"));
    }

    void spots_move_with_what_belongs_to_them() {
        SpotTable spots;
        spots.barcodes = {"a"};
        spots.x = {10};
        spots.y = {20};
        spots.diameter_px = 7;
        spots.diameter_um = 55;
        register_spots(spots, oriented(Orientation::Swap, 3, 100, 100));
        QCOMPARE(spots.x[0], 60.0);
        QCOMPARE(spots.y[0], 30.0);
        QCOMPARE(*spots.diameter_px, 21.0);
        QCOMPARE(*spots.diameter_um, 55.0);
    }
};

QTEST_APPLESS_MAIN(TestRegistration)
#include "test_registration.moc"
