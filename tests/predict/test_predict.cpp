#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "planted.h"
#include "predict/metrics.h"
#include "predict/predict.h"

using namespace c2l;
using namespace c2l::test;

namespace {

constexpr double kPitch = 200;

bool same(const Matrix& a, const Matrix& b) { return a.rows == b.rows && a.cols == b.cols && a.values == b.values; }

template <class F>
bool throws(ErrorCode code, F f) {
    try {
        f();
    } catch (const Error& e) {
        return e.code() == code;
    }
    return false;
}

// `count` copies of training spots, with the given noise on the tile features and on the targets.
void add_synthetic(FitInputs& in, int count, double feature_noise, double target_noise, bool shuffled, std::uint64_t seed) {
    Random random(seed);
    std::vector<std::int64_t> parents;
    for (int i = 0; i < count; ++i) parents.push_back(random.below(in.real.rows()));
    in.synthetic = in.real.select(parents);
    for (auto& v : in.synthetic.blocks[0].values) v += static_cast<float>(feature_noise * random.normal());
    auto from = parents;
    if (shuffled) random.shuffle(from);
    in.synthetic_targets = rows_of(in.targets, from);
    for (auto& v : in.synthetic_targets.values) v += static_cast<float>(target_noise * random.normal());
    in.synthetic_parent = parents;
}

}  // namespace

class TestPredict : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void findsAPlantedSignal() {
        const auto p = plant(16, 12, 0.3, 1);
        const auto train = columns(16, 0, 10), test = columns(16, 12, 16);
        const auto fitted = Predictor::fit(inputs_of(p, train), panel_of(12), kPitch, {}, {});
        const auto out = fitted.predict(p.places.select(test));
        const auto r = pearson(rows_of(p.targets, test), out.mean, 1);
        QVERIFY2(r.mean > 0.75, qPrintable(QString::number(r.mean)));
        QVERIFY(r.lower < r.mean && r.mean < r.upper);
        QVERIFY(fitted.inner_error().real_only < 0.8);
        for (const float v : out.in_distribution) QVERIFY(v >= 0 && v <= 1);
    }

    void learnsNothingFromShuffledTargets() {
        double r = 0, error = 0;
        constexpr int kRuns = 8;
        const auto train = columns(16, 0, 10), test = columns(16, 12, 16);
        for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
            const auto p = plant(16, 12, 0.3, 20 + seed);
            auto in = inputs_of(p, train);
            std::vector<std::int64_t> order(train.size());
            std::iota(order.begin(), order.end(), std::int64_t{0});
            Random(seed).shuffle(order);
            in.targets = rows_of(in.targets, order);
            const auto fitted = Predictor::fit(in, panel_of(12), kPitch, {}, {});
            r += pearson(rows_of(p.targets, test), fitted.predict(p.places.select(test)).mean, 1).mean / kRuns;
            error += fitted.inner_error().real_only / kRuns;
        }
        QVERIFY2(std::abs(r) < 0.1, qPrintable(QString::number(r)));
        QVERIFY2(error > 0.95, qPrintable(QString::number(error)));
    }

    // Nothing of a held-out spot may reach the predictor: another test set, another map, the same predictions.
    void isBlindToPlacesItPredicts() {
        const auto p = plant(12, 5, 0.3, 3);
        const auto train = columns(12, 0, 8), test = columns(12, 9, 12);
        const auto fitted = Predictor::fit(inputs_of(p, train), panel_of(5), kPitch, {}, {});
        const auto alone = fitted.predict(p.places.select({test[0]}));
        const auto among = fitted.predict(p.places.select(test));
        for (std::int64_t g = 0; g < 5; ++g) QVERIFY(std::abs(alone.mean.at(0, g) - among.mean.at(0, g)) < 1e-5f);
        QCOMPARE(alone.in_distribution[0], among.in_distribution[0]);

        auto changed = p;  // the rows that are not trained on become something else altogether
        for (const auto r : test) {
            std::fill_n(changed.targets.row(r), 5, 1e6f);
            for (auto& block : changed.places.blocks) std::fill_n(block.row(r), block.cols, -77.f);
            changed.depth[static_cast<std::size_t>(r)] = 1;
        }
        const auto again = Predictor::fit(inputs_of(changed, train), panel_of(5), kPitch, {}, {});
        QVERIFY(same(again.predict(p.places.select(test)).mean, among.mean));
        QCOMPARE(again.lambda(), fitted.lambda());
    }

    void isReproducible() {
        const auto p = plant(10, 4, 0.5, 4);
        auto in = inputs_of(p, columns(10, 0, 7));
        add_synthetic(in, 60, 0.2, 0.1, false, 3);
        const auto a = Predictor::fit(in, panel_of(4), kPitch, {}, {}).predict(p.places);
        const auto b = Predictor::fit(in, panel_of(4), kPitch, {}, {}).predict(p.places);
        QVERIFY(same(a.mean, b.mean) && same(a.upper, b.upper) && a.in_distribution == b.in_distribution);
    }

    void choosesStrongerRegularisationForNoisierTargets() {
        std::vector<double> clean, noisy;
        for (std::uint64_t seed = 0; seed < 3; ++seed) {
            const auto quiet = plant(12, 8, 0.05, 10 + seed), loud = plant(12, 8, 4.0, 10 + seed);
            clean.push_back(Predictor::fit(inputs_of(quiet, columns(12, 0, 12)), panel_of(8), kPitch, {}, {}).lambda());
            noisy.push_back(Predictor::fit(inputs_of(loud, columns(12, 0, 12)), panel_of(8), kPitch, {}, {}).lambda());
        }
        for (std::size_t i = 0; i < clean.size(); ++i) QVERIFY(noisy[i] > 4 * clean[i]);
    }

    // Exchangeable spots: a 90 % interval holds about 90 % of them, and more of them in neither more nor less noise.
    void intervalsCoverWhatTheySay() {
        double covered = 0, width = 0;
        constexpr int kRuns = 3;
        for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
            const auto p = plant(22, 6, 1.0, 30 + seed);
            std::vector<std::int64_t> train, test;
            Random random(seed);
            for (std::int64_t i = 0; i < 22 * 22; ++i) (random.uniform() < 0.5 ? train : test).push_back(i);
            FitParams params;
            params.inner_margin_pitches = params.least_inner_margin_um = 0;  // calibration spots as near to training as the test's
            const auto out = Predictor::fit(inputs_of(p, train), panel_of(6), kPitch, params, {}).predict(p.places.select(test));
            covered += interval_coverage(rows_of(p.targets, test), out.lower, out.upper) / kRuns;
            width += (out.upper.at(0, 0) - out.lower.at(0, 0)) / kRuns;
        }
        QVERIFY2(covered > 0.87 && covered < 0.94, qPrintable(QString::number(covered)));
        QVERIFY(width > 2 && width < 8);
    }

    void flagsPlacesUnlikeTraining() {
        const auto p = plant(12, 4, 0.3, 6);
        const auto fitted = Predictor::fit(inputs_of(p, columns(12, 0, 12)), panel_of(4), kPitch, {}, {});
        auto odd = p.places;
        for (auto& v : odd.blocks[0].values) v += 40;
        for (auto& v : odd.blocks[1].values) v -= 40;
        const auto usual = fitted.predict(p.places).in_distribution, far = fitted.predict(odd).in_distribution;
        QVERIFY(std::accumulate(usual.begin(), usual.end(), 0.f) / static_cast<float>(usual.size()) > 0.7f);
        QVERIFY(*std::max_element(far.begin(), far.end()) < 0.05f);
    }

    void synthetic_data() {
        QTest::addColumn<bool>("shuffled");
        QTest::newRow("of the right profile") << false;
        QTest::newRow("of a wrong profile") << true;
    }
    // Pairs with wrong profiles must not be used; pairs that carry what few noisy spots lack may be, and never hurt much.
    void synthetic() {
        QFETCH(bool, shuffled);
        const auto p = plant(14, 10, 1.0, 7);
        const auto train = columns(14, 0, 8), test = columns(14, 10, 14);
        auto in = inputs_of(p, train);
        const auto without = Predictor::fit(in, panel_of(10), kPitch, {}, {});
        QCOMPARE(without.synthetic_weight(), 0.0);
        add_synthetic(in, 200, 0.3, 0.0, shuffled, 8);
        const auto with = Predictor::fit(in, panel_of(10), kPitch, {}, {});
        if (shuffled) QCOMPARE(with.synthetic_weight(), 0.0);
        const auto truth = rows_of(p.signal, test);
        const double change =
            pearson_delta(truth, with.predict(p.places.select(test)).mean, without.predict(p.places.select(test)).mean, 1).mean;
        QVERIFY2(change > -0.03, qPrintable(QString::number(change)));
        if (with.synthetic_weight() == 0) QVERIFY(same(with.predict(p.places).mean, without.predict(p.places).mean));
    }

    // A pair has the counting noise of the spot whose profile it carries, and so its weight: a copy of every spot changes nothing but the strength of the ridge.
    void copiesOfTheSpotsChangeNothing() {
        const auto p = plant(12, 6, 0.5, 3);
        auto in = inputs_of(p, columns(12, 0, 8));
        for (std::size_t i = 0; i < in.depth.size(); ++i) in.depth[i] = static_cast<float>(200 + 1000 * (i % 7));
        FitParams params;
        params.lambdas = {0.5};
        const auto without = Predictor::fit(in, panel_of(6), kPitch, params, {});
        in.synthetic = in.real;
        in.synthetic_targets = in.targets;
        in.synthetic_parent.resize(in.depth.size());
        std::iota(in.synthetic_parent.begin(), in.synthetic_parent.end(), 0);
        params.synthetic_weight = 1;
        params.lambdas = {1.0};
        const auto with = Predictor::fit(in, panel_of(6), kPitch, params, {});
        const Matrix a = without.predict(p.places).mean, b = with.predict(p.places).mean;
        for (std::size_t i = 0; i < a.values.size(); ++i) QVERIFY2(std::abs(a.values[i] - b.values[i]) < 1e-4f, qPrintable(QString::number(a.values[i] - b.values[i])));
    }

    // Unbiased pairs from spots that the fit lacks are worth their weight.
    void usesSyntheticPairsThatHelp() {
        const auto p = plant(14, 10, 2.5, 9);
        const auto train = columns(14, 0, 6), test = columns(14, 8, 14);
        auto in = inputs_of(p, train);
        // An oracle generator: new tiles of the training spots' surroundings with the noise-free expression of those very tiles.
        const auto oracle = plant(14, 10, 0.0, 77);
        std::vector<std::int64_t> rows;
        for (int i = 0; i < 14 * 14; ++i) rows.push_back(i);
        in.synthetic = oracle.places;
        in.synthetic_targets = oracle.targets;
        for (int i = 0; i < 14 * 14; ++i) in.synthetic_parent.push_back(i % in.real.rows());
        const auto with = Predictor::fit(in, panel_of(10), kPitch, {}, {});
        QVERIFY(with.synthetic_weight() > 0);
        QVERIFY(with.inner_error().chosen < with.inner_error().real_only);
        FitParams off;
        off.synthetic_weight = 0;
        const auto without = Predictor::fit(in, panel_of(10), kPitch, off, {});
        QCOMPARE(without.synthetic_weight(), 0.0);
        const auto delta = pearson_delta(rows_of(p.signal, test), with.predict(p.places.select(test)).mean,
                                         without.predict(p.places.select(test)).mean, 1);
        QVERIFY2(delta.lower > 0, qPrintable(QString::number(delta.lower)));
        FitParams fixed;
        fixed.synthetic_weight = 0.37;
        QCOMPARE(Predictor::fit(in, panel_of(10), kPitch, fixed, {}).synthetic_weight(), 0.37);
    }

    // Blurred repeats of the spots tell nothing new. Folds that share most of their spots agree by chance: taken
    // for independent, they had such pairs used in 7 of these 20.
    void repeatsOfTheSpotsAreSeldomTaken() {
        int taken = 0;
        for (const double noise : {1.0, 3.0})
            for (std::uint64_t seed = 0; seed < 20; ++seed) {
                const auto p = plant(7, 10, noise, 300 + seed);
                auto in = inputs_of(p, columns(7, 0, 7));
                add_synthetic(in, 147, 0.3, 1.0, false, 400 + seed);
                taken += Predictor::fit(in, panel_of(10), kPitch, {}, {}).synthetic_weight() > 0;
            }
        QVERIFY2(taken <= 1, qPrintable(QString::number(taken)));  // of 40; by one standard error 3
    }

    // Copies of the held-out spots themselves would win every inner fold if they did not leave with their parents.
    void syntheticRowsLeaveWithTheirParents() {
        const auto p = plant(12, 6, 3.0, 11);
        auto in = inputs_of(p, columns(12, 0, 12));
        add_synthetic(in, 400, 0.0, 0.0, false, 12);
        const auto fitted = Predictor::fit(in, panel_of(6), kPitch, {}, {});
        QVERIFY2(fitted.inner_error().chosen > 0.8, qPrintable(QString::number(fitted.inner_error().chosen)));
    }

    void savesAndLoads() {
        QTemporaryDir dir;
        const auto path = std::filesystem::path(dir.path().toStdString()) / "predictor.safetensors";
        const auto p = plant(10, 70, 0.5, 13);
        auto in = inputs_of(p, columns(10, 0, 7));
        add_synthetic(in, 40, 0.2, 0.1, false, 3);
        FitParams params;
        params.synthetic_weight = 0.5;
        auto fitted = Predictor::fit(in, panel_of(70), kPitch, params, {});
        fitted.set_encoder_id("abc");
        fitted.save(path);
        const auto loaded = Predictor::load(path);
        QCOMPARE(loaded.encoder_id(), std::string("abc"));
        QCOMPARE(loaded.panel().genes, fitted.panel().genes);
        QCOMPARE(loaded.lambda(), fitted.lambda());
        QCOMPARE(loaded.synthetic_weight(), 0.5);
        QCOMPARE(loaded.rows(), std::int64_t{70 + 40});
        const auto a = fitted.predict(p.places), b = loaded.predict(p.places);
        QVERIFY(same(a.mean, b.mean) && same(a.lower, b.lower) && same(a.upper, b.upper) && a.in_distribution == b.in_distribution);
    }

    void refusesDamagedFiles() {
        QTemporaryDir dir;
        const auto path = std::filesystem::path(dir.path().toStdString()) / "predictor.safetensors";
        const auto p = plant(8, 3, 0.5, 14);
        Predictor::fit(inputs_of(p, columns(8, 0, 8)), panel_of(3), kPitch, {}, {}).save(path);
        const std::string good = read_file(path);
        QVERIFY(throws(ErrorCode::NotFound, [&] { Predictor::load(path.string() + ".none"); }));
        Random random(3);
        for (int i = 0; i < 200; ++i) {  // any byte of the header changed, or the file cut: an Error or a sound predictor, never a crash
            std::string bad = good;
            if (i % 4 == 0)
                bad.resize(static_cast<std::size_t>(random.below(static_cast<std::int64_t>(good.size()))));
            else
                bad[static_cast<std::size_t>(8 + random.below(2000))] = static_cast<char>(random.below(256));
            write_file(path, bad);
            try {
                Predictor::load(path).predict(p.places);
            } catch (const Error&) {
            }
        }
        QVERIFY(true);
    }

    void refusesInputThatDoesNotFit() {
        const auto p = plant(8, 3, 0.5, 15);
        const auto in = inputs_of(p, columns(8, 0, 8));
        const auto fitted = Predictor::fit(in, panel_of(3), kPitch, {}, {});
        auto narrow = p.places;
        narrow.blocks[0] = Matrix(narrow.rows(), 2);
        QVERIFY(throws(ErrorCode::Mismatch, [&] { fitted.predict(narrow); }));
        auto missing = p.places;
        missing.names.erase(missing.names.begin());
        missing.blocks.erase(missing.blocks.begin());
        QVERIFY(throws(ErrorCode::Mismatch, [&] { fitted.predict(missing); }));
        auto broken = in;
        broken.targets.values[0] = std::numeric_limits<float>::quiet_NaN();
        QVERIFY(throws(ErrorCode::BadInput, [&] { Predictor::fit(broken, panel_of(3), kPitch, {}, {}); }));
        QVERIFY(throws(ErrorCode::BadInput, [&] { Predictor::fit(inputs_of(p, {0, 1, 2}), panel_of(3), kPitch, {}, {}); }));
        auto orphan = in;
        add_synthetic(orphan, 5, 0.1, 0.1, false, 1);
        orphan.synthetic_parent[2] = 64;
        QVERIFY(throws(ErrorCode::Internal, [&] { Predictor::fit(orphan, panel_of(3), kPitch, {}, {}); }));
        QVERIFY(throws(ErrorCode::Internal, [&] { Predictor().predict(p.places); }));
    }

    void worksWithFewSpotsAndWithConstantFeatures() {
        auto p = plant(8, 3, 0.5, 16);
        for (std::int64_t i = 0; i < p.places.rows(); ++i) p.places.blocks[1].at(i, 0) = 3, p.targets.at(i, 1) = 2;
        const auto out = Predictor::fit(inputs_of(p, {0, 9, 20, 33, 47, 63}), panel_of(3), kPitch, {}, {}).predict(p.places);
        for (const float v : out.mean.values) QVERIFY(std::isfinite(v));
        for (const float v : out.upper.values) QVERIFY(std::isfinite(v));
        for (std::int64_t i = 0; i < out.mean.rows; ++i) QVERIFY(std::abs(out.mean.at(i, 1) - 2) < 1e-4f);
    }

    void boundsItsRows() {
        const auto p = plant(16, 3, 0.5, 17);
        FitParams params;
        params.max_rows = 100;
        auto in = inputs_of(p, columns(16, 0, 16));
        add_synthetic(in, 100, 0.2, 0.1, false, 3);
        std::vector<std::string> said;
        JobContext ctx;
        ctx.on_issue = [&](const Issue& i) { said.push_back(i.text); };
        const auto fitted = Predictor::fit(in, panel_of(3), kPitch, params, ctx);
        QVERIFY(fitted.rows() <= 100);
        QCOMPARE(said.size(), std::size_t{1});
        QVERIFY(pearson(p.targets, fitted.predict(p.places).mean, 1).mean > 0.5);
    }

    void neverPredictsNegativeExpression() {
        auto p = plant(10, 4, 1.0, 18);
        for (auto& v : p.targets.values) v = std::max(0.f, v);
        const auto out = Predictor::fit(inputs_of(p, columns(10, 0, 10)), panel_of(4), kPitch, {}, {}).predict(p.places);
        QVERIFY(*std::min_element(out.mean.values.begin(), out.mean.values.end()) >= 0);
        QVERIFY(*std::min_element(out.lower.values.begin(), out.lower.values.end()) >= 0);
    }

    void stopsWhenAsked() {
        const auto p = plant(10, 4, 1.0, 19);
        std::stop_source stop;
        JobContext ctx;
        ctx.stop = stop.get_token();
        int reports = 0;
        ctx.on_progress = [&](const Progress&) {
            if (++reports == 2) stop.request_stop();
        };
        QVERIFY(throws(ErrorCode::Stopped, [&] { Predictor::fit(inputs_of(p, columns(10, 0, 10)), panel_of(4), kPitch, {}, ctx); }));
        QCOMPARE(reports, 2);
    }
};

QTEST_GUILESS_MAIN(TestPredict)
#include "test_predict.moc"
