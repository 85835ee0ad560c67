// Does adaptation learn what it is for? The shipped central model on tiles whose colour is a gene.
#include <ATen/ATen.h>

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "generate/generate.h"
#include "generate/inner_split.h"
#include "nn/safetensors.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

constexpr int kSpots = 24;

// Speckled ground, pink where the "gene" is 0 and dark violet where it is 1.
class TintReader : public TileReader {
public:
    Image read(double cx, double cy, double, int size) const override {
        Image image(size, size);
        Random random(static_cast<std::uint64_t>(cy));
        const double dark = cx / 10000;
        for (int y = 0; y < size; ++y)
            for (int x = 0; x < size; ++x) {
                const double speckle = 12 * random.normal();
                auto* p = image.at(x, y);
                p[0] = static_cast<std::uint8_t>(std::clamp(230 - 110 * dark + speckle, 0.0, 255.0));
                p[1] = static_cast<std::uint8_t>(std::clamp(190 - 110 * dark + speckle, 0.0, 255.0));
                p[2] = static_cast<std::uint8_t>(std::clamp(215 - 60 * dark + speckle, 0.0, 255.0));
            }
        return image;
    }
};

// `follows`: whether the genes say what a tile looks like; else each spot has another's.
TrainTiles tinted_spots(bool follows) {
    auto pairs = std::make_shared<PairedTiles>();
    pairs->slide_id = "tints";
    pairs->mpp = 0.6875;
    pairs->pitch_um = 200;
    pairs->reader = std::make_shared<TintReader>();
    Matrix counts(kSpots, 4);
    for (int i = 0; i < kSpots; ++i) {
        pairs->barcodes.push_back("s" + std::to_string(i));
        pairs->x.push_back(i % 2 ? 10000.0 : 0.0);
        pairs->y.push_back(i * 1000.0);
        const bool high = follows ? i % 2 : i / 2 % 2;
        for (int g = 0; g < 4; ++g) counts.at(i, g) = static_cast<float>((g % 2 == 1) == high ? 90 + i : 10 + i);
    }
    pairs->expression = ExpressionMatrix::from_dense(counts, {"a", "b", "c", "d"}, ExpressionUnit::Counts);
    pairs->depth = pairs->expression.row_sums();
    return Split::whole(pairs);
}

AdaptParams quick(int steps) {
    AdaptParams params;
    params.steps = steps;
    params.batch = 4;
    params.seed = 3;
    params.compute.device = "cpu";
    return params;
}

double mean_grey(const TileSet& tiles) { return std::accumulate(tiles.rgb.begin(), tiles.rgb.end(), 0.0) / static_cast<double>(tiles.rgb.size()); }

}  // namespace

class TestAdapt : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path folder_ = dir_.path().toStdString();
    const fs::path central_ = C2L_SOURCE_DIR "/resources/models/central-tiny/central-tiny.safetensors";

    // How much darker four tiles of a violet spot's profile are than those of a pink one's, from the same seeds.
    double darker(const fs::path& adapter, const GenePanel& panel, const TrainTiles& train) const {
        Matrix both = panel.standardised(train.pairs(), {0, 1});
        double grey[2];
        for (int which : {0, 1}) {
            Matrix profiles(4, both.cols);
            for (std::int64_t r = 0; r < 4; ++r) std::copy_n(both.row(which), both.cols, profiles.row(r));
            SampleParams sample;
            sample.steps = 5;
            sample.guidance = 1;
            sample.compute.device = "cpu";
            grey[which] = mean_grey(synthesize(central_, adapter, profiles, {1, 2, 3, 4}, sample, {}));
        }
        return grey[0] - grey[1];
    }

private Q_SLOTS:
    void tilesFollowTheGenesTheyWereLearntWith() {
        for (const bool follows : {true, false}) {
            const auto train = tinted_spots(follows);
            const auto panel = GenePanel::choose(train, 4, TargetUnit::Log1pCp10k);
            const auto name = follows ? "follows" : "shuffled";
            const auto result = adapt(central_, train, {}, panel, quick(60), folder_ / name, folder_ / (std::string(name) + ".safetensors"), {});
            const double found = darker(folder_ / (std::string(name) + ".safetensors"), panel, train);
            qInfo("%s: %.1f grey levels darker, best step %lld, held-out loss %.3f -> %.3f", name, found, static_cast<long long>(result.best_step), result.held_out_before, result.held_out_kept);
            if (follows)
                QVERIFY2(found > 40, qPrintable(QString::number(found)));  // of 93 between the real ones
            else
                QVERIFY2(std::abs(found) < 25, qPrintable(QString::number(found)));
        }
    }

    // Steps so long that they only spoil the model: it stops after `patience` looks, and what is written is the model as it was.
    void stopsEarlyAndKeepsTheBest() {
        const auto train = tinted_spots(true);
        const auto panel = GenePanel::choose(train, 4, TargetUnit::Log1pCp10k);
        auto params = quick(200);
        params.learning_rate = 0.5;
        params.patience = 2;
        const auto file = folder_ / "spoilt.safetensors";
        const auto result = adapt(central_, train, {}, panel, params, folder_ / "spoilt", file, {});
        QCOMPARE(result.best_step, std::int64_t{0});
        QCOMPARE(result.curve.size(), std::size_t{50});  // two looks
        QVERIFY(result.curve.back().held_out > result.held_out_before);
        QCOMPARE(result.held_out_kept, result.held_out_before);
        QCOMPARE(darker(file, panel, train), 0.0);
        for (const auto& entry : fs::directory_iterator(folder_ / "spoilt"))
            if (entry.path().filename() == "preview-0.png") return;
        QFAIL("no preview of the central model");
    }

    void laterWeightsAreKeptWithinOneStandardError() {
        using generate::as_good_as;
        const std::vector<double> least{1, 2, 3, 4};
        QVERIFY(as_good_as(least, least));
        QVERIFY(as_good_as({0.9, 2.1, 3.1, 3.9}, least));     // 0 behind
        QVERIFY(as_good_as({1.2, 1.9, 3.2, 3.8}, least));     // .025 behind, standard error .103
        QVERIFY(!as_good_as({1.2, 2.3, 3.2, 4.3}, least));    // .25 behind, standard error .029
        QVERIFY(!as_good_as({1.01, 2.01, 3.01, 4.01}, least));  // little, but all of them alike
    }
};

QTEST_GUILESS_MAIN(TestAdapt)
#include "test_adapt.moc"
