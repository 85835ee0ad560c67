#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "dataset/pairing.h"
#include "real_data.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

// Textured pink tissue on the left half of white glass; the blue of a pixel tells its x.
class HalfSlide : public Slide {
public:
    HalfSlide() {
        info_.id = "half";
        info_.width = 4000;
        info_.height = 2000;
        info_.mpp = 0.5;
        info_.levels = {{4000, 2000, 1}};
    }
    Image read(const Region& region, int out_w, int out_h) const override {
        last = region;
        Image out(out_w, out_h);
        Random random(7);
        for (int j = 0; j < out_h; ++j)
            for (int i = 0; i < out_w; ++i) {
                const double x = region.x + (i + 0.5) * region.w / out_w;
                if (x < 0 || x >= 2000) continue;
                auto* p = out.at(i, j);
                const auto noise = static_cast<int>(random.below(60));
                p[0] = static_cast<std::uint8_t>(160 + noise);
                p[1] = static_cast<std::uint8_t>(70 + noise);
                p[2] = static_cast<std::uint8_t>(130 + noise);
            }
        return out;
    }
    Image read_tile(int, std::int64_t, std::int64_t) const override { return Image(1, 1); }
    Image associated(const std::string&) const override { return Image(1, 1); }
    mutable Region last;
};

SpotData grid_of_spots(int columns, int rows, double pitch) {
    SpotData d;
    Matrix counts(columns * rows, 3);
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) {
            const int i = r * columns + c;
            d.spots.barcodes.push_back(std::to_string(c) + "x" + std::to_string(r));
            d.spots.x.push_back((c + 0.5) * pitch);
            d.spots.y.push_back((r + 0.5) * pitch);
            d.spots.in_tissue.push_back(1);
            counts.at(i, 0) = 300;
            counts.at(i, 2) = static_cast<float>(i);
        }
    d.expression = ExpressionMatrix::from_dense(counts, {"A", "B", "C"}, ExpressionUnit::Counts);
    return d;
}

}  // namespace

class TestPairing : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void binsNeedFewerCounts() {
        SpotTable spots;
        spots.x = {0, 0}, spots.y = {0, 16};
        spots.barcodes = {"a", "b"};
        QCOMPARE(least_counts(spots, 0.5), 20.0);  // nothing but a pitch of 8 µm is known: beads or cells
        spots.diameter_px = 16;                    // bins of an h5ad file
        QCOMPARE(least_counts(spots, 0.5), 20.0);
        QCOMPARE(least_counts(spots, 3.4), 200.0);
        spots.diameter_um = 55;
        QCOMPARE(least_counts(spots, 0.5), 200.0);
    }

    void shallowBinsArePaired() {
        SpotData data = grid_of_spots(10, 5, 400);
        for (auto& value : data.expression.values) value = 30;
        QVERIFY_THROWS_EXCEPTION(Error, pair(std::make_shared<HalfSlide>(), data, {}, {}));
        data.spots.diameter_um = 8;
        QVERIFY(pair(std::make_shared<HalfSlide>(), data, {}, {})->size() > 0);
    }

    void every_loss_is_an_issue() {
        const auto slide = std::make_shared<HalfSlide>();
        SpotData data = grid_of_spots(10, 5, 400);  // the right half is glass
        data.spots.x[0] = -50;                      // outside
        data.spots.in_tissue[1] = 0;                // flagged
        data.expression.values[static_cast<std::size_t>(data.expression.indptr[2])] = 5;  // shallow
        JobContext ctx;
        std::vector<Issue> issues;
        ctx.on_issue = [&](const Issue& i) { issues.push_back(i); };
        const auto pairs = pair(slide, data, {}, ctx);
        QCOMPARE(issues.size(), std::size_t(4));
        QCOMPARE(issues[0].location, std::string("0x0"));
        QCOMPARE(pairs->size(), std::size_t(22));  // 5 × 5 on the tissue, less three
        for (std::size_t i = 0; i < pairs->size(); ++i) {
            const auto at = static_cast<std::size_t>(std::find(data.spots.barcodes.begin(), data.spots.barcodes.end(), pairs->barcodes[i]) - data.spots.barcodes.begin());
            QVERIFY(pairs->x[i] < 2000);
            QCOMPARE(pairs->depth[i], 300.f + static_cast<float>(at));
            QCOMPARE(pairs->expression.column(2)[i], static_cast<float>(at));  // rows still belong to their spots
        }
        QCOMPARE(pairs->pitch_um, 200.0);
        QCOMPARE(pairs->slide_id, std::string("half"));
    }

    void reader_centres_the_field() {
        const auto slide = std::make_shared<HalfSlide>();
        const auto reader = make_tile_reader(slide);
        const Image tile = reader->read(1000, 700, 112, 224);
        QCOMPARE(tile.width, 224);
        QCOMPARE(slide->last.w, 224.0);
        QCOMPARE(slide->last.x, 1000 - 112.0);
        QCOMPARE(slide->last.y, 700 - 112.0);
    }

    void foreign_spots_are_refused() {
        const auto slide = std::make_shared<HalfSlide>();
        SpotData far = grid_of_spots(10, 5, 4000);
        QVERIFY_EXCEPTION_THROWN(pair(slide, far, {}, {}), Error);
        SpotData scaled = grid_of_spots(10, 5, 400);
        for (auto& v : scaled.expression.values) v *= 0.37f;
        scaled.expression.unit = ExpressionUnit::Other;
        QVERIFY_EXCEPTION_THROWN(pair(slide, scaled, {}, {}), Error);
        SpotData short_of_rows = grid_of_spots(10, 5, 400);
        short_of_rows.expression = short_of_rows.expression.select_rows({0, 1});
        QVERIFY_EXCEPTION_THROWN(pair(slide, short_of_rows, {}, {}), Error);
    }

    void log_counts_are_recovered() {
        const auto slide = std::make_shared<HalfSlide>();
        SpotData data = grid_of_spots(10, 5, 400);
        const auto depth = data.expression.row_sums();
        for (std::int64_t r = 0; r < data.expression.rows(); ++r)
            for (auto i = data.expression.indptr[static_cast<std::size_t>(r)]; i < data.expression.indptr[static_cast<std::size_t>(r) + 1]; ++i) {
                auto& v = data.expression.values[static_cast<std::size_t>(i)];
                v = std::log1p(v * 1e4f / depth[static_cast<std::size_t>(r)]);
            }
        data.expression.unit = ExpressionUnit::Log1p;
        PairParams params;
        params.min_counts = 1;
        const auto pairs = pair(slide, data, params, {});
        QCOMPARE(pairs->expression.unit, ExpressionUnit::Counts);
    }

    void grid_covers_tissue_only() {
        const HalfSlide slide;
        const auto mask = find_tissue(slide, {});
        const auto grid = tissue_grid(slide, mask, 100);
        QVERIFY(grid.x.size() >= 90 && grid.x.size() <= 110);  // 10 × 10
        for (std::size_t i = 0; i < grid.x.size(); ++i) {
            QVERIFY(grid.x[i] < 2100);
            QCOMPARE(grid.x[i], (grid.col[i] + 0.5) * 200);
        }
        QVERIFY_EXCEPTION_THROWN(tissue_grid(slide, mask, 1e-6), Error);
    }

    void real_section() {
        C2L_REAL_DATA(image, "data/her2st/images/C4.jpg");
        C2L_REAL_DATA(spots, "data/her2st/spots/C4_selection.tsv");
        C2L_REAL_DATA(counts, "data/her2st/counts/C4.tsv.gz");
        OpenOptions options;
        options.mpp = 0.687;
        const auto slide = Slide::open(image, options, {});
        const SpotData data = read_spot_data({spots, counts}, {});
        JobContext ctx;
        std::vector<Issue> issues;
        ctx.on_issue = [&](const Issue& i) { issues.push_back(i); };
        const auto pairs = pair(slide, data, {}, ctx);
        for (const auto& i : issues) qInfo("%s", i.text.c_str());
        QVERIFY2(pairs->size() > 140 && pairs->size() <= 184, qPrintable(QString::number(pairs->size())));
        QVERIFY2(std::abs(pairs->pitch_um - 200) < 20, qPrintable(QString::number(pairs->pitch_um)));
        const Split split = Split::by_blocks(pairs, {});
        QVERIFY(split.train.size() > 60);
        const auto panel = GenePanel::choose(split.train, 50, TargetUnit::Log1pCp10k);
        QCOMPARE(panel.genes.size(), std::size_t(50));
        QString genes;
        for (const auto& g : panel.genes) genes += QString::fromStdString(g) + " ";
        qInfo("%zu spots, %zu training, %zu held out; %s", pairs->size(), split.train.size(), split.held_out.size(), qPrintable(genes));
    }
};

QTEST_APPLESS_MAIN(TestPairing)
#include "test_pairing.moc"
