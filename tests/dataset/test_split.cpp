#include <QTest>
#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "dataset/synthetic_pairs.h"

using namespace c2l;

namespace {
double distance(const PairedTiles& p, std::int64_t a, std::int64_t b) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    return std::hypot(p.x[i] - p.x[j], p.y[i] - p.y[j]);
}
}  // namespace

class TestSplit : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void parts_are_disjoint_and_apart() {
        const auto p = test::synthetic_pairs(14, 5, 1);
        for (std::uint64_t seed = 0; seed < 40; ++seed) {
            SplitParams params;
            params.seed = seed;
            const Split s = Split::by_blocks(p, params);
            QCOMPARE(s.held_out.size(), std::size_t(52));  // 2 × round(.27 · 196 / 2)
            QVERIFY(s.train.size() >= 50);
            for (const auto t : s.train.rows())
                for (const auto h : s.held_out.rows()) QVERIFY(distance(*p, t, h) >= 1.8 * 400);
        }
    }

    // Bins of 8 µm: 1.8 pitches are 14 µm, and a tile of 88 µm would show what is held out.
    void dense_spots_keep_a_least_margin() {
        const auto p = test::synthetic_pairs(40, 5, 1);
        p->pitch_um = 8;
        for (std::size_t i = 0; i < p->size(); ++i) p->x[i] *= 0.04, p->y[i] *= 0.04;  // 16 px of 0.5 µm apart
        for (std::uint64_t seed = 0; seed < 10; ++seed) {
            SplitParams params;
            params.seed = seed;
            params.test_blocks = 1;
            params.test_fraction = 0.1;
            const Split close = Split::by_blocks(p, params);
            params.least_margin_um = 90;
            const Split s = Split::by_blocks(p, params);
            QCOMPARE(s.held_out.rows(), close.held_out.rows());
            std::vector<std::int64_t> expected;  // the plain way
            for (std::int64_t i = 0; i < 1600; ++i) {
                double nearest = 1e9;
                for (const auto h : s.held_out.rows()) nearest = std::min(nearest, distance(*p, i, h));
                if (nearest >= 180) expected.push_back(i);
            }
            QCOMPARE(s.train.rows(), expected);
            QVERIFY(close.train.size() > expected.size() + 100);
        }
    }

    void blocks_are_compact() {
        const auto p = test::synthetic_pairs(14, 5, 1);
        SplitParams params;
        params.test_blocks = 1;
        params.test_fraction = 0.15;
        const Split s = Split::by_blocks(p, params);
        double widest = 0;
        for (const auto a : s.held_out.rows())
            for (const auto b : s.held_out.rows()) widest = std::max(widest, distance(*p, a, b));
        QVERIFY(widest < 13 * 400);  // a disc, or its part at a corner
        // Nobody outside is nearer to the seed than the farthest inside: some held-out spot is the centre of all.
        bool has_centre = false;
        for (const auto c : s.held_out.rows()) {
            double inside = 0;
            for (const auto h : s.held_out.rows()) inside = std::max(inside, distance(*p, c, h));
            bool centre = true;
            for (std::int64_t i = 0; i < 196; ++i)
                if (!std::count(s.held_out.rows().begin(), s.held_out.rows().end(), i)) centre = centre && distance(*p, c, i) >= inside;
            has_centre = has_centre || centre;
        }
        QVERIFY(has_centre);
    }

    void same_seed_same_split_other_seed_other_split() {
        const auto p = test::synthetic_pairs(14, 5, 1);
        SplitParams params;
        params.train_spots = 30;
        params.seed = 3;
        const Split a = Split::by_blocks(p, params), b = Split::by_blocks(p, params);
        QCOMPARE(a.train.rows(), b.train.rows());
        QCOMPARE(a.held_out.rows(), b.held_out.rows());
        QCOMPARE(a.train.size(), std::size_t(30));
        params.seed = 4;
        QVERIFY(Split::by_blocks(p, params).held_out.rows() != a.held_out.rows());
    }

    void chosen_training_spots_do_not_move_the_test_blocks() {
        const auto p = test::synthetic_pairs(14, 5, 1);
        SplitParams all, few;
        few.train_spots = 10;
        const Split a = Split::by_blocks(p, all), b = Split::by_blocks(p, few);
        QCOMPARE(a.held_out.rows(), b.held_out.rows());
        for (const auto r : b.train.rows()) QVERIFY(std::count(a.train.rows().begin(), a.train.rows().end(), r) == 1);
    }

    void listed_spots_only() {
        const auto p = test::synthetic_pairs(14, 5, 1);
        SplitParams params;
        params.train_list = p->barcodes;
        const Split a = Split::by_blocks(p, params);
        params.train_list.clear();
        QCOMPARE(a.train.rows(), Split::by_blocks(p, params).train.rows());  // blocks and margin still hold
        params.train_list = {"0x0", "1x0"};
        QVERIFY_EXCEPTION_THROWN(Split::by_blocks(p, params), Error);
    }

    void too_few_spots_say_how_many() {
        const auto p = test::synthetic_pairs(4, 5, 1);
        try {
            Split::by_blocks(p, {});
            QFAIL("a split of 16 spots was accepted");
        } catch (const Error& e) {
            QCOMPARE(e.code(), ErrorCode::BadInput);
            QVERIFY(std::string(e.what()).find("only 4 of 16") != std::string::npos);
        }
        SplitParams wrong;
        wrong.test_fraction = 1.5;
        QVERIFY_EXCEPTION_THROWN(Split::by_blocks(p, wrong), Error);
    }

    void whole_and_subset() {
        const auto p = test::synthetic_pairs(5, 5, 1);
        const TrainTiles all = Split::whole(p);
        QCOMPARE(all.size(), std::size_t(25));
        QCOMPARE(all.subset({24, 0}).rows(), (std::vector<std::int64_t>{24, 0}));
        QVERIFY_EXCEPTION_THROWN(all.subset({25}), Error);
    }

    void folds_are_balanced_and_compact() {
        const auto p = test::synthetic_pairs(13, 5, 2);
        for (const int k : {1, 2, 3, 5, 7, 169}) {
            const auto fold = spatial_folds(p->x, p->y, k, 9);
            std::vector<int> sizes(static_cast<std::size_t>(k));
            for (const int f : fold) ++sizes.at(static_cast<std::size_t>(f));
            const auto [low, high] = std::minmax_element(sizes.begin(), sizes.end());
            QVERIFY(*high - *low <= 1);
        }
        // Compact: most spots share the fold of their nearest neighbour.
        const auto fold = spatial_folds(p->x, p->y, 5, 9);
        int same = 0;
        for (std::int64_t i = 0; i < 169; ++i) {
            std::int64_t nearest = i == 0 ? 1 : 0;
            for (std::int64_t j = 0; j < 169; ++j)
                if (j != i && distance(*p, i, j) < distance(*p, i, nearest)) nearest = j;
            same += fold[static_cast<std::size_t>(i)] == fold[static_cast<std::size_t>(nearest)];
        }
        QVERIFY(same > 169 * 3 / 4);
        QVERIFY_EXCEPTION_THROWN(spatial_folds(p->x, p->y, 170, 0), Error);
    }
};

QTEST_APPLESS_MAIN(TestSplit)
#include "test_split.moc"
