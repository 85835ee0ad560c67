// Whether tiles follow genes, on planted data where the answer is known.
#include <QTest>
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "quality/follow.h"

using namespace c2l;

namespace {

Matrix gaussian(std::int64_t rows, std::int64_t cols, std::uint64_t seed) {
    Random random(derive_seed(seed, "gaussian", static_cast<std::uint64_t>(rows * 1000 + cols)));
    Matrix m(rows, cols);
    for (auto& v : m.values) v = static_cast<float>(random.normal());
    return m;
}

// A small world: profiles of a few programmes, depth, and features that are a linear function of the profile with noise.
struct World {
    static constexpr std::int64_t kPrograms = 3, kGenes = 12, kFeatures = 24;
    Matrix loadings, mixing, train, held_out, train_features, held_out_features, generated;
    std::vector<int> fold;
    std::vector<float> depth;

    World(std::int64_t n, std::int64_t m, std::uint64_t seed) : loadings(gaussian(kPrograms, kGenes, seed)), mixing(gaussian(kGenes, kFeatures, seed + 1)) {
        train = profiles(n, seed + 2);
        held_out = profiles(m, seed + 3);
        train_features = features(train, 1, seed + 4);
        held_out_features = features(held_out, 1, seed + 5);
        generated = features(held_out, 1, seed + 6);
        for (std::int64_t i = 0; i < n; ++i) fold.push_back(static_cast<int>(i * 5 / n));
        Random random(seed + 7);
        for (std::int64_t i = 0; i < m; ++i) depth.push_back(static_cast<float>(std::exp(7 + 0.5 * random.normal())));
    }
    Matrix profiles(std::int64_t rows, std::uint64_t seed) const {
        const Matrix programs = gaussian(rows, kPrograms, seed);
        Matrix out = gaussian(rows, kGenes, seed + 1000);
        for (std::int64_t i = 0; i < rows; ++i)
            for (std::int64_t g = 0; g < kGenes; ++g)
                for (std::int64_t k = 0; k < kPrograms; ++k) out.at(i, g) += programs.at(i, k) * loadings.at(k, g);
        return out;
    }
    Matrix features(const Matrix& of, double noise, std::uint64_t seed) const {
        Matrix out = gaussian(of.rows, kFeatures, seed);
        for (std::int64_t i = 0; i < of.rows; ++i)
            for (std::int64_t f = 0; f < kFeatures; ++f) {
                double v = noise * 4 * out.at(i, f);
                for (std::int64_t g = 0; g < kGenes; ++g) v += of.at(i, g) * mixing.at(g, f);
                out.at(i, f) = static_cast<float>(v);
            }
        return out;
    }
    FollowInputs inputs() const {
        FollowInputs in;
        in.train_features = &train_features;
        in.train_profiles = &train;
        in.train_fold = fold;
        in.held_out_features = &held_out_features;
        in.held_out_profiles = &held_out;
        in.held_out_depth = depth;
        in.generated = &generated;
        in.encoder = "planted";
        in.bootstrap = 200;
        in.permutations = 499;
        return in;
    }
};

Matrix stack(const Matrix& a, const Matrix& b) {
    Matrix m(a.rows + b.rows, a.cols);
    std::copy(a.values.begin(), a.values.end(), m.values.begin());
    std::copy(b.values.begin(), b.values.end(), m.row(a.rows));
    return m;
}

void verify_ordered(const Interval& i) {
    for (const double v : {i.value, i.lower, i.upper}) QVERIFY(std::isfinite(v));
    QVERIFY(i.lower <= i.value && i.value <= i.upper);
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

class TestFollow : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void tilesThatFollowAreTold() {
        const World world(80, 40, 1);
        const FollowReport r = follow_genes(world.inputs(), {});
        QCOMPARE(r.spots, std::int64_t{40});
        QCOMPARE(r.tiles_per_spot, std::int64_t{1});
        QVERIFY2(r.round_trip.pearson.figure.lower > 0.4, qPrintable(QString::number(r.round_trip.pearson.figure.value)));
        QVERIFY(r.round_trip.depth_partial.figure.lower > 0.4);  // depth has no part in this world
        QCOMPARE(r.round_trip.pearson.p, 1.0 / 500);
        QVERIFY(std::abs(r.round_trip.pearson.chance.value) < 0.05 && r.round_trip.pearson.chance.upper < r.round_trip.pearson.figure.lower);
        QVERIFY(std::abs(r.round_trip.real.value - r.round_trip.pearson.figure.value) < 0.15);  // generated as well as the real ones are
        QVERIFY(r.retrieval.mean_rank.figure.upper < 0.3);
        QCOMPARE(r.retrieval.mean_rank.p, 1.0 / 500);
        QVERIFY(r.retrieval.top_tenth.figure.value > 3 * r.retrieval.top_tenth.chance.value);
        for (const auto* a : {&r.round_trip.pearson, &r.round_trip.depth_partial, &r.retrieval.mean_rank, &r.retrieval.reciprocal_rank, &r.retrieval.top1,
                              &r.retrieval.top5, &r.retrieval.top_tenth}) {
            verify_ordered(a->figure);
            QVERIFY(a->chance.lower <= a->chance.upper && a->p > 0 && a->p <= 1);
        }
    }

    void tilesThatDoNotFollowAreTold() {
        World world(80, 40, 2);
        world.generated = world.features(world.profiles(40, 77), 1, 78);  // of other profiles: just as lifelike
        const FollowReport r = follow_genes(world.inputs(), {});
        QVERIFY(r.round_trip.pearson.p > 0.01 && r.retrieval.mean_rank.p > 0.01);
        QVERIFY(r.round_trip.pearson.figure.value < 0.2 && r.round_trip.real.value > 0.4);
        QVERIFY(std::abs(r.retrieval.mean_rank.figure.value - 0.5) < 0.2);
    }

    // Under the null every p from 1/n to 1 is as likely as another (Kolmogorov–Smirnov), and intervals over spots have no favourite side.
    void pValuesAreUniformUnderTheNull() {
        constexpr int kWorlds = 600;
        std::vector<double> trip, rank;
        int above = 0;
        for (std::uint64_t w = 0; w < kWorlds; ++w) {
            World world(12, 12, 100000 * (w + 1));
            world.generated = world.features(world.profiles(12, 100000 * (w + 1) + 50000), 1, 100000 * (w + 1) + 60000);
            FollowInputs in = world.inputs();
            in.bootstrap = 2;
            in.permutations = 199;
            in.seed = w;
            const FollowReport r = follow_genes(in, {});
            trip.push_back(r.round_trip.pearson.p);
            rank.push_back(r.retrieval.mean_rank.p);
            above += r.round_trip.pearson.figure.value > 0;
        }
        for (auto* p : {&trip, &rank}) {
            std::sort(p->begin(), p->end());
            double apart = 0;
            for (int i = 0; i < kWorlds; ++i) apart = std::max(apart, std::abs((*p)[static_cast<std::size_t>(i)] - (i + 0.5) / kWorlds));
            QVERIFY2(apart < 1.63 / std::sqrt(double{kWorlds}), qPrintable(QString::number(apart)));  // 1 % level; at this seed for good
        }
        QVERIFY(above > kWorlds * 0.35 && above < kWorlds * 0.65);
    }

    void identicalTilesAreFoundFirst() {
        World world(40, 30, 3);
        world.generated = world.held_out_features;
        const Retrieval r = retrieval(world.inputs(), {});
        QCOMPARE(r.mean_rank.figure.value, 0.0);
        QCOMPARE(r.mean_rank.figure.upper, 0.0);
        QCOMPARE(r.reciprocal_rank.figure.value, 1.0);
        QCOMPARE(r.top1.figure.value, 1.0);
        // What chance gives is known exactly.
        QVERIFY(std::abs(r.mean_rank.chance.value - 0.5) < 1e-12);
        QVERIFY(std::abs(r.top1.chance.value - 1.0 / 30) < 1e-12 && std::abs(r.top5.chance.value - 5.0 / 30) < 1e-12 && std::abs(r.top_tenth.chance.value - 3.0 / 30) < 1e-12);
        double harmonic = 0;
        for (int k = 1; k <= 30; ++k) harmonic += 1.0 / k / 30;
        QVERIFY(std::abs(r.reciprocal_rank.chance.value - harmonic) < 1e-12);
    }

    // A generator stuck at one tile, and an encoder that sees nothing: chance, and never NaN.
    void constantsCountAsNothing() {
        World world(40, 20, 4);
        for (std::int64_t i = 0; i < world.generated.rows; ++i) std::copy_n(world.held_out_features.row(0), World::kFeatures, world.generated.row(i));
        const FollowReport stuck = follow_genes(world.inputs(), {});
        QCOMPARE(stuck.round_trip.pearson.figure.value, 0.0);
        QCOMPARE(stuck.round_trip.depth_partial.figure.value, 0.0);
        QCOMPARE(stuck.round_trip.pearson.p, 1.0);
        QVERIFY(std::abs(stuck.retrieval.mean_rank.figure.value - 0.5) < 1e-12);
        QCOMPARE(stuck.retrieval.mean_rank.p, 1.0);

        for (Matrix* m : {&world.train_features, &world.held_out_features, &world.generated}) std::fill(m->values.begin(), m->values.end(), 3.f);
        const FollowReport blind = follow_genes(world.inputs(), {});
        QCOMPARE(blind.round_trip.pearson.figure.value, 0.0);
        QCOMPARE(blind.round_trip.real.value, 0.0);
        QVERIFY(std::abs(blind.retrieval.mean_rank.figure.value - 0.5) < 1e-12);

        // Genes that do not vary among the held-out spots count as 0, the others as they are.
        World dull(40, 20, 5);
        const double before = follow_genes(dull.inputs(), {}).round_trip.pearson.figure.value;
        for (std::int64_t i = 0; i < 20; ++i)
            for (std::int64_t g = 0; g < World::kGenes / 2; ++g) dull.held_out.at(i, g) = 1;
        const double after = follow_genes(dull.inputs(), {}).round_trip.pearson.figure.value;
        QVERIFY(after > 0.2 * before && after < 0.8 * before);
    }

    // Profiles and tiles that share nothing but depth: the plain figure is taken in, the partial one is not.
    // An outside encoder's feature that is 0 on each of few training tiles, but not elsewhere, must not decide alone which tiles are near.
    void featuresThatDoNotVaryAreLeftOut() {
        const World world(20, 40, 3);
        World wider = world;
        Random random(5);
        for (Matrix* m : {&wider.train_features, &wider.held_out_features, &wider.generated}) {
            const bool training = m == &wider.train_features;
            Matrix with(m->rows, m->cols + 2);
            for (std::int64_t r = 0; r < m->rows; ++r) {
                std::copy_n(m->row(r), m->cols, with.row(r));
                with.at(r, m->cols) = training ? 0.f : static_cast<float>(random.uniform());
                with.at(r, m->cols + 1) = training ? (r == 0 ? 0.01f : 0.f) : static_cast<float>(random.uniform());
            }
            *m = std::move(with);
        }
        const FollowReport plain = follow_genes(world.inputs(), {}), same = follow_genes(wider.inputs(), {});
        QCOMPARE(same.retrieval.mean_rank.figure.value, plain.retrieval.mean_rank.figure.value);
        QVERIFY(std::abs(same.round_trip.pearson.figure.value - plain.round_trip.pearson.figure.value) < 1e-9);
    }

    void depthIsToldFromGenes() {
        World world(80, 60, 6);
        const auto deep = [](Matrix& profiles, Matrix& features, std::vector<float>& depth, std::uint64_t seed) {
            Random random(seed);
            depth.clear();
            for (std::int64_t i = 0; i < profiles.rows; ++i) {
                const double log_depth = random.normal();
                depth.push_back(static_cast<float>(std::exp(7 + log_depth)));
                for (std::int64_t g = 0; g < profiles.cols; ++g) profiles.at(i, g) = static_cast<float>(log_depth + 0.5 * random.normal());
                for (std::int64_t f = 0; f < features.cols; ++f) features.at(i, f) = static_cast<float>(log_depth + 0.5 * random.normal());
            }
        };
        std::vector<float> ignored;
        deep(world.train, world.train_features, ignored, 1);
        deep(world.held_out, world.held_out_features, world.depth, 2);
        world.generated = world.held_out_features;
        const FollowReport r = follow_genes(world.inputs(), {});
        QVERIFY(r.round_trip.pearson.figure.value > 0.7);
        QVERIFY(std::abs(r.round_trip.depth_partial.figure.value) < 0.2 && r.round_trip.depth_partial.p > 0.005);
        QVERIFY(std::abs(r.round_trip.real_depth_partial.value) < 0.2);
    }

    void moreTilesPerProfileAreBetter() {
        World world(80, 40, 7);
        world.generated = stack(stack(world.features(world.held_out, 3, 1), world.features(world.held_out, 3, 2)),
                                stack(world.features(world.held_out, 3, 3), world.features(world.held_out, 3, 4)));
        const FollowReport r = follow_genes(world.inputs(), {});
        QCOMPARE(r.tiles_per_spot, std::int64_t{4});
        QCOMPARE(r.round_trip.single_passes.size(), std::size_t{4});
        for (const double single : r.round_trip.single_passes) QVERIFY(single < r.round_trip.pearson.figure.value);
    }

    // Training rows that are only noise to each other must be shrunk; an informative world must not be.
    void lambdaFollowsTheNoise() {
        const World clear(80, 20, 8);
        World noisy(80, 20, 8);
        noisy.train_features = gaussian(80, World::kFeatures, 9);
        QVERIFY(round_trip(clear.inputs(), {}).lambda < round_trip(noisy.inputs(), {}).lambda);
    }

    void sameSeedSameReport() {
        const World world(30, 16, 10);
        const auto report = follow_genes(world.inputs(), {}).json();
        QVERIFY(report == follow_genes(world.inputs(), {}).json());
        const auto j = nlohmann::json::parse(report);
        for (const char* key : {"value", "lower", "upper", "shuffled", "p", "real", "depth_partial", "single_passes"}) QVERIFY2(j["round_trip"].contains(key), key);
        for (const char* key : {"candidates", "mean_rank", "reciprocal_rank", "top1", "top5", "top_tenth"}) QVERIFY2(j["retrieval"].contains(key), key);
    }

    void intervalOverSeeds() {
        const Interval five = over_seeds({0.1, 0.2, 0.3, 0.4, 0.5});
        QVERIFY(std::abs(five.value - 0.3) < 1e-12);
        QVERIFY(std::abs((five.upper - five.value) - 2.776445 * std::sqrt(0.025 / 5)) < 1e-4);  // t with 4 degrees of freedom
        const Interval two = over_seeds({0, 1});
        QVERIFY(std::abs((two.upper - two.value) - 12.7062 * 0.5) < 1e-2);
        const Interval one = over_seeds({0.7});
        QVERIFY(one.value == 0.7 && std::isinf(one.upper) && std::isinf(one.lower));
        QVERIFY(throws(ErrorCode::Internal, [] { over_seeds({}); }));
    }

    void refusesWhatCannotBeJudged() {
        const World world(20, 10, 11);
        const World few(20, 7, 11), unlearned(7, 10, 11);
        QVERIFY(throws(ErrorCode::BadInput, [&] { follow_genes(few.inputs(), {}); }));
        QVERIFY(throws(ErrorCode::BadInput, [&] { follow_genes(unlearned.inputs(), {}); }));
        try {
            follow_genes(few.inputs(), {});
        } catch (const Error& e) {
            QVERIFY2(std::string(e.what()).find("7 held-out spots") != std::string::npos, e.what());
        }
        const auto spoilt = [&](auto change) {
            FollowInputs in = world.inputs();
            change(in);
            return in;
        };
        const Matrix narrow = gaussian(10, 3, 1), short_one = gaussian(9, World::kFeatures, 1), none(0, World::kFeatures);
        for (const auto& in : {spoilt([&](auto& i) { i.generated = &narrow; }), spoilt([&](auto& i) { i.generated = &short_one; }),
                               spoilt([&](auto& i) { i.generated = &none; }), spoilt([&](auto& i) { i.held_out_depth.pop_back(); }),
                               spoilt([&](auto& i) { i.train_fold.clear(); }), spoilt([&](auto& i) { i.held_out_profiles = &narrow; })})
            QVERIFY(throws(ErrorCode::Mismatch, [&] { follow_genes(in, {}); }));
        Matrix broken = world.generated;
        broken.values[5] = std::numeric_limits<float>::quiet_NaN();
        QVERIFY(throws(ErrorCode::BadInput, [&] { follow_genes(spoilt([&](auto& i) { i.generated = &broken; }), {}); }));
        std::stop_source stop;
        stop.request_stop();
        JobContext ctx;
        ctx.stop = stop.get_token();
        QVERIFY(throws(ErrorCode::Stopped, [&] { follow_genes(world.inputs(), ctx); }));
    }
};

QTEST_GUILESS_MAIN(TestFollow)
#include "test_follow.moc"
