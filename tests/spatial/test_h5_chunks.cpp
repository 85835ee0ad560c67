// Numbers in every way that HDF5 stores them come out the same, whether our threads inflate them or HDF5 does.
#include <hdf5.h>

#include <cmath>

#include "base/file.h"
#include "base/random.h"
#include "refusal.h"
#include "spatial/h5.h"
#include "spatial/read.h"

using namespace c2l;

namespace {

struct Storage {
    const char* name;
    hid_t data, indices;
    hsize_t chunk;  // 0: in one piece
    bool shuffle = false, deflate = false, checksum = false;
};

constexpr int kBins = 700, kGenes = 60;

struct Counts {
    std::vector<std::int64_t> indptr{0}, indices;
    std::vector<double> data;
    Counts() {
        Random random(8);
        for (int i = 0; i < kBins; ++i) {
            for (int g = 0; g < kGenes; ++g)
                if (random.uniform() < 0.2) indices.push_back(g), data.push_back(1 + std::floor(random.uniform(0, 90)));
            indptr.push_back(static_cast<std::int64_t>(indices.size()));
        }
    }
};

template <class T>
void write_numbers(hid_t group, const char* name, const std::vector<T>& values, hid_t memory, hid_t stored, const Storage& how) {
    const hsize_t n = values.size(), most = how.chunk ? H5S_UNLIMITED : n;  // chunks may then be longer than the data
    const hid_t space = H5Screate_simple(1, &n, &most), properties = H5Pcreate(H5P_DATASET_CREATE);
    if (how.chunk) H5Pset_chunk(properties, 1, &how.chunk);
    if (how.shuffle) H5Pset_shuffle(properties);
    if (how.deflate) H5Pset_deflate(properties, 4);
    if (how.checksum) H5Pset_fletcher32(properties);
    const hid_t set = H5Dcreate2(group, name, stored, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Dwrite(set, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(set), H5Pclose(properties), H5Sclose(space);
}

void write_text(hid_t group, const char* name, const std::vector<std::string>& v) {
    const hsize_t n = v.size();
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &n, nullptr);
    H5Tset_size(type, 16);
    std::vector<char> bytes(16 * v.size());
    for (std::size_t i = 0; i < v.size(); ++i) v[i].copy(bytes.data() + 16 * i, 16);
    const hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
    H5Dclose(set), H5Sclose(space), H5Tclose(type);
}

std::vector<std::string> numbered(const char* prefix, int n) {
    std::vector<std::string> names;
    for (int i = 0; i < n; ++i) names.push_back(prefix + std::to_string(i));
    return names;
}

void write_tenx(const std::filesystem::path& path, const Counts& counts, const Storage& how) {
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t group = H5Gcreate2(file, "matrix", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), features = H5Gcreate2(group, "features", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    write_text(group, "barcodes", numbered("bin-", kBins));
    write_text(features, "name", numbered("G", kGenes));
    write_numbers(group, "shape", std::vector<std::int64_t>{kGenes, kBins}, H5T_NATIVE_INT64, H5T_STD_I64LE, {"", 0, 0, 0});
    write_numbers(group, "indptr", counts.indptr, H5T_NATIVE_INT64, H5T_STD_I64LE, how);
    write_numbers(group, "indices", counts.indices, H5T_NATIVE_INT64, how.indices, how);
    write_numbers(group, "data", counts.data, H5T_NATIVE_DOUBLE, how.data, how);
    H5Gclose(features), H5Gclose(group), H5Fclose(file);
}

}  // namespace

class TestH5Chunks : public QObject {
    Q_OBJECT
    test::Folder folder;
    const Counts counts;

    SpotData read() { return read_spot_data({folder / "spots.csv", folder / "m.h5"}, {}); }

private Q_SLOTS:
    void initTestCase() {
        H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
        std::string spots = "barcode,x,y\n";
        for (int i = 0; i < kBins; ++i) spots += "bin-" + std::to_string(i) + "," + std::to_string(i) + ",0\n";
        write_file(folder / "spots.csv", spots);
    }

    void every_storage() {
        const Storage ways[] = {
            {"one piece", H5T_STD_I32LE, H5T_STD_I64LE, 0},
            {"chunks", H5T_STD_I32LE, H5T_STD_I64LE, 2048},
            {"deflate", H5T_STD_I32LE, H5T_STD_I32LE, 2048, false, true},
            {"as Space Ranger", H5T_STD_I32LE, H5T_STD_I64LE, 1024, true, true},
            {"one chunk, longer than the data", H5T_STD_I32LE, H5T_STD_I64LE, 80000, true, true},
            {"shuffle alone", H5T_STD_I32LE, H5T_STD_I64LE, 2048, true},
            {"bytes", H5T_STD_I8LE, H5T_STD_U8LE, 1024, true, true},
            {"short", H5T_STD_U16LE, H5T_STD_I16LE, 1024, true, true},
            {"unsigned", H5T_STD_U32LE, H5T_STD_U64LE, 1024, true, true},
            {"wide", H5T_STD_I64LE, H5T_STD_U32LE, 1024, true, true},
            {"float", H5T_IEEE_F32LE, H5T_STD_I32LE, 1024, true, true},
            {"double", H5T_IEEE_F64LE, H5T_STD_I32LE, 1024, true, true},
            {"big-endian", H5T_IEEE_F64BE, H5T_STD_I64BE, 1024, true, true},
            {"checksums", H5T_STD_I32LE, H5T_STD_I64LE, 1024, true, true, true},
            {"small chunks", H5T_STD_I32LE, H5T_STD_I64LE, 100, true, true},
        };
        for (const Storage& how : ways) {
            write_tenx(folder / "m.h5", counts, how);
            const auto d = read();
            QVERIFY2(d.expression.indptr == counts.indptr, how.name);
            QVERIFY2(std::equal(d.expression.indices.begin(), d.expression.indices.end(), counts.indices.begin(), counts.indices.end()), how.name);
            QVERIFY2(std::equal(d.expression.values.begin(), d.expression.values.end(), counts.data.begin(), counts.data.end()), how.name);
        }
    }

    void a_wrong_column_is_named() {
        Counts bad = counts;
        for (const std::int64_t wrong : {std::int64_t(-1), std::int64_t(kGenes), std::int64_t(1) << 32}) {
            bad.indices[5000] = wrong;
            for (const hsize_t chunk : {0, 1024}) {
                write_tenx(folder / "m.h5", bad, {"", H5T_STD_I32LE, H5T_STD_I64LE, chunk, chunk != 0, chunk != 0});
                C2L_REFUSED("names column " + std::to_string(wrong) + " of 60", read());
            }
        }
    }

    void what_is_beyond_a_float_is_refused() {
        Counts bad = counts;
        for (const double wrong : {1e300, -1e300, std::nan("")}) {
            bad.data[7000] = wrong;
            write_tenx(folder / "m.h5", bad, {"", H5T_IEEE_F64LE, H5T_STD_I64LE, 1024, true, true});
            C2L_REFUSED("not a number", read());
        }
    }

    void a_stop_is_heeded_between_chunks() {
        for (const hsize_t chunk : {0, 1024}) {
            write_tenx(folder / "m.h5", counts, {"", H5T_STD_I32LE, H5T_STD_I64LE, chunk});
            std::stop_source source;
            const h5::Reader file(folder / "m.h5", source.get_token());
            QCOMPARE(file.column_numbers("/matrix/indices", kGenes).size(), counts.indices.size());
            source.request_stop();
            try {
                file.column_numbers("/matrix/indices", kGenes);
                QFAIL("went on");
            } catch (const Error& error) {
                QVERIFY(error.code() == ErrorCode::Stopped);
            }
        }
    }

    // One byte of each chunk's stream changed: told, or (where no checksum can see it) read as other numbers; never a crash.
    void damaged_chunks() {
        write_tenx(folder / "m.h5", counts, {"", H5T_STD_I32LE, H5T_STD_I64LE, 1024, true, true});
        const std::string whole = read_file(folder / "m.h5");
        int refused = 0;
        for (std::size_t at = 2000; at < whole.size(); at += whole.size() / 97) {
            std::string bad = whole;
            bad[at] = static_cast<char>(bad[at] ^ 0x55);
            write_file(folder / "m.h5", bad);
            const auto said = test::refusal([&] { read(); });
            QVERIFY2(!test::has(said, "wrong type"), said.c_str());
            refused += said != "accepted";
        }
        QVERIFY(refused > 30);
    }

    // Written by pieces with gaps, and with filters left out for one chunk, as HDF5 allows.
    void gaps_and_unfiltered_chunks() {
        write_tenx(folder / "m.h5", counts, {"", H5T_STD_I32LE, H5T_STD_I64LE, 1024, true, true});
        const hid_t file = H5Fopen((folder / "m.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT), data = H5Dopen2(file, "/matrix/data", H5P_DEFAULT);
        std::vector<std::int32_t> plain(1024);
        for (std::size_t i = 0; i < plain.size(); ++i) plain[i] = static_cast<std::int32_t>(counts.data[1024 + i]);
        const hsize_t offset = 1024;
        QVERIFY(H5Dwrite_chunk(data, H5P_DEFAULT, 3, &offset, 4096, plain.data()) >= 0);
        H5Dclose(data);
        H5Fclose(file);
        const auto d = read();
        QVERIFY(std::equal(d.expression.values.begin(), d.expression.values.end(), counts.data.begin(), counts.data.end()));
    }
};

QTEST_APPLESS_MAIN(TestH5Chunks)
#include "test_h5_chunks.moc"
