// Tiled TIFFs of every kind, read block by block: the pixels, the levels and the scale.
#include <QTemporaryDir>
#include <QTest>
#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>

#include "base/random.h"
#include "slide/jp2k_encoder.h"
#include "slide/slide.h"
#include "slide/synthetic.h"
#include "slide/tiff_writer.h"
#include "slide/tile_encoder.h"

using namespace c2l;
using namespace c2l::test;
namespace fs = std::filesystem;

namespace {

constexpr int kWidth = 331, kHeight = 237;  // no multiple of the tile

double worst(const Image& image, const std::function<int(int x, int y, int c)>& expected) {
    double most = 0;
    for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
            for (int c = 0; c < 3; ++c) most = std::max(most, std::abs(double(image.at(x, y)[c]) - expected(x, y, c)));
    return most;
}

Image whole(const Slide& slide) {
    const auto w = static_cast<int>(slide.info().width), h = static_cast<int>(slide.info().height);
    return slide.read({0, 0, double(w), double(h)}, w, h);
}

}  // namespace

class TestTiffSlide : public QObject {
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
        options_ = {};
        options_.pyramid_cache = fs::path(folder_.path().toStdString()) / "cache";
        fs::remove_all(options_.pyramid_cache);
    }

    void exactKinds_data() {
        QTest::addColumn<QVariantList>("k");
        const auto row = [](const char* name, const TiffKind& k) {
            QTest::newRow(name) << QVariantList{k.bits, k.channels, k.photometric, k.planar, k.compression, k.predictor, k.alpha, k.tile};
        };
        row("raw", {});
        row("lzw", {.compression = COMPRESSION_LZW});
        row("lzw predicted", {.compression = COMPRESSION_LZW, .predictor = 2});
        row("deflate", {.compression = COMPRESSION_ADOBE_DEFLATE});
        row("deflate predicted", {.compression = COMPRESSION_ADOBE_DEFLATE, .predictor = 2});
        row("packbits", {.compression = COMPRESSION_PACKBITS});
        if (TIFFIsCODECConfigured(COMPRESSION_ZSTD)) row("zstd predicted", {.compression = COMPRESSION_ZSTD, .predictor = 2});
        if (TIFFIsCODECConfigured(COMPRESSION_LZMA)) row("lzma", {.compression = COMPRESSION_LZMA});
        row("separate planes", {.planar = PLANARCONFIG_SEPARATE, .compression = COMPRESSION_LZW});
        row("large tiles", {.compression = COMPRESSION_LZW, .tile = 512});
        row("grey", {.channels = 1, .photometric = PHOTOMETRIC_MINISBLACK});
        row("grey, 0 is white", {.channels = 1, .photometric = PHOTOMETRIC_MINISWHITE});
        row("grey, 16 bits", {.bits = 16, .channels = 1, .photometric = PHOTOMETRIC_MINISBLACK, .compression = COMPRESSION_LZW});
        row("rgb, 16 bits", {.bits = 16, .compression = COMPRESSION_ADOBE_DEFLATE, .predictor = 2});
        row("two channels", {.channels = 2, .photometric = PHOTOMETRIC_MINISBLACK, .compression = COMPRESSION_LZW});
        row("two channels, separate", {.channels = 2, .photometric = PHOTOMETRIC_MINISBLACK, .planar = PLANARCONFIG_SEPARATE});
        row("grey with alpha", {.channels = 2, .photometric = PHOTOMETRIC_MINISBLACK, .alpha = EXTRASAMPLE_UNASSALPHA});
        row("rgb with alpha", {.channels = 4, .compression = COMPRESSION_LZW, .alpha = EXTRASAMPLE_UNASSALPHA});
        row("five channels", {.channels = 5, .compression = COMPRESSION_LZW});
    }
    // Every pixel is the one written, whichever region it is read in.
    void exactKinds() {
        QFETCH(QVariantList, k);
        const TiffKind kind{.bits = k[0].toInt(),
                            .channels = k[1].toInt(),
                            .photometric = k[2].toInt(),
                            .planar = k[3].toInt(),
                            .compression = k[4].toInt(),
                            .predictor = k[5].toInt(),
                            .alpha = k[6].toInt(),
                            .tile = k[7].toInt()};
        const bool grey = kind.photometric != PHOTOMETRIC_RGB, alpha = kind.alpha >= 0;
        write_tiff(path_, kWidth, kHeight, kind, plain(kind.bits));
        const auto slide = open(path_);
        QCOMPARE(slide->info().width, kWidth);
        QCOMPARE(slide->info().height, kHeight);
        QCOMPARE(slide->info().levels.size(), std::size_t{1});
        QCOMPARE(files_in(options_.pyramid_cache), 0);  // read in place
        const bool extra = !alpha && kind.channels > (grey ? 1 : 3);
        QCOMPARE(slide->info().issues.size(), std::size_t(1 + extra + (kind.bits == 16)));  // µm/px are always missing here
        const Image all = whole(*slide);
        const auto expected = [&](int x, int y, int c) {
            const int v = shade(0, x, y, grey ? 0 : c);
            if (kind.photometric == PHOTOMETRIC_MINISWHITE) return 255 - v;
            if (!alpha) return v;
            const int a = shade(0, x, y, grey ? 1 : 3);
            return (v * a + 255 * (255 - a) + 127) / 255;
        };
        QCOMPARE(worst(all, expected), 0.0);
        Random random(5);
        for (int i = 0; i < 25; ++i) {
            const auto w = static_cast<int>(random.below(kWidth) + 1), h = static_cast<int>(random.below(kHeight) + 1);
            const auto x = static_cast<int>(random.below(kWidth - w + 1)), y = static_cast<int>(random.below(kHeight - h + 1));
            const Image part = slide->read({double(x), double(y), double(w), double(h)}, w, h);
            QCOMPARE(worst(part, [&](int i2, int j, int c) { return all.at(x + i2, y + j)[c]; }), 0.0);
        }
    }

    // Pixels are shown as stored, whatever the tag asks for: spots refer to them.
    void orientation_data() {
        QTest::addColumn<int>("tag");
        for (int tag = 1; tag <= 8; ++tag) QTest::addRow("%d", tag) << tag;
    }
    void orientation() {
        QFETCH(int, tag);
        for (const int compression : {COMPRESSION_LZW, COMPRESSION_JPEG}) {
            write_tiff(path_, kWidth, kHeight,
                       {.photometric = compression == COMPRESSION_JPEG ? PHOTOMETRIC_YCBCR : PHOTOMETRIC_RGB,
                        .compression = compression,
                        .orientation = tag},
                       plain());
            const auto slide = open(path_);
            QCOMPARE(slide->info().width, kWidth);
            QVERIFY(worst(whole(*slide), [](int x, int y, int c) { return shade(0, x, y, c); }) <=
                    (compression == COMPRESSION_JPEG ? 6 : 0));
            const auto& issues = slide->info().issues;
            const bool said = std::any_of(issues.begin(), issues.end(),
                                          [](const Issue& issue) { return issue.text.find("orientation") != std::string::npos; });
            QCOMPARE(said, tag > 1);
        }
    }

    void jpegKinds_data() {
        QTest::addColumn<int>("photometric");
        QTest::addColumn<int>("subsampling");
        QTest::addColumn<int>("channels");
        QTest::addColumn<int>("planar");
        QTest::newRow("ycbcr") << int(PHOTOMETRIC_YCBCR) << 1 << 3 << int(PLANARCONFIG_CONTIG);
        QTest::newRow("ycbcr, subsampled") << int(PHOTOMETRIC_YCBCR) << 2 << 3 << int(PLANARCONFIG_CONTIG);
        QTest::newRow("rgb") << int(PHOTOMETRIC_RGB) << 1 << 3 << int(PLANARCONFIG_CONTIG);
        QTest::newRow("rgb, separate planes") << int(PHOTOMETRIC_RGB) << 1 << 3 << int(PLANARCONFIG_SEPARATE);
        QTest::newRow("grey") << int(PHOTOMETRIC_MINISBLACK) << 1 << 1 << int(PLANARCONFIG_CONTIG);
    }
    void jpegKinds() {  // libtiff writes them with shared tables
        QFETCH(int, photometric);
        QFETCH(int, subsampling);
        QFETCH(int, channels);
        QFETCH(int, planar);
        write_tiff(path_, kWidth, kHeight,
                   {.channels = channels,
                    .photometric = photometric,
                    .planar = planar,
                    .compression = COMPRESSION_JPEG,
                    .subsampling = subsampling},
                   plain());
        const auto slide = open(path_);
        QVERIFY(worst(whole(*slide), [&](int x, int y, int c) { return shade(0, x, y, channels == 1 ? 0 : c); }) <= 7);
    }

    // Tagged RGB, but the JPEG data says that it is YCbCr: libtiff and OpenSlide show it in false colours or refuse it.
    void wronglyTaggedJpeg() {
        write_raw_tiff(path_, kWidth, kHeight, {.compression = COMPRESSION_JPEG}, [](int tx, int ty) {
            const auto rgb = synthetic_tile(64, tx, ty);
            return encode_jpeg_tile(rgb.data(), 64, 64, 64 * 3, 97);
        });
        QVERIFY(worst(whole(*open(path_)), [](int x, int y, int c) { return shade(0, x, y, c); }) <= 7);
    }

    void jpeg2000_data() {
        QTest::addColumn<int>("compression");
        QTest::newRow("aperio rgb") << 33005;
        QTest::newRow("aperio ycbcr") << 33003;
        QTest::newRow("plain") << 34712;
    }
    void jpeg2000() {
        QFETCH(int, compression);
        std::string bytes;
        write_raw_tiff(path_, kWidth, kHeight, {.compression = COMPRESSION_NONE}, [&](int tx, int ty) {
            auto rgb = synthetic_tile(64, tx, ty);
            if (compression == 33003)
                for (std::size_t i = 0; i < rgb.size(); i += 3) {  // grey in YCbCr: the colours come from the first channel alone
                    rgb[i + 1] = rgb[i + 2] = 128;
                }
            return encode_jp2k(rgb.data(), 64);
        });
        std::string data = slurp(path_);  // libtiff has no encoder, and refuses the tag
        const std::string none("\x03\x01\x03\x00\x01\x00\x00\x00\x01\x00", 10);
        const auto at = data.find(none);
        QVERIFY(at != std::string::npos);
        data[at + 8] = static_cast<char>(compression & 255);
        data[at + 9] = static_cast<char>(compression >> 8);
        spill(path_, data);
        const auto slide = open(path_);
        QCOMPARE(worst(whole(*slide), [&](int x, int y, int c) { return shade(0, x, y, compression == 33003 ? 0 : c); }), 0.0);
    }

    void pyramids_data() {
        QTest::addColumn<bool>("sub_ifds");
        QTest::addColumn<int>("tile");
        QTest::newRow("pages") << false << 64;
        QTest::newRow("sub-directories") << true << 64;
        QTest::newRow("strips") << false << 0;
        QTest::newRow("strips, sub-directories") << true << 0;
    }
    void pyramids() {
        QFETCH(bool, sub_ifds);
        QFETCH(int, tile);
        const int width = 1000, height = 700;
        write_tiff(path_, width, height, {.compression = COMPRESSION_ADOBE_DEFLATE, .tile = tile, .levels = 4, .sub_ifds = sub_ifds},
                   plain());
        const auto slide = open(path_);
        QCOMPARE(files_in(options_.pyramid_cache), 0);
        QCOMPARE(slide->info().levels.size(), std::size_t{4});
        for (int level = 0; level < 4; ++level) {
            const Level& l = slide->info().levels[std::size_t(level)];
            QCOMPARE(l.downsample, double(1 << level));
            for (std::int64_t ty = 0; ty * Slide::kTilePx < l.height; ++ty)
                for (std::int64_t tx = 0; tx * Slide::kTilePx < l.width; ++tx) {
                    const Image image = slide->read_tile(level, tx, ty);
                    QCOMPARE(worst(image, [&](int x, int y, int c) { return shade(level, int(tx) * 256 + x, int(ty) * 256 + y, c); }), 0.0);
                }
        }
        // Any region at any level's own scale equals the crop of that level.
        Random random(8);
        for (int i = 0; i < 30; ++i) {
            const auto level = static_cast<int>(random.below(4));
            const Level& l = slide->info().levels[std::size_t(level)];
            const auto w = static_cast<int>(random.below(l.width / 2) + 1), h = static_cast<int>(random.below(l.height / 2) + 1);
            const auto x = static_cast<int>(random.below(l.width - w)), y = static_cast<int>(random.below(l.height - h));
            const double d = l.downsample;
            const Image part = slide->read({x * d, y * d, w * d, h * d}, w, h);
            QCOMPARE(worst(part, [&](int i2, int j, int c) { return shade(level, x + i2, y + j, c); }), 0.0);
        }
    }

    // Without levels, a large file gets its pyramid once, and stays itself in all else.
    void missingPyramidIsMadeOnce() {
        const int width = 8500, height = 90;
        write_tiff(path_, width, height, {.compression = COMPRESSION_LZW, .orientation = 3, .tile = 128, .per_cm = 20000}, plain());
        QCOMPARE(probe_slide(path_).levels.size(), std::size_t{1});
        int progress = 0;
        JobContext ctx;
        ctx.on_progress = [&](const Progress&) { ++progress; };
        const auto slide = Slide::open(path_, options_, ctx);
        QVERIFY(progress > 0);
        QCOMPARE(slide->info().levels.size(), std::size_t{5});
        QCOMPARE(slide->info().mpp.value(), 0.5);
        QCOMPARE(slide->info().issues.size(), std::size_t{1});
        QCOMPARE(slide->info().path, path_);
        QVERIFY(worst(slide->read({8000, 0, 256, 90}, 256, 90), [](int x, int y, int c) { return shade(0, 8000 + x, y, c); }) <= 6);
        progress = 0;
        Slide::open(path_, options_, ctx);
        QCOMPARE(progress, 0);
    }

    void scales_data() {
        QTest::addColumn<QString>("description");
        QTest::addColumn<float>("per_cm");
        QTest::addColumn<int>("unit");
        QTest::addColumn<double>("mpp");
        const auto ome = [](const char* attributes) {
            return QString(
                       "<?xml version=\"1.0\"?><!-- <Pixels PhysicalSizeX=\"9\"/> --><OME xmlns=\"x\"><Image ID=\"Image:0\"><Pixels %1 "
                       "ID=\"Pixels:0\"/></Image></OME>")
                .arg(attributes);
        };
        QTest::newRow("centimetre") << "" << 20000.F << int(RESUNIT_CENTIMETER) << 0.5;
        QTest::newRow("inch") << "" << 50800.F << int(RESUNIT_INCH) << 0.5;
        QTest::newRow("screen") << "" << 72.F << int(RESUNIT_INCH) << 0.0;
        QTest::newRow("ome") << ome("PhysicalSizeX=\"0.25\" PhysicalSizeY=\"0.25\"") << 0.F << 0 << 0.25;
        QTest::newRow("ome before tag") << ome("PhysicalSizeX=\"0.25\" PhysicalSizeY=\"0.25\"") << 20000.F << int(RESUNIT_CENTIMETER)
                                        << 0.25;
        QTest::newRow("ome nm") << ome("PhysicalSizeX='250' PhysicalSizeXUnit='nm' PhysicalSizeY='250' PhysicalSizeYUnit='nm'") << 0.F << 0
                                << 0.25;
        QTest::newRow("ome mm") << ome("PhysicalSizeX=\"5e-4\" PhysicalSizeXUnit=\"mm\" PhysicalSizeY=\"5e-4\" PhysicalSizeYUnit=\"mm\"")
                                << 0.F << 0 << 0.5;
        QTest::newRow("ome entity")
            << ome("PhysicalSizeX=\"0.5\" PhysicalSizeXUnit=\"&#181;m\" PhysicalSizeY=\"0.5\" PhysicalSizeYUnit=\"&#xB5;m\"") << 0.F << 0
            << 0.5;
        QTest::newRow("ome pixel") << ome("PhysicalSizeX=\"1\" PhysicalSizeXUnit=\"pixel\" PhysicalSizeY=\"1\" PhysicalSizeYUnit=\"pixel\"")
                                   << 0.F << 0 << 0.0;
        QTest::newRow("ome cut") << QString("<?xml version=\"1.0\"?><OME><Image><Pixels PhysicalSizeX=\"0.2") << 0.F << 0 << 0.0;
        QTest::newRow("imagej") << "ImageJ=1.53t\nimages=1\nunit=micron\n" << 2.F << int(RESUNIT_NONE) << 0.5;
    }
    void scales() {
        QFETCH(QString, description);
        QFETCH(float, per_cm);
        QFETCH(int, unit);
        QFETCH(double, mpp);
        write_tiff(path_, 80, 70, {.description = description.toStdString(), .per_cm = per_cm, .resolution_unit = float(unit)}, plain());
        QCOMPARE(probe_slide(path_).mpp.value_or(0), mpp);
    }

    void manyThreadsReadTheSame() {
        for (const int compression : {COMPRESSION_LZW, COMPRESSION_JPEG}) {  // libtiff's handles, and none
            write_tiff(path_, 1400, 900,
                       {.photometric = compression == COMPRESSION_JPEG ? PHOTOMETRIC_YCBCR : PHOTOMETRIC_RGB,
                        .compression = compression,
                        .tile = 240,
                        .levels = 3},
                       plain());
            const auto slide = open(path_);
            std::vector<std::tuple<int, int, int>> keys;
            std::vector<Image> serial;
            for (int level = 0; level < 3; ++level)
                for (int ty = 0; ty * 256 < 900 >> level; ++ty)
                    for (int tx = 0; tx * 256 < 1400 >> level; ++tx) keys.emplace_back(level, tx, ty);
            for (const auto& [level, tx, ty] : keys) serial.push_back(slide->read_tile(level, tx, ty));
            const auto again = open(path_);
            std::atomic<int> wrong{0};
            std::vector<std::jthread> threads;
            for (int t = 0; t < 8; ++t)
                threads.emplace_back([&, t] {
                    for (std::size_t i = 0; i < 2 * keys.size(); ++i) {
                        const std::size_t at = (i * 7 + static_cast<std::size_t>(t) * 5) % keys.size();
                        const auto& [level, tx, ty] = keys[at];
                        if (again->read_tile(level, tx, ty).rgb != serial[at].rgb) ++wrong;
                    }
                });
            threads.clear();
            QCOMPARE(wrong.load(), 0);
        }
    }
};

QTEST_GUILESS_MAIN(TestTiffSlide)
#include "test_tiff_slide.moc"
