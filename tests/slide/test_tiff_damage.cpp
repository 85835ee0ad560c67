// Tiles that are missing, foreign or damaged.
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "slide/slide.h"
#include "slide/synthetic.h"
#include "slide/tiff_writer.h"
#include "slide/tile_encoder.h"

using namespace c2l;
using namespace c2l::test;
namespace fs = std::filesystem;

namespace {

Image whole(const Slide& slide) {
    const auto w = static_cast<int>(slide.info().width), h = static_cast<int>(slide.info().height);
    return slide.read({0, 0, double(w), double(h)}, w, h);
}

}  // namespace

class TestTiffDamage : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    fs::path path_;
    OpenOptions options_;

    std::shared_ptr<const Slide> open(const fs::path& path) { return Slide::open(path, options_, {}); }

private Q_SLOTS:
    void init() {
        TIFFSetWarningHandler(nullptr);
        TIFFSetErrorHandler(nullptr);
        path_ = fs::path(folder_.path().toStdString()) / "slide.tif";
        options_.pyramid_cache = fs::path(folder_.path().toStdString()) / "cache";
    }

    void missingTilesAreWhite() {
        write_raw_tiff(path_, 256, 128, {.compression = COMPRESSION_JPEG, .tile = 128}, [](int tx, int ty) {
            const auto rgb = synthetic_tile(128, tx, ty);
            return tx == 0 ? encode_jpeg_tile(rgb.data(), 128, 128, 128 * 3, 97) : std::vector<std::uint8_t>();
        });
        const Image image = whole(*open(path_));
        QVERIFY(std::all_of(image.at(128, 5), image.at(128, 5) + 3 * 100, [](std::uint8_t v) { return v == 255; }));
        QVERIFY(image.at(20, 5)[0] != 255);
    }

    void foreignTilesAreRefused() {
        const auto refused = [&](int side, int channels_of_data) {
            write_raw_tiff(path_, 128, 128, {.compression = COMPRESSION_JPEG, .tile = 64}, [&](int, int) {
                const std::vector<std::uint8_t> rgb(static_cast<std::size_t>(side * side * 3), 90);
                auto data = encode_jpeg_tile(rgb.data(), side, side, static_cast<std::size_t>(side) * 3, 90);
                if (channels_of_data == 0) data.resize(data.size() / 2);
                return data;
            });
            const auto error = error_of([&] { open(path_); });
            return error.has_value() && is_one_sentence(*error);
        };
        QVERIFY(refused(72, 3));  // larger than the tile it fills
        QVERIFY(refused(1024, 3));
        QVERIFY(refused(64, 0));  // cut
        QVERIFY(!refused(64, 3));
    }

    // Bytes anywhere may be wrong; the worst that happens is an Error, and memory stays small.
    // A thousand bytes that claim four billion: refused before anybody takes the memory.
    void impossibleTagsAreRefused() {
        for (const bool big : {false, true}) {
            TiffKind kind;
            kind.big = big;
            write_tiff(path_, 64, 64, kind, plain());
            QVERIFY(open(path_));
            std::string bytes = read_file(path_);
            const std::size_t word = big ? 8 : 4, entry = big ? 20 : 12;
            const auto number = [&](std::size_t at, std::size_t n) {
                std::uint64_t v = 0;
                for (std::size_t i = n; i-- > 0;) v = v << 8 | static_cast<unsigned char>(bytes[at + i]);
                return v;
            };
            const std::size_t directory = number(big ? 8 : 4, word);
            bytes[directory + (big ? 8 : 2) + entry + 4 + 3] = '\x7f';  // the count of its second entry
            write_file(path_, bytes);
            try {
                open(path_);
                QFAIL("accepted");
            } catch (const Error& error) {
                QVERIFY2(std::string(error.what()).find("claims more than the file holds") != std::string::npos, error.what());
            }
        }
    }

    // OpenSlide takes the memory of a whole tile, and ends the program when there is not so much.
    void impossibleTilesAreRefused() {
        write_tiff(path_, 64, 64, {}, plain());
        std::string bytes = read_file(path_);
        const std::string tile_length("\x43\x01", 2);  // tag 323
        const std::size_t at = bytes.rfind(tile_length);
        QVERIFY(at != std::string::npos);
        bytes.replace(at + 2, 10, std::string("\x04\x00\x01\x00\x00\x00\x38\x00\x00\x5b", 10));  // one LONG
        write_file(path_, bytes);
        try {
            open(path_);
            QFAIL("accepted");
        } catch (const Error& error) {
            QVERIFY2(std::string(error.what()).find("which no slide has") != std::string::npos, error.what());
        }
    }

    void randomDamageNeverCrashes_data() {
        QTest::addColumn<int>("compression");
        QTest::addColumn<bool>("sub_ifds");
        for (const int compression : {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_JPEG, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_ZSTD}) {
            if (!TIFFIsCODECConfigured(static_cast<std::uint16_t>(compression))) continue;
            QTest::addRow("%d pages", compression) << compression << false;
            QTest::addRow("%d sub", compression) << compression << true;
        }
    }
    void randomDamageNeverCrashes() {
        QFETCH(int, compression);
        QFETCH(bool, sub_ifds);
        write_tiff(path_, 300, 200,
                   {.photometric = compression == COMPRESSION_JPEG ? PHOTOMETRIC_YCBCR : PHOTOMETRIC_RGB,
                    .compression = compression,
                    .levels = 3,
                    .sub_ifds = sub_ifds,
                    .description = "<OME><Pixels PhysicalSizeX=\"1\"/></OME>"},
                   plain());
        const std::string good = slurp(path_);
        Random random(17);
        for (int k = 0; k < 60; ++k) {
            std::string data = good;
            if (k % 5 == 4) data.resize(static_cast<std::size_t>(random.below(static_cast<std::int64_t>(data.size()))));
            for (int i = 0; i < 1 + k % 12 && !data.empty(); ++i) {
                // The directories are where a wrong byte tells most; libtiff writes them behind the pixels.
                const auto span = static_cast<std::int64_t>(k % 3 ? std::min<std::size_t>(900, data.size()) : data.size());
                data[data.size() - 1 - static_cast<std::size_t>(random.below(span))] = static_cast<char>(random.below(256));
            }
            spill(path_, data);
            const auto error = error_of([&] {
                const SlideInfo info = probe_slide(path_);
                if (info.width * info.height < 4'000'000) open(path_)->overview(100);
            });
            if (error) QVERIFY(is_one_sentence(*error));
        }
    }
};

QTEST_GUILESS_MAIN(TestTiffDamage)
#include "test_tiff_damage.moc"
