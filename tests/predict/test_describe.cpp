#include <QTest>
#include <atomic>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "predict/predict.h"

using namespace c2l;

namespace {

// Pink ground with dark blue discs, denser to the right; the whole is a function of position, so that any field can be drawn.
class DrawnTissue : public TileReader {
public:
    Image read(double cx, double cy, double field_um, int size_px) const override {
        ++reads;
        Image image(size_px, size_px);
        const double step = field_um / size_px;
        for (int v = 0; v < size_px; ++v)
            for (int u = 0; u < size_px; ++u) {
                const double x = cx - field_um / 2 + (u + 0.5) * step, y = cy - field_um / 2 + (v + 0.5) * step;
                const double gx = std::floor(x / 12), gy = std::floor(y / 12);
                const auto bits = derive_seed(static_cast<std::uint64_t>(static_cast<std::int64_t>(gx + 5000)), "cell",
                                              static_cast<std::uint64_t>(static_cast<std::int64_t>(gy + 5000)));
                const bool cell = static_cast<double>(bits % 1000) / 1000 < x / 4000;
                const bool inside = cell && std::hypot(x - (gx + 0.5) * 12, y - (gy + 0.5) * 12) < 3.5;
                std::uint8_t* p = image.at(u, v);
                p[0] = inside ? 80 : 230, p[1] = inside ? 60 : 170, p[2] = inside ? 140 : 200;
            }
        return image;
    }
    mutable std::atomic<int> reads{0};
};

class MeanColour : public TileEncoder {
public:
    const std::string& id() const override { return id_; }
    std::string name() const override { return "mean colour"; }
    int dims() const override { return 3; }
    Matrix encode(const TileSet& tiles, const JobContext&) const override {
        Matrix m(static_cast<std::int64_t>(tiles.count()), 3);
        for (std::size_t i = 0; i < tiles.count(); ++i)
            for (std::size_t b = 0; b < tiles.bytes_per_tile(); ++b)
                m.at(static_cast<std::int64_t>(i), static_cast<std::int64_t>(b % 3)) +=
                    tiles.tile(i)[b] / static_cast<float>(tiles.size * tiles.size);
        return m;
    }

private:
    std::string id_ = "mean-colour";
};

}  // namespace

class TestDescribe : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void describesEveryFieldOfEveryPlace() {
        const DrawnTissue tissue;
        std::vector<double> x, y;
        for (int i = 0; i < 10; ++i) x.push_back(300 + 340 * i), y.push_back(1000);
        const MeanColour encoder;
        int reports = 0;
        JobContext ctx;
        ctx.on_progress = [&](const Progress& p) { reports += p.step == "describe"; };
        const auto plain = describe_places(tissue, x, y, 1.0, nullptr, ctx);
        QCOMPARE(plain.names, (std::vector<std::string>{"tile", "wide", "context", "position"}));
        QCOMPARE(plain.rows(), std::int64_t{10});
        QCOMPARE(tissue.reads.load(), 30);
        QVERIFY(reports > 0);
        const auto rich = describe_places(tissue, x, y, 1.0, &encoder, {});
        QCOMPARE(rich.names,
                 (std::vector<std::string>{"tile", "tile.encoder", "wide", "wide.encoder", "context", "context.encoder", "position"}));
        QVERIFY(rich.blocks[0].values == plain.blocks[0].values && rich.blocks[4].values == plain.blocks[2].values);
        QVERIFY(rich.blocks[5].at(0, 0) > rich.blocks[5].at(9, 0) + 10);  // more nuclei to the right: darker
        QCOMPARE(rich.blocks[6].at(3, 0), static_cast<float>(x[3]));
        for (const auto& block : rich.blocks)
            for (const float v : block.values) QVERIFY(std::isfinite(v));
        // The same place described alone or among others is the same place.
        const auto alone = describe_places(tissue, {x[4]}, {y[4]}, 1.0, &encoder, {});
        for (std::size_t b = 0; b < rich.blocks.size(); ++b) QVERIFY(alone.blocks[b].values == rich.select({4}).blocks[b].values);
    }

    void predictsDensityFromPixels() {
        const DrawnTissue tissue;
        std::vector<double> x, y;
        FitInputs in;
        for (int i = 0; i < 60; ++i) x.push_back(300 + 330 * (i % 10)), y.push_back(300 + 330 * (i / 10));
        in.real = describe_places(tissue, x, y, 1.0, nullptr, {});
        in.targets = Matrix(60, 1);
        for (int i = 0; i < 60; ++i) in.targets.at(i, 0) = static_cast<float>(x[static_cast<std::size_t>(i)] / 1000);
        in.depth.assign(60, 1000);
        GenePanel panel;
        panel.genes = {"nuclei"};
        panel.mean = {0}, panel.sd = {1};
        FitParams params;
        params.spatial_weight = 0;
        const auto fitted = Predictor::fit(in, panel, 330, params, {});
        const auto elsewhere = describe_places(tissue, {500, 1200, 1900, 2600, 3300}, {9000, 9100, 9200, 9300, 9400}, 1.0, nullptr, {});
        const auto mean = fitted.predict(elsewhere).mean;
        for (int i = 1; i < 5; ++i) QVERIFY(mean.at(i, 0) > mean.at(i - 1, 0));
    }

    void syntheticTilesTakeTheirSpotsSurroundings() {
        const DrawnTissue tissue;
        const MeanColour encoder;
        const auto spots = describe_places(tissue, {500, 2000}, {700, 700}, 1.0, &encoder, {});
        TileSet tiles;
        tiles.append(tissue.read(500, 700, 88, 128));
        tiles.append(tissue.read(3000, 900, 88, 128));
        const auto synthetic = describe_synthetic(tiles, spots, {{0, 0, 0}, {0, 1, 0.25}}, &encoder, {});
        QCOMPARE(synthetic.names, spots.names);
        QVERIFY(synthetic.select({0}).blocks[0].values == spots.select({0}).blocks[0].values);  // the very tile of spot 0
        QVERIFY(synthetic.select({1}).blocks[0].values != spots.select({0}).blocks[0].values);
        for (std::size_t b = 2; b < spots.blocks.size(); ++b)
            for (std::int64_t c = 0; c < spots.blocks[b].cols; ++c)
                QVERIFY(std::abs(synthetic.blocks[b].at(1, c) - (0.75f * spots.blocks[b].at(0, c) + 0.25f * spots.blocks[b].at(1, c))) <=
                        1e-4f * (1 + std::abs(spots.blocks[b].at(0, c))));
        QVERIFY_THROWS_EXCEPTION(Error, describe_synthetic(tiles, spots, {{0, 0, 0}}, &encoder, {}));
        QVERIFY_THROWS_EXCEPTION(Error, describe_synthetic(tiles, spots, {{0, 0, 0}, {0, 2, 0.5}}, &encoder, {}));
        QVERIFY_THROWS_EXCEPTION(Error, describe_synthetic(tiles, spots, {{0, 0, 0}, {0, 1, 0.5}}, nullptr, {}));
    }

    void stopsWhenAsked() {
        const DrawnTissue tissue;
        std::stop_source stop;
        stop.request_stop();
        JobContext ctx;
        ctx.stop = stop.get_token();
        QVERIFY_THROWS_EXCEPTION(Error, describe_places(tissue, {500, 900}, {700, 700}, 1.0, nullptr, ctx));
        QVERIFY(tissue.reads.load() == 0);
    }
};

QTEST_GUILESS_MAIN(TestDescribe)
#include "test_describe.moc"
