#include <QTest>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "predict/metrics.h"
#include "predict/predict.h"

using namespace c2l;

namespace {

Matrix noise(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
    Random random(seed);
    Matrix m(rows, cols);
    for (auto& v : m.values) v = static_cast<float>(random.normal());
    return m;
}

}  // namespace

class TestMetrics : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void pearsonOfKnownCases() {
        Matrix truth(4, 3), predicted(4, 3);
        const float t[] = {1, 2, 3, 4}, up[] = {10, 20, 30, 40}, down[] = {4, 3, 2, 1};
        for (int i = 0; i < 4; ++i) {
            for (int g = 0; g < 3; ++g) truth.at(i, g) = t[i];
            predicted.at(i, 0) = up[i], predicted.at(i, 1) = down[i], predicted.at(i, 2) = 5;
        }
        const auto r = pearson(truth, predicted, 1);
        QVERIFY(std::abs(r.per_gene[0] - 1) < 1e-6 && std::abs(r.per_gene[1] + 1) < 1e-6);
        QCOMPARE(r.per_gene[2], 0.0);  // constant prediction
        QVERIFY(std::abs(r.mean) < 1e-6 && std::abs(r.median) < 1e-6);
    }

    void intervalHoldsTheTruthAboutAsOftenAsItSays() {
        int inside = 0;
        constexpr int kRuns = 60;
        for (int run = 0; run < kRuns; ++run) {
            Matrix a = noise(80, 1, 100 + static_cast<std::uint64_t>(run)), b = noise(80, 1, 500 + static_cast<std::uint64_t>(run));
            for (std::size_t i = 0; i < b.values.size(); ++i) b.values[i] = 0.6f * a.values[i] + 0.8f * b.values[i];  // r = 0.6
            const auto r = pearson(a, b, 3);
            inside += r.lower <= 0.6 && 0.6 <= r.upper;
        }
        QVERIFY2(inside >= 50 && inside <= 60, qPrintable(QString::number(inside)));
    }

    // Each spot four times over, as neighbours nearly are: alone they look like four times as many, and the interval is half as wide.
    void neighboursAreDrawnTogether() {
        Matrix a = noise(50, 1, 1), b = noise(50, 1, 2);
        for (std::size_t i = 0; i < b.values.size(); ++i) b.values[i] = 0.6f * a.values[i] + 0.8f * b.values[i];
        Matrix a4(200, 1), b4(200, 1);
        Resampling together;
        for (std::int64_t i = 0; i < 200; ++i) {
            a4.at(i, 0) = a.at(i / 4, 0);
            b4.at(i, 0) = b.at(i / 4, 0);
            together.groups.push_back(i / 4);
        }
        const auto once = pearson(a, b, 3), grouped = pearson(a4, b4, 3, together), alone = pearson(a4, b4, 3);
        const auto width = [](const Correlation& c) { return c.upper - c.lower; };
        QVERIFY(std::abs(once.mean - grouped.mean) < 1e-6);
        QVERIFY2(std::abs(width(grouped) / width(once) - 1) < 0.15, qPrintable(QString("%1 %2").arg(width(grouped)).arg(width(once))));
        QVERIFY(width(alone) < 0.65 * width(once));
        const auto none = pearson(a, b, 3, {{}, 0});
        QCOMPARE(none.lower, none.mean);
    }

    void anIntervalCanBeStopped() {
        std::stop_source source;
        source.request_stop();
        const Matrix a = noise(50, 1, 1);
        QVERIFY_THROWS_EXCEPTION(Error, pearson(a, a, 3, {.stop = source.get_token()}));
    }

    void latticesAreTold() {
        std::vector<double> x, y, hexagonal;
        for (int i = 0; i < 144; ++i) {
            x.push_back(i % 12);
            hexagonal.push_back(i % 12 + (i / 12 % 2) * 0.5);
            y.push_back(i / 12);
        }
        QCOMPARE(lattice_neighbours(x, y), 8);
        for (double& v : y) v *= std::sqrt(0.75);
        QCOMPARE(lattice_neighbours(hexagonal, y), 6);
        QCOMPARE(lattice_neighbours({0, 1, 2}, {0, 0, 0}), 8);
    }

    void squaresHoldNeighbours() {
        const Groups groups = squares({0, 9, 11, -1, 25}, {0, 9, 0, 0, 25}, 10);
        QCOMPARE(groups, (Groups{0, 0, 1, 2, 3}));
    }

    void partialRemovesWhatOnlyDepthExplains() {
        Random random(5);
        Matrix truth(300, 2), predicted(300, 2);
        std::vector<float> depth;
        for (int i = 0; i < 300; ++i) {
            const double log_depth = random.uniform(5, 9), biology = random.normal();
            depth.push_back(static_cast<float>(std::exp(log_depth)));
            truth.at(i, 0) = static_cast<float>(log_depth + 0.3 * random.normal());
            predicted.at(i, 0) = static_cast<float>(2 * log_depth + 0.3 * random.normal());  // has learnt depth alone
            truth.at(i, 1) = static_cast<float>(log_depth + biology);
            predicted.at(i, 1) = static_cast<float>(biology);
        }
        const auto plain = pearson(truth, predicted, 1), partial = pearson_depth_partial(truth, predicted, depth, 1);
        QVERIFY(plain.per_gene[0] > 0.95);
        QVERIFY(std::abs(partial.per_gene[0]) < 0.15);
        QVERIFY(partial.per_gene[1] > 0.99 && partial.per_gene[1] > plain.per_gene[1]);
        Matrix only_depth(300, 1), truth0(300, 1);
        for (int i = 0; i < 300; ++i) only_depth.at(i, 0) = std::log(depth[static_cast<std::size_t>(i)]), truth0.at(i, 0) = truth.at(i, 0);
        QCOMPARE(pearson_depth_partial(truth0, only_depth, depth, 1).mean, 0.0);
    }

    void deltaIsPaired() {
        const Matrix truth = noise(120, 20, 1);
        Matrix good = noise(120, 20, 2), better = good;
        for (std::size_t i = 0; i < good.values.size(); ++i) {
            good.values[i] += 0.8f * truth.values[i];
            better.values[i] += 1.0f * truth.values[i];
        }
        const auto d = pearson_delta(truth, better, good, 1);
        const double expected = pearson(truth, better, 1).mean - pearson(truth, good, 1).mean;
        QVERIFY(std::abs(d.mean - expected) < 1e-9);
        QVERIFY(d.lower > 0);  // both share their noise, so that even a small gain is sure
        QCOMPARE(pearson_delta(truth, good, good, 1).upper, 0.0);
    }

    void pooledAndRmse() {
        const Matrix truth = noise(50, 4, 3);
        Matrix shifted = truth;
        for (auto& v : shifted.values) v += 2;
        QVERIFY(std::abs(rmse(truth, shifted) - 2) < 1e-5);
        QVERIFY(pooled_pearson(truth, truth) > 0.9999);
        QVERIFY(std::abs(pooled_pearson(truth, noise(50, 4, 4))) < 0.2);
    }

    void moransI() {
        std::vector<double> x, y;
        std::vector<float> smooth, checker, flat;
        for (int i = 0; i < 400; ++i) {
            x.push_back(i % 20), y.push_back(i / 20);
            smooth.push_back(static_cast<float>(i % 20));
            checker.push_back(static_cast<float>((i % 20 + i / 20) % 2));
            flat.push_back(7);
        }
        QVERIFY(morans_i(smooth, x, y, 4) > 0.9);
        QVERIFY(morans_i(checker, x, y, 4) < -0.8);
        QCOMPARE(morans_i(flat, x, y, 4), 0.0);
        Matrix a(400, 1), b(400, 1);
        a.values = smooth, b.values = checker;
        QVERIFY(morans_i_difference(a, b, x, y, 4) > 1.5);
        QCOMPARE(morans_i_difference(a, a, x, y, 4), 0.0);
    }
};

QTEST_GUILESS_MAIN(TestMetrics)
#include "test_metrics.moc"
