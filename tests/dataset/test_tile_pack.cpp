// Tile packs: what was written comes back, an interrupted cut goes on to the same file, and malformed files are refused.
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/job.h"
#include "base/random.h"
#include "dataset/tile_pack.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

constexpr int kSize = 24;

Image noise_tile(std::uint64_t seed) {
    Image image(kSize, kSize);
    Random random(seed);
    for (auto& v : image.rgb) v = static_cast<std::uint8_t>(random.below(256));
    return image;
}

// Sources 0 … n-1 of 3, 0, 5, 3, 0, 5 … tiles, from the first that is not there yet; gives up in source `stop_in`, half-way.
bool cut(TilePackWriter& writer, int sources, int stop_in = -1) {
    static const int kCounts[] = {3, 0, 5};
    for (int s = static_cast<int>(writer.runs().size()); s < sources; ++s) {
        for (int i = 0; i < kCounts[s % 3]; ++i) {
            if (s == stop_in && i == 2) return false;
            writer.add(noise_tile(static_cast<std::uint64_t>(100 * s + i)));
        }
        writer.end_run("slide" + std::to_string(s), s < 3 ? "A" : "B");
    }
    writer.close();
    return true;
}

fs::path write_pack(const fs::path& path, int sources = 6) {
    TilePackWriter writer(path, kSize, 88.0, "key");
    cut(writer, sources);
    return path;
}

// As the writer lays it out, see tile_pack.cpp.
constexpr std::size_t kSide = 12, kRuns = 24, kTableBytes = 32, kField = 40, kChecksum = 112, kHeaderBytes = 176, kPixels = 4096;

template <class T>
void put(std::string& pack, std::size_t at, T value) {
    std::memcpy(pack.data() + at, &value, sizeof value);
}

// With the checksum that its header and table now have, so that what is checked behind the checksum is reached.
std::string sealed_again(std::string pack) {
    std::uint64_t table = 0;
    std::memcpy(&table, pack.data() + kTableBytes, sizeof table);
    std::memset(pack.data() + kChecksum, 0, 64);
    return pack.replace(kChecksum, 64, sha256_hex(pack.substr(0, kHeaderBytes) + pack.substr(pack.size() - table)));
}

ErrorCode code_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::Internal;
}

}  // namespace

class TestTilePack : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { folder_ = dir_.path().toStdString(); }

    void comes_back() {
        const auto pack = TilePack::open(write_pack(folder_ / "a.tiles"));
        QCOMPARE(pack->size(), kSize);
        QCOMPARE(pack->tile_um(), 88.0);
        QCOMPARE(pack->count(), std::uint64_t{16});
        QCOMPARE(pack->runs().size(), std::size_t{6});
        QCOMPARE(pack->runs()[2].source, std::string("slide2"));
        QCOMPARE(pack->runs()[5].group, std::string("B"));
        pack->verify();
        const auto view = view_of({pack});
        QCOMPARE(view.count(), std::size_t{16});
        view.release();
        const auto expected = noise_tile(204);  // the fifth of slide2, after three of slide0
        QVERIFY(std::equal(expected.rgb.begin(), expected.rgb.end(), view.tile(7)));
        QVERIFY(!fs::exists(folder_ / "a.tiles.part"));
        QVERIFY(!fs::exists(folder_ / "a.tiles.journal"));
    }

    void groups_and_sources_are_left_out() {
        const auto pack = TilePack::open(write_pack(folder_ / "b.tiles"));
        const auto without_a = view_of({pack}, {"A"}), without_slide = view_of({pack}, {"slide2"});
        QCOMPARE(without_a.count(), std::size_t{8});
        QVERIFY(std::equal(without_a.tile(0), without_a.tile(0) + kSize * kSize * 3, noise_tile(300).rgb.begin()));
        QCOMPARE(without_slide.count(), std::size_t{11});
        QVERIFY(std::equal(without_slide.tile(3), without_slide.tile(3) + kSize * kSize * 3, noise_tile(300).rgb.begin()));
        QVERIFY(without_a.id() != without_slide.id() && without_a.id() != view_of({pack}).id());
        QCOMPARE(code_of([&] { view_of({pack}, {"A", "B"}); }), ErrorCode::BadInput);
    }

    void several_packs_are_one_view() {
        const auto a = TilePack::open(write_pack(folder_ / "c.tiles", 1)), b = TilePack::open(write_pack(folder_ / "d.tiles", 6));
        const auto view = view_of({a, b});
        QCOMPARE(view.count(), std::size_t{19});
        for (std::size_t i = 0; i < 16; ++i) QVERIFY(std::equal(view.tile(3 + i), view.tile(3 + i) + kSize * kSize * 3, b->tile(i)));
        TilePackWriter other(folder_ / "e.tiles", kSize + 1, 88.0, "key");
        other.close();
        QCOMPARE(code_of([&] { view_of({a, TilePack::open(folder_ / "e.tiles")}); }), ErrorCode::Mismatch);
    }

    void goes_on_where_it_stopped() {
        const auto whole = read_file(write_pack(folder_ / "whole.tiles"));
        for (const int stop_in : {0, 2, 3, 5}) {
            const auto path = folder_ / ("stopped" + std::to_string(stop_in));
            {
                TilePackWriter writer(path, kSize, 88.0, "key");
                QVERIFY(!cut(writer, 6, stop_in));
            }
            QVERIFY(!fs::exists(path));
            TilePackWriter writer(path, kSize, 88.0, "key");
            QCOMPARE(writer.runs().size(), static_cast<std::size_t>(stop_in));
            QVERIFY(cut(writer, 6));
            QVERIFY(read_file(path) == whole);
        }
    }

    void another_key_starts_again() {
        const auto path = folder_ / "key.tiles";
        {
            TilePackWriter writer(path, kSize, 88.0, "one");
            QVERIFY(!cut(writer, 6, 5));
        }
        TilePackWriter writer(path, kSize, 88.0, "two");
        QVERIFY(writer.runs().empty());
    }

    // What a power cut or a failing disk leaves of the journal does not stand in the way for ever: the tiles are cut again, to the same file.
    void a_damaged_journal_starts_again() {
        const auto whole = read_file(write_pack(folder_ / "whole2.tiles"));
        const auto path = folder_ / "journal.tiles", part = folder_ / "journal.tiles.part", journal = folder_ / "journal.tiles.journal";
        {
            TilePackWriter writer(path, kSize, 88.0, "key");
            QVERIFY(!cut(writer, 6, 5));
        }
        const auto pixels = read_file(part), sound = read_file(journal);
        const auto runs_after = [&](const std::string& text) {
            write_file(part, pixels);
            write_file(journal, text);
            return TilePackWriter(path, kSize, 88.0, "key").runs().size();
        };
        QCOMPARE(runs_after(sound), std::size_t{5});
        for (std::size_t i = 0; i < sound.size(); i += 3) {
            auto damaged = sound;
            damaged[i] = static_cast<char>(damaged[i] ^ 0x41);
            QVERIFY2(runs_after(damaged) == 0, std::to_string(i).c_str());
        }
        for (const std::size_t length : {std::size_t{0}, std::size_t{10}, std::size_t{64}, std::size_t{79}, std::size_t{80}, sound.size() - 1})
            QVERIFY2(runs_after(sound.substr(0, length)) == 0, std::to_string(length).c_str());
        QCOMPARE(runs_after(sound + "x"), std::size_t{0});
        write_file(part, pixels);
        write_file(journal, "not a journal");
        TilePackWriter writer(path, kSize, 88.0, "key");
        QVERIFY(cut(writer, 6));
        QVERIFY(read_file(path) == whole);
    }

    void malformed_behind_the_checksum_data() {
        using Spoil = std::function<void(std::string&)>;
        QTest::addColumn<Spoil>("spoil");
        QTest::addColumn<QString>("said");
        const auto row = [](const char* name, Spoil spoil, const char* said) { QTest::newRow(name) << spoil << QString(said); };
        // Six runs of 8 bytes of count, twice 2 bytes of length, "slide0" and "A".
        static constexpr std::size_t kTable = kPixels + 16 * kSize * kSize * 3, kRun = 19, kLast = kTable + 5 * kRun;
        row("more runs than the table has room for", [](auto& p) { put(p, kRuns, std::uint64_t{1} << 40); }, "cut off");
        row("a run more than there are", [](auto& p) { put(p, kRuns, std::uint64_t{7}); }, "cut off");
        row("a source's name that goes on behind the end", [](auto& p) { put(p, kLast + 8, std::uint16_t{60000}); }, "cut off");
        row("a group's name that goes on behind the end", [](auto& p) { put(p, kLast + 10, std::uint16_t{2}); }, "cut off");
        row("more tiles than there are", [](auto& p) { put(p, kTable, std::uint64_t{17}); }, "more tiles than there are");
        row("a sum of tiles that overflows", [](auto& p) { put(p, kTable, ~std::uint64_t{0}); }, "more tiles than there are");
        row("a tile without source", [](auto& p) { put(p, kTable, std::uint64_t{2}); }, "does not cover");
        row("a run less", [](auto& p) { put(p, kRuns, std::uint64_t{5}); }, "does not cover");
        row("no runs", [](auto& p) { put(p, kRuns, std::uint64_t{0}); }, "does not cover");
        row("bytes behind the last run", [](auto& p) { put(p, kTableBytes, 6 * kRun + 5), p += "12345"; }, "does not cover");
        row("a field that is no number", [](auto& p) { put(p, kField, std::nan("")); }, "no sensible size");
        row("a field without end", [](auto& p) { put(p, kField, std::numeric_limits<double>::infinity()); }, "no sensible size");
        row("a field of 0 µm", [](auto& p) { put(p, kField, 0.0); }, "no sensible size");
        row("a negative field", [](auto& p) { put(p, kField, -88.0); }, "no sensible size");
        row("tiles of 7 px", [](auto& p) { put(p, kSide, std::uint32_t{7}); }, "no sensible size");
        row("tiles of 4097 px", [](auto& p) { put(p, kSide, std::uint32_t{4097}); }, "no sensible size");
    }
    void malformed_behind_the_checksum() {
        QFETCH(std::function<void(std::string&)>, spoil);
        QFETCH(QString, said);
        auto data = read_file(write_pack(folder_ / "n.tiles"));
        const auto bad = folder_ / "bad.tiles";
        write_file(bad, sealed_again(data));
        QCOMPARE(TilePack::open(bad)->count(), std::uint64_t{16});  // nothing is wrong with the seal
        spoil(data);
        write_file(bad, sealed_again(data));
        try {
            TilePack::open(bad);
            QFAIL("was accepted");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::BadInput);
            QCOMPARE(error.path(), bad);
            QVERIFY2(QString::fromStdString(error.what()).contains(said), error.what());
        }
    }

    // Whatever byte of header or table is changed, and wherever the file is cut, it is refused; changed pixels are found by verify().
    void malformed() {
        const auto path = write_pack(folder_ / "m.tiles"), bad = folder_ / "bad.tiles";
        const auto good = read_file(path);
        const std::size_t pixels = 4096, table = pixels + 16 * kSize * kSize * 3;
        const auto opens = [&](const std::string& data) {
            std::ofstream(bad, std::ios::binary).write(data.data(), static_cast<std::streamsize>(data.size()));
            return code_of([&] { TilePack::open(bad); });
        };
        for (std::size_t i = 0; i < good.size(); i += i < 176 ? 1 : 97) {
            if (i >= 176 && i < table) continue;
            auto data = good;
            data[i] = static_cast<char>(data[i] ^ 0x41);
            const auto code = opens(data);
            QVERIFY2(code == ErrorCode::BadInput || code == ErrorCode::Unsupported, std::to_string(i).c_str());
        }
        for (const std::size_t length : {std::size_t{0}, std::size_t{7}, std::size_t{4095}, std::size_t{4096}, pixels + 5, table, good.size() - 1})
            QCOMPARE(opens(good.substr(0, length)), ErrorCode::BadInput);
        QCOMPARE(opens(good + "x"), ErrorCode::BadInput);
        auto huge = good;
        huge.replace(16, 8, std::string(8, '\xff'));  // count
        QCOMPARE(opens(huge), ErrorCode::BadInput);
        // A table of a gigabyte, all holes in the file, takes no memory.
        auto sparse = good.substr(0, table);
        const std::uint64_t length = std::uint64_t{1} << 30;
        std::memcpy(sparse.data() + 32, &length, sizeof length);
        opens(sparse);
        fs::resize_file(bad, table + length);
        QCOMPARE(code_of([&] { TilePack::open(bad); }), ErrorCode::BadInput);
        QVERIFY(peak_memory_bytes() < std::uint64_t{1} << 30);
        auto pixel = good;
        pixel[pixels + 100] = static_cast<char>(pixel[pixels + 100] ^ 1);
        std::ofstream(bad, std::ios::binary).write(pixel.data(), static_cast<std::streamsize>(pixel.size()));
        QCOMPARE(code_of([&] { TilePack::open(bad)->verify(); }), ErrorCode::BadInput);
        QCOMPARE(code_of([&] { TilePack::open(folder_ / "none"); }), ErrorCode::NotFound);
        QCOMPARE(code_of([&] { TilePack::open(folder_); }), ErrorCode::BadInput);
    }

    void a_full_disk_is_told_before() {
        try {
            require_space(folder_ / "not" / "there", std::uint64_t{1} << 60, "the tile pack");
            QFAIL("there is no such disk");
        } catch (const Error& error) {
            QVERIFY(std::string(error.what()).find("the tile pack needs 1152921504.6 GB") == 0);
        }
        require_space(folder_, 1, "the tile pack");
        require_space({}, 1, "the tile pack");  // here
    }

private:
    QTemporaryDir dir_;
    fs::path folder_;
};

QTEST_GUILESS_MAIN(TestTilePack)
#include "test_tile_pack.moc"
