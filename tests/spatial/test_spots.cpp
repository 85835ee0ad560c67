#include <cmath>

#include "base/random.h"
#include "refusal.h"
#include "spatial/spots.h"

using namespace c2l;

namespace {
ExpressionMatrix random_counts(int rows, int genes, std::uint64_t seed) {
    Random random(seed);
    Matrix m(rows, genes);
    for (auto& v : m.values) v = static_cast<float>(random.poisson(random.uniform() < 0.1 ? 200 : 0.8));
    std::vector<std::string> names;
    for (int g = 0; g < genes; ++g) names.push_back("Gene" + std::to_string(g));
    return ExpressionMatrix::from_dense(m, names, ExpressionUnit::Counts);
}
}  // namespace

class TestSpots : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void pitch_is_that_of_brute_force() {
        Random random(1);
        for (const int n : {0, 1, 2, 3, 50, 301}) {
            SpotTable t;
            for (int i = 0; i < n; ++i) {
                t.barcodes.push_back(std::to_string(i));
                t.x.push_back(std::floor(random.uniform(0, 30)));  // many equal x
                t.y.push_back(random.uniform(0, 1000));
            }
            std::vector<double> nearest;
            for (int i = 0; i < n && n > 1; ++i) {
                double best = 1e300;
                for (int j = 0; j < n; ++j)
                    if (j != i) best = std::min(best, std::hypot(t.x[i] - t.x[j], t.y[i] - t.y[j]));
                nearest.push_back(best);
            }
            std::sort(nearest.begin(), nearest.end());
            const double expected = n < 2 ? 0 : nearest[nearest.size() / 2];
            QVERIFY(std::abs(t.pitch_px() - expected) < 1e-9);
        }
    }

    // Arrays as they are: turned, with spots far outside, with a few in one place; more of them than are asked.
    void pitch_of_large_arrays() {
        Random random(6);
        for (const double angle : {0.0, 0.01, 0.7}) {
            SpotTable t;
            const auto add = [&](double x, double y) {
                t.barcodes.emplace_back();
                t.x.push_back(x);
                t.y.push_back(y);
            };
            for (int i = 0; i < 150; ++i)
                for (int j = 0; j < 300; ++j)
                    if (random.uniform() < 0.9) add(7 * (i * std::cos(angle) - j * std::sin(angle)), 7 * (i * std::sin(angle) + j * std::cos(angle)));
            QVERIFY(std::abs(t.pitch_px() - 7) < 1e-9);
            for (int i = 0; i < 100; ++i) add(1e8, -1e8 * i), add(50, 50);
            QVERIFY(std::abs(t.pitch_px() - 7) < 1e-9);
        }
    }

    void pitch_of_odd_places() {
        SpotTable t;
        t.barcodes.resize(5000);
        t.x.assign(5000, 3);
        t.y.assign(5000, -4);
        QCOMPARE(t.pitch_px(), 0.0);
        for (std::size_t i = 0; i < 5000; ++i) t.y[i] = 2.5 * static_cast<double>(i);  // one line
        QCOMPARE(t.pitch_px(), 2.5);
        t.barcodes.resize(2);
        t.x = {1e308, -1e308};
        t.y = {0, 0};
        QVERIFY(std::isinf(t.pitch_px()));
    }

    void rows_columns_and_sums_agree() {
        const auto m = random_counts(30, 40, 2);
        const auto sums = m.row_sums();
        std::vector<float> again(30);
        for (std::int64_t g = 0; g < 40; ++g) {
            const auto column = m.column(g);
            for (std::size_t r = 0; r < 30; ++r) again[r] += column[r];
        }
        QCOMPARE(sums, again);
        const auto chosen = m.select_rows({29, 3, 3});
        QCOMPARE(chosen.rows(), std::int64_t(3));
        QCOMPARE(chosen.row_sums(), (std::vector<float>{sums[29], sums[3], sums[3]}));
        QVERIFY_EXCEPTION_THROWN(m.select_rows({30}), Error);
        QVERIFY_EXCEPTION_THROWN(m.column(40), Error);
    }

    void genes_are_found_exactly_first() {
        ExpressionMatrix m;
        m.genes = {"erbb2", "ERBB2", "Actb"};
        QCOMPARE(m.find_gene("ERBB2"), std::int64_t(1));
        QCOMPARE(m.find_gene("ACTB"), std::int64_t(2));
        QCOMPARE(m.find_gene("ERBB"), std::int64_t(-1));
    }

    void counts_come_back_from_log1p() {
        const auto counts = random_counts(60, 200, 3);
        const auto sums = counts.row_sums();
        for (const double target : {1e4, 1e6, 2871.5}) {
            auto log = counts;
            for (std::int64_t r = 0; r < log.rows(); ++r)
                for (auto i = log.indptr[static_cast<std::size_t>(r)]; i < log.indptr[static_cast<std::size_t>(r) + 1]; ++i) {
                    auto& v = log.values[static_cast<std::size_t>(i)];
                    v = static_cast<float>(std::log1p(v * target / sums[static_cast<std::size_t>(r)]));
                }
            const auto back = recover_counts(log);
            QVERIFY(back.has_value());
            QCOMPARE(back->values, counts.values);
        }
    }

    void what_is_not_counts_is_not_made_counts() {
        auto m = random_counts(60, 200, 4);
        Random random(5);
        for (auto& v : m.values) v = std::log1p(v * static_cast<float>(random.uniform(0.8, 1.2)));  // scaled per value
        QVERIFY(!recover_counts(m));
        m.values[7] = -1;
        QVERIFY(!recover_counts(m));
    }
};

QTEST_APPLESS_MAIN(TestSpots)
#include "test_spots.moc"
