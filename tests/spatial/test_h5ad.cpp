#include <hdf5.h>

#include <QProcess>
#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/random.h"
#include "refusal.h"
#include "spatial/h5ad.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

SpotData sample(int n, int genes, std::uint64_t seed) {
    Random random(seed);
    SpotData d;
    Matrix counts(n, genes), layer(n, genes);
    for (auto& v : counts.values) v = static_cast<float>(random.poisson(0.7));
    for (auto& v : layer.values) v = static_cast<float>(random.normal());
    std::vector<std::string> names;
    for (int g = 0; g < genes; ++g) names.push_back("G" + std::to_string(g));
    d.expression = ExpressionMatrix::from_dense(counts, names, ExpressionUnit::Counts);
    for (int i = 0; i < n; ++i) {
        d.spots.barcodes.push_back("spot-" + std::to_string(i));
        d.spots.x.push_back(random.uniform(0, 9000));
        d.spots.y.push_back(random.uniform(0, 9000));
        d.spots.array_row.push_back(i / 10);
        d.spots.array_col.push_back(i % 10);
        d.spots.in_tissue.push_back(i % 3 != 0);
        d.obs["in_distribution"].push_back(static_cast<float>(random.uniform()));
        d.labels["source"].push_back(i % 2 ? "größer, \"b\"" : "a");
    }
    d.layers["predicted"] = layer;
    d.layers["lower"] = Matrix(n, genes, -1.5f);
    return d;
}

H5adContent content_of(const SpotData& d) {
    H5adContent c;
    c.data = &d;
    c.library = "C4";
    c.hires = Image(40, 30, 200);
    c.hires_scale = 0.05;
    c.spot_diameter_fullres = 145.5;
    c.provenance_json = "{\"step\":\"predict\"}";
    return c;
}

}  // namespace

class TestH5ad : public QObject {
    Q_OBJECT
    test::Folder folder;

    // Every byte of the records themselves changed, the references of their texts among them: a sentence or a table, never a crash.
    void damaged_records() {
        const std::string whole = read_file(folder / "records.h5ad");
        const hid_t file = H5Fopen((folder / "records.h5ad").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), obs = H5Dopen2(file, "/obs", H5P_DEFAULT);
        const std::size_t offset = H5Dget_offset(obs), bytes = H5Dget_storage_size(obs);
        H5Dclose(obs), H5Fclose(file);
        QVERIFY(bytes > 37 * 40 && offset + bytes <= whole.size());
        for (std::size_t at = offset; at < offset + bytes; at += at < offset + 120 ? 1 : 41)
            for (const char value : {'\x01', '\x7f', '\xff'}) {
                std::string bad = whole;
                bad[at] = static_cast<char>(bad[at] ^ value);
                write_file(folder / "bad.h5ad", bad);
                const auto said = test::refusal([&] { read_h5ad(folder / "bad.h5ad"); });
                QVERIFY2(!test::has(said, "wrong type"), said.c_str());
            }
    }

private Q_SLOTS:
    void round_trip() {
        for (const auto& [n, genes] : {std::pair{1, 1}, std::pair{37, 20}, std::pair{900, 300}}) {
            const SpotData d = sample(n, genes, static_cast<std::uint64_t>(n));
            write_h5ad(folder / "a.h5ad", content_of(d));
            QCOMPARE(recognise_spot_file(folder / "a.h5ad"), std::string("h5ad"));
            const SpotData r = read_h5ad(folder / "a.h5ad");
            QCOMPARE(r.spots.barcodes, d.spots.barcodes);
            QCOMPARE(r.spots.x, d.spots.x);
            QCOMPARE(r.spots.y, d.spots.y);
            QCOMPARE(r.spots.array_row, d.spots.array_row);
            QCOMPARE(r.spots.array_col, d.spots.array_col);
            QCOMPARE(r.spots.in_tissue, d.spots.in_tissue);
            QCOMPARE(*r.spots.diameter_px, 145.5);
            QCOMPARE(r.expression.genes, d.expression.genes);
            QCOMPARE(r.expression.indptr, d.expression.indptr);
            QCOMPARE(r.expression.indices, d.expression.indices);
            QCOMPARE(r.expression.values, d.expression.values);
            QCOMPARE(r.expression.unit, ExpressionUnit::Counts);
            QCOMPARE(r.obs, d.obs);
            QCOMPARE(r.labels, d.labels);
            QCOMPARE(r.layers.size(), std::size_t(2));
            QCOMPARE(r.layers.at("predicted").values, d.layers.at("predicted").values);
            QCOMPARE(r.provenance_json, std::string("{\"step\":\"predict\"}"));
            QVERIFY(r.issues.empty());
        }
    }

    void unit_of_our_own_files_is_kept() {
        SpotData d = sample(30, 8, 1);  // whole numbers, called log1p: a map may be
        d.expression.unit = ExpressionUnit::Log1p;
        write_h5ad(folder / "unit.h5ad", content_of(d));
        QCOMPARE(read_h5ad(folder / "unit.h5ad").expression.unit, ExpressionUnit::Log1p);
    }

    void inconsistent_content_is_refused_and_nothing_written() {
        SpotData d = sample(5, 3, 1);
        d.layers["bad"] = Matrix(5, 2);
        C2L_REFUSED("layer 'bad'", write_h5ad(folder / "bad.h5ad", content_of(d)));
        QVERIFY(!std::filesystem::exists(folder / "bad.h5ad"));
        d.layers.erase("bad");
        d.obs["short"] = {1};
        C2L_REFUSED("'short'", write_h5ad(folder / "bad.h5ad", content_of(d)));
        C2L_REFUSED("cannot be", write_h5ad("/proc/nowhere/x.h5ad", content_of(sample(2, 2, 1))));
    }

    // anndata opens what we write, and we read what it writes in each of its encodings.
    void anndata_agrees() {
        QString python;
        for (const char* candidate : {"/usr/bin/python3", "python3"}) {
            QProcess probe;
            probe.start(candidate, {"-c", "import anndata, h5py"});
            if (probe.waitForFinished(60000) && probe.exitCode() == 0) { python = candidate; break; }
        }
        if (python.isEmpty()) QSKIP("SKIPPED: python3-anndata is not installed");
        const SpotData d = sample(37, 20, 5);
        write_h5ad(folder / "ours.h5ad", content_of(d));
        QProcess run;
        run.setProcessChannelMode(QProcess::MergedChannels);
        run.start(python, {C2L_SOURCE_DIR "/tests/spatial/anndata_agrees.py", folder.dir.path()});
        QVERIFY(run.waitForFinished(120000));
        const QByteArray said = run.readAll();
        QVERIFY2(run.exitCode() == 0, said.constData());

        for (const std::string name : {"dense", "csr", "csc", "layer", "raw", "old", "log"}) {
            const SpotData r = read_h5ad(folder / (name + ".h5ad"));
            QCOMPARE(r.expression.unit, ExpressionUnit::Counts);
            QCOMPARE(r.expression.indptr, d.expression.indptr);
            QCOMPARE(r.expression.indices, d.expression.indices);
            QCOMPARE(r.expression.values, d.expression.values);
            QCOMPARE(r.spots.x, d.spots.x);
            QCOMPARE(r.spots.in_tissue, d.spots.in_tissue);
            QCOMPARE(r.labels.at("source"), d.labels.at("source"));
            const bool told = name == "layer" || name == "raw" || name == "log";
            QCOMPARE(r.issues.size(), std::size_t(told ? 1 : 0));
        }
        for (const std::string name : {"records", "records_fixed", "records_chunked", "records_raw", "nullable", "names_by_category", "sparse_layers", "bins"}) {
            const SpotData r = read_h5ad(folder / (name + ".h5ad"));
            QCOMPARE(r.spots.barcodes, d.spots.barcodes);
            QCOMPARE(r.expression.genes, d.expression.genes);
            QCOMPARE(r.expression.indices, d.expression.indices);
            QCOMPARE(r.expression.values, d.expression.values);
            QCOMPARE(r.spots.x, d.spots.x);
            QCOMPARE(r.spots.y, d.spots.y);
            QCOMPARE(r.spots.in_tissue, d.spots.in_tissue);
            QCOMPARE(r.spots.array_row, d.spots.array_row);
            QCOMPARE(r.labels.at("source"), d.labels.at("source"));
            if (name.starts_with("records")) {
                QCOMPARE(r.labels.at("note")[36], std::string("note 36"));
                QCOMPARE(r.obs.at("flag")[3], 0.f);
                QCOMPARE(r.obs.at("flag")[4], 1.f);
            }
            QCOMPARE(r.spots.square, name == "bins");
            QCOMPARE(r.issues.size(), std::size_t(name == "sparse_layers" || name == "records_raw" ? 1 : 0));
        }
        const SpotData nullable = read_h5ad(folder / "nullable.h5ad");
        QCOMPARE(nullable.labels.at("remark")[3], std::string("r"));
        QCOMPARE(nullable.labels.at("remark")[4], std::string());
        const SpotData layers = read_h5ad(folder / "sparse_layers.h5ad");
        QVERIFY2(test::has(layers.issues[0].text, "'spliced', 'unspliced'") && !test::has(layers.issues[0].text, "smooth"), layers.issues[0].text.c_str());
        QCOMPARE(layers.layers.size(), std::size_t(1));
        QCOMPARE(*read_h5ad(folder / "bins.h5ad").spots.diameter_um, 8.0);
        damaged_records();
        QCOMPARE(read_h5ad(folder / "scaled.h5ad").expression.unit, ExpressionUnit::Other);
        C2L_REFUSED("not a number", read_h5ad(folder / "nan.h5ad"));
        C2L_REFUSED("obsm['spatial']", read_h5ad(folder / "nowhere.h5ad"));
    }
};

QTEST_GUILESS_MAIN(TestH5ad)
#include "test_h5ad.moc"
