#include <hdf5.h>

#include "base/file.h"
#include "refusal.h"
#include "spatial/h5ad.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

// A 10x matrix of 3 genes × 2 barcodes whose parts can be replaced.
struct Tenx {
    std::vector<std::int64_t> indptr{0, 2, 3}, indices{0, 2, 1}, shape{3, 2};
    std::vector<float> data{4, 5, 6};
    hsize_t claimed = 0;      // data is declared that long, without storage
    bool compound = false;    // data is of a compound type
    bool external = false;    // data lies in another file

    static void numbers(hid_t group, const char* name, const std::vector<std::int64_t>& v) {
        const hsize_t n = v.size();
        const hid_t space = H5Screate_simple(1, &n, nullptr), set = H5Dcreate2(group, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dwrite(set, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, v.data());
        H5Dclose(set), H5Sclose(space);
    }
    static void text(hid_t group, const char* name, const std::vector<std::string>& v) {
        const hsize_t n = v.size();
        const hid_t type = H5Tcopy(H5T_C_S1);
        H5Tset_size(type, 16);
        std::vector<char> bytes(16 * v.size());
        for (std::size_t i = 0; i < v.size(); ++i) v[i].copy(bytes.data() + 16 * i, 16);
        const hid_t space = H5Screate_simple(1, &n, nullptr), set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
        H5Dclose(set), H5Sclose(space), H5Tclose(type);
    }
    void values(hid_t group) const {
        const hsize_t n = claimed ? claimed : data.size(), chunk = 65536;
        const hid_t properties = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(1, &n, nullptr);
        hid_t type = H5Tcopy(H5T_IEEE_F32LE);
        if (claimed) H5Pset_chunk(properties, 1, &chunk);
        if (external) H5Pset_external(properties, "/etc/hostname", 0, 12);
        if (compound) {
            H5Tclose(type);
            type = H5Tcreate(H5T_COMPOUND, 4);
            H5Tinsert(type, "v", 0, H5T_IEEE_F32LE);
        }
        const hid_t set = H5Dcreate2(group, "data", type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
        if (!claimed && !external) H5Dwrite(set, compound ? type : H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data());
        H5Dclose(set), H5Sclose(space), H5Pclose(properties), H5Tclose(type);
    }
    void write(const std::filesystem::path& path) const {
        const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        const hid_t group = H5Gcreate2(file, "matrix", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), features = H5Gcreate2(group, "features", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        text(group, "barcodes", {"AA-1", "CC-1"});
        text(features, "name", {"A", "B", "C"});
        text(features, "feature_type", {"Gene Expression", "Gene Expression", "Gene Expression"});
        numbers(group, "indptr", indptr);
        if (claimed == 0) numbers(group, "indices", indices);
        else H5Lcreate_hard(group, "data", group, "indices", H5P_DEFAULT, H5P_DEFAULT);
        numbers(group, "shape", shape);
        values(group);
        if (claimed) H5Lcreate_hard(group, "data", group, "indices", H5P_DEFAULT, H5P_DEFAULT);
        H5Gclose(features), H5Gclose(group), H5Fclose(file);
    }
};

}  // namespace

class TestHostileH5 : public QObject {
    Q_OBJECT
    test::Folder folder;

    SpotData read(const Tenx& tenx) {
        tenx.write(folder / "m.h5");
        write_file(folder / "spots.csv", "barcode,x,y\nAA-1,1,2\nCC-1,3,4\n");
        return read_spot_data({folder / "spots.csv", folder / "m.h5"}, {});
    }

private Q_SLOTS:
    void initTestCase() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

    void sound_file_is_read() {
        const auto d = read({});
        QCOMPARE(d.format, std::string("space_ranger_h5"));
        QCOMPARE(d.expression.values, (std::vector<float>{4, 5, 6}));
        QCOMPARE(d.expression.indices, (std::vector<std::int32_t>{0, 2, 1}));
    }

    void wild_matrices_are_refused() {
        Tenx t;
        t.indptr = {0, 3, 2};
        C2L_REFUSED("run backwards", read(t));
        t.indptr = {0, 2, 9};
        C2L_REFUSED("do not fit its values", read(t));
        t.indptr = {-5, 2, 3};
        C2L_REFUSED("do not fit its values", read(t));
        t.indptr = {0, 3};
        C2L_REFUSED("2 row limits", read(t));
        t = {};
        t.indices = {0, 3, 1};
        C2L_REFUSED("names column 3 of 3", read(t));
        t.indices = {0, -1, 1};
        C2L_REFUSED("names column -1", read(t));
        t.indices = {0, 0, 1};
        C2L_REFUSED("twice", read(t));
        t = {};
        t.data = {1, -2, 3};
        C2L_REFUSED("negative", read(t));
        t.data = {1, std::numeric_limits<float>::quiet_NaN(), 3};
        C2L_REFUSED("not a number", read(t));
        t.data = {1, 2};
        C2L_REFUSED("2 values but 3 positions", read(t));
        t = {};
        t.shape = {3, 1'000'000'000'000};
        C2L_REFUSED("shape", read(t));
        t = {};
        t.compound = true;
        C2L_REFUSED("something other than numbers", read(t));
        t = {};
        t.external = true;
        C2L_REFUSED("another file", read(t));
    }

    void claimed_sizes_are_not_believed() {
        for (const hsize_t claimed : {hsize_t(1) << 27, hsize_t(1) << 40, hsize_t(1) << 62}) {
            Tenx t;
            t.claimed = claimed;
            t.indptr = {0, 0, static_cast<std::int64_t>(claimed)};
            const auto said = test::refusal([&] { read(t); });
            QVERIFY2(test::has(said, "claims"), said.c_str());
        }
    }

    // Cut anywhere: a sentence, never a table, a crash or another exception.
    void truncated_files() {
        SpotData d;
        Matrix counts(20, 10, 2);
        std::vector<std::string> genes;
        for (int g = 0; g < 10; ++g) genes.push_back("G" + std::to_string(g));
        d.expression = ExpressionMatrix::from_dense(counts, genes, ExpressionUnit::Counts);
        for (int i = 0; i < 20; ++i) d.spots.barcodes.push_back("s" + std::to_string(i)), d.spots.x.push_back(i), d.spots.y.push_back(i);
        H5adContent content;
        content.data = &d;
        write_h5ad(folder / "whole.h5ad", content);
        const std::string bytes = read_file(folder / "whole.h5ad");
        for (std::size_t keep = 0; keep < bytes.size(); keep += bytes.size() / 60) {
            write_file(folder / "cut.h5ad", bytes.substr(0, keep));
            const auto said = test::refusal([&] { read_spot_data({folder / "cut.h5ad", {}}, {}); });
            QVERIFY2(said != "accepted" && !test::has(said, "wrong type"), said.c_str());
        }
    }

    // Damaged references of the strings' heap, on which HDF5 itself crashes: every one of their bytes, changed.
    void damaged_text_references() {
        SpotData d;
        d.expression = ExpressionMatrix::from_dense(Matrix(3, 2, 1), {"first", "second"}, ExpressionUnit::Counts);
        d.spots.barcodes = {"s1", "s2", "s3"};
        d.spots.x = d.spots.y = {1, 2, 3};
        H5adContent content;
        content.data = &d;
        write_h5ad(folder / "whole.h5ad", content);
        const std::string bytes = read_file(folder / "whole.h5ad");
        const auto heap = bytes.find("GCOL");
        QVERIFY(heap != std::string::npos);
        const hid_t file = H5Fopen((folder / "whole.h5ad").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), set = H5Dopen2(file, "/var/_index", H5P_DEFAULT);
        const std::size_t offset = H5Dget_offset(set);
        H5Dclose(set), H5Fclose(file);
        for (std::size_t i = 0; i < 32; ++i)
            for (const char value : {'\x01', '\x7f', '\xff'}) {
                std::string bad = bytes;
                bad[offset + i] = static_cast<char>(bad[offset + i] ^ value);
                write_file(folder / "bad.h5ad", bad);
                const auto said = test::refusal([&] { read_h5ad(folder / "bad.h5ad"); });
                QVERIFY2(!test::has(said, "wrong type"), said.c_str());
            }
        std::string bad = bytes;
        bad[heap] = 'X';
        write_file(folder / "bad.h5ad", bad);
        QVERIFY(test::refusal([&] { read_h5ad(folder / "bad.h5ad"); }) != "accepted");
    }

    void other_files() {
        write_file(folder / "x.h5ad", std::string(100, 'x'));
        C2L_REFUSED("not an HDF5 file", read_spot_data({folder / "x.h5ad", {}}, {}));
        C2L_REFUSED("not there", read_h5ad(folder / "absent.h5ad"));
        read({});
        C2L_REFUSED("no spot positions", read_spot_data({folder / "m.h5", {}}, {}));
        C2L_REFUSED("lacks obs", read_h5ad(folder / "m.h5"));
    }
};

QTEST_APPLESS_MAIN(TestHostileH5)
#include "test_hostile_h5.moc"
