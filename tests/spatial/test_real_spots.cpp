// Published files; the reference figures were computed with an independent reader (csv, gzip and h5py in Python).
#include "real_data.h"

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "spatial/h5ad.h"
#include "spatial/read.h"

using namespace c2l;

namespace {
double total(const ExpressionMatrix& m) { return std::accumulate(m.values.begin(), m.values.end(), 0.0); }
}  // namespace

class TestRealSpots : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void her2st_data() {
        QTest::addColumn<QString>("section");
        QTest::addColumn<int>("spots");
        QTest::addColumn<int>("genes");
        QTest::addColumn<double>("sum");
        QTest::addColumn<int>("nonzero");
        QTest::addColumn<double>("erbb2");
        QTest::addColumn<int>("issues");
        QTest::newRow("C2") << "C2" << 187 << 15706 << 1926633. << 708716 << 18240. << 0;
        QTest::newRow("C3") << "C3" << 180 << 15821 << 2033498. << 748646 << 18341. << 1;
        QTest::newRow("C4") << "C4" << 184 << 15842 << 2213922. << 780024 << 20522. << 1;
        QTest::newRow("C5") << "C5" << 181 << 15721 << 2014132. << 741917 << 15946. << 1;
    }
    void her2st() {
        C2L_REAL_DATA(root, "data/her2st");
        QFETCH(QString, section);
        const auto name = section.toStdString();
        const SpotData d = read_spot_data({root / "spots" / (name + "_selection.tsv"), root / "counts" / (name + ".tsv.gz")}, {});
        QTEST(static_cast<int>(d.spots.size()), "spots");
        QTEST(static_cast<int>(d.expression.cols()), "genes");
        QTEST(total(d.expression), "sum");
        QTEST(static_cast<int>(d.expression.values.size()), "nonzero");
        const auto erbb2 = d.expression.column(d.expression.find_gene("ERBB2"));
        QTEST(std::accumulate(erbb2.begin(), erbb2.end(), 0.0), "erbb2");
        QTEST(static_cast<int>(d.issues.size()), "issues");
        QCOMPARE(d.expression.unit, ExpressionUnit::Counts);
        const double pitch_um = d.spots.pitch_px() * 0.687;
        QVERIFY2(std::abs(pitch_um - 200) < 20, qPrintable(QString::number(pitch_um)));
        if (name == "C4") {
            QCOMPARE(d.spots.barcodes[1 - 1], std::string("21x8"));
            QCOMPARE(d.spots.x[0], 5743.37);
            QCOMPARE(d.expression.row_sums()[0], 3483.f);
        }
    }

    void other_section_is_refused_or_told() {
        C2L_REAL_DATA(root, "data/her2st");
        C2L_REAL_DATA(visium, "data/visium/squidpy_v1_mouse_brain_crop/spots.tsv");
        try {
            read_spot_data({visium, root / "counts/C4.tsv.gz"}, {});
            QFAIL("spots of another experiment were accepted");
        } catch (const Error& e) {
            QCOMPARE(e.code(), ErrorCode::BadInput);
            QVERIFY(std::string(e.what()).find("none of the 49 spots") != std::string::npos);
        }
    }

    void space_ranger_squidpy() {
        C2L_REAL_DATA(root, "data/visium/squidpy_spaceranger_layout");
        const SpotData d = read_spot_data({root, {}}, {});
        QCOMPARE(d.format, std::string("space_ranger_h5"));
        QCOMPARE(d.spots.size(), std::size_t(100));
        QCOMPARE(d.expression.cols(), std::int64_t(100));
        QVERIFY(d.expression.values.size() <= 656);
        QVERIFY(std::abs(*d.spots.diameter_px - 89.4275) < 1e-3);
        QCOMPARE(d.spots.barcodes[0], std::string("AAACAAGTATCTCCCA-1"));
        QCOMPARE(d.spots.y[0], 8513.0);
        QCOMPARE(d.spots.x[0], 9811.0);
        QCOMPARE(d.spots.array_row[0], 50);
    }

    void space_ranger_seurat() {
        C2L_REAL_DATA(root, "data/visium/seurat_debian_visium");
        const SpotData d = read_spot_data({root, {}}, {});
        QVERIFY(d.spots.size() > 2600 && d.spots.size() <= 2695);
        QCOMPARE(d.expression.cols(), std::int64_t(100));
        QVERIFY(std::abs(*d.spots.diameter_px - 96.3607) < 1e-3);
        // 100 µm pitch of the array against the spot's diameter, which Space Ranger draws 65 µm wide.
        QVERIFY(std::abs(*d.spots.diameter_px / d.spots.pitch_px() - 0.65) < 0.07);
    }

    void log_counts_of_squidpy_are_recovered() {
        C2L_REAL_DATA(root, "data/visium/squidpy_v1_mouse_brain_crop");
        const SpotData log = read_h5ad(root / "test_data.h5ad");
        const SpotData counts = read_spot_data({root / "spots.tsv", root / "counts_recovered.tsv.gz"}, {});
        QCOMPARE(log.issues.size(), std::size_t(1));
        QCOMPARE(log.expression.unit, ExpressionUnit::Counts);
        QCOMPARE(log.spots.barcodes, counts.spots.barcodes);
        QCOMPARE(log.spots.x, counts.spots.x);
        QCOMPARE(log.expression.genes, counts.expression.genes);
        QCOMPARE(log.expression.indices, counts.expression.indices);
        QCOMPARE(log.expression.values, counts.expression.values);
        QCOMPARE(log.labels.at("leiden").size(), std::size_t(49));
        QCOMPARE(*log.spots.diameter_um, 55.0);
    }
};

QTEST_APPLESS_MAIN(TestRealSpots)
#include "test_real_spots.moc"
