// The whole prediction on a real section, judged as in docs: spatial blocks held out, genes chosen on the training spots.
// C2L_TEST_ENCODER names a tile encoder to use beside the stain statistics.
#include <QTest>
#include <cstdlib>

#include "dataset/pairing.h"
#include "dataset/tiles.h"
#include "predict/metrics.h"
#include "predict/predict.h"
#include "real_data.h"
#include "slide/slide.h"
#include "slide/tissue.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

std::vector<float> pick(const std::vector<float>& v, const std::vector<std::int64_t>& rows) {
    std::vector<float> out;
    for (const auto r : rows) out.push_back(v[static_cast<std::size_t>(r)]);
    return out;
}

struct Figures {
    double plain = 0, partial = 0, shuffled = 0, coverage = 0, lambda = 0, train = 0, in_distribution = 0, moran = 0;
};

Figures over_splits(const std::shared_ptr<const PairedTiles>& pairs, const PlaceFeatures& places, TargetUnit unit, int train_spots,
                    int splits) {
    Figures f;
    for (int s = 0; s < splits; ++s) {
        SplitParams split_params;
        split_params.train_spots = train_spots;
        split_params.seed = static_cast<std::uint64_t>(s);
        const Split split = Split::by_blocks(pairs, split_params);
        const auto panel = GenePanel::choose(split.train, 50, unit);
        const auto& train = split.train.rows();
        const auto& test = split.held_out.rows();
        FitInputs in;
        in.real = places.select(train);
        in.targets = panel.values(*pairs, train);
        in.depth = pick(pairs->depth, train);
        const auto fitted = Predictor::fit(in, panel, pairs->pitch_um, {}, {});
        const auto out = fitted.predict(places.select(test));
        const Matrix truth = panel.values(*pairs, test);
        std::vector<double> x, y;
        for (const auto r : test) x.push_back(pairs->x[static_cast<std::size_t>(r)]), y.push_back(pairs->y[static_cast<std::size_t>(r)]);
        f.plain += pearson(truth, out.mean, 1).mean / splits;
        f.partial += pearson_depth_partial(truth, out.mean, pick(pairs->depth, test), 1).mean / splits;
        f.coverage += interval_coverage(truth, out.lower, out.upper) / splits;
        f.moran += morans_i_difference(truth, out.mean, x, y, 8) / splits;
        f.lambda += fitted.lambda() / splits;
        f.train += static_cast<double>(train.size()) / splits;
        for (const float v : out.in_distribution) f.in_distribution += v / static_cast<double>(out.in_distribution.size()) / splits;
        Matrix wrong = in.targets;  // whole profiles move to other spots
        for (std::int64_t i = 0; i < wrong.rows; ++i)
            std::copy_n(in.targets.row((i + wrong.rows / 2) % wrong.rows), wrong.cols, wrong.row(i));
        in.targets = wrong;
        f.shuffled += pearson(truth, Predictor::fit(in, panel, pairs->pitch_um, {}, {}).predict(places.select(test)).mean, 1).mean / splits;
    }
    return f;
}

}  // namespace

class TestHer2st : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void heldOutBlocksOfC4() {
        C2L_REAL_DATA(image, "data/her2st/images/C4.jpg");
        C2L_REAL_DATA(counts, "data/her2st/counts/C4.tsv.gz");
        C2L_REAL_DATA(spots, "data/her2st/spots/C4_selection.tsv");
        OpenOptions options;
        options.mpp = 0.687;
        const auto slide = Slide::open(image, options, {});
        const auto pairs = pair(slide, read_spot_data({spots, counts}, {}), {}, {});
        std::unique_ptr<TileEncoder> encoder;
        if (const char* weights = std::getenv("C2L_TEST_ENCODER")) encoder = TileEncoder::load(weights);
        const auto places = describe_places(*pairs->reader, pairs->x, pairs->y, pairs->mpp, encoder.get(), {});
        const char* wanted = std::getenv("C2L_TEST_SPLITS");
        const int splits = wanted ? std::atoi(wanted) : 10;
        for (const auto unit : {TargetUnit::Log1pCounts, TargetUnit::Log1pCp10k}) {
            const auto f = over_splits(pairs, places, unit, 100, splits);
            const bool raw = unit == TargetUnit::Log1pCounts;
            qInfo(
                "%s: %.0f spots, r %.3f, depth partialled %.3f, shuffled %.3f, 90%% interval covers %.3f, lambda %.2f, in distribution "
                "%.2f, |dMoran| %.2f",
                raw ? "log1p counts" : "log1p CP10k", f.train, f.plain, f.partial, f.shuffled, f.coverage, f.lambda, f.in_distribution,
                f.moran);
            QVERIFY(f.plain > (raw ? 0.30 : 0.24));
            QVERIFY(f.partial > 0.10);
            QVERIFY(std::abs(f.shuffled) < 0.12);
            QVERIFY(f.coverage > 0.82 && f.coverage < 0.96);
        }
    }
};

QTEST_GUILESS_MAIN(TestHer2st)
#include "test_her2st.moc"
