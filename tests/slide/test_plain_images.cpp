// JPEG, PNG and TIFF of every common kind: converted once, found again, refused when broken; small images in and out.
#include <png.h>
#include <tiffio.h>

#include <QImage>
#include <QImageWriter>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <cstdio>

#include "base/hash.h"
#include "slide/png.h"
#include "slide/row_source.h"
#include "slide/slide.h"
#include "slide/synthetic.h"

using namespace c2l;
using namespace c2l::test;
namespace fs = std::filesystem;

namespace {

constexpr int kWidth = 700, kHeight = 530;

QImage known_image() {
    const Image image = synthetic_image(kWidth, kHeight);
    return QImage(image.rgb.data(), kWidth, kHeight, kWidth * 3, QImage::Format_RGB888).copy();
}

// Largest difference from the known image, after `change` of each true value.
double worst_difference(const Slide& slide, const std::function<double(int x, int y, int c)>& expected) {
    const Image image = slide.read({0, 0, kWidth, kHeight}, kWidth, kHeight);
    double worst = 0;
    for (int y = 0; y < kHeight; ++y)
        for (int x = 0; x < kWidth; ++x)
            for (int c = 0; c < 3; ++c) worst = std::max(worst, std::abs(image.at(x, y)[c] - expected(x, y, c)));
    return worst;
}
double truth(int x, int y, int c) { return synthetic(x + 0.5, y + 0.5, c); }

struct TiffKind {
    int bits = 8, samples = 3, photometric = PHOTOMETRIC_RGB, planar = PLANARCONFIG_CONTIG, compression = COMPRESSION_NONE;
    bool one_strip = false, alpha = false;
    int tile = 0, orientation = 1;
    float per_cm = 0;
};

void write_tiff(const fs::path& path, const TiffKind& kind) {
    TIFF* t = TIFFOpen(path.c_str(), "w");
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, kWidth);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, kHeight);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, kind.bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, kind.samples);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, kind.photometric);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, kind.planar);
    TIFFSetField(t, TIFFTAG_COMPRESSION, kind.compression);
    TIFFSetField(t, TIFFTAG_ORIENTATION, kind.orientation);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, kind.one_strip ? kHeight : 16);
    if (kind.per_cm > 0) {
        TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
        TIFFSetField(t, TIFFTAG_XRESOLUTION, kind.per_cm);
        TIFFSetField(t, TIFFTAG_YRESOLUTION, kind.per_cm);
    }
    if (kind.alpha) {
        const std::uint16_t extra = EXTRASAMPLE_UNASSALPHA;
        TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &extra);
    }
    const auto value = [&](int x, int y, int c) {
        const double v = c == 3 ? 128 : truth(x, y, kind.samples == 1 ? 0 : c);
        return kind.photometric == PHOTOMETRIC_MINISWHITE ? 255 - v : v;
    };
    const int planes = kind.planar == PLANARCONFIG_SEPARATE ? kind.samples : 1, per_pixel = kind.samples / planes;
    std::vector<std::uint8_t> row(static_cast<std::size_t>(kWidth * per_pixel * kind.bits / 8));
    for (int plane = 0; plane < planes; ++plane)
        for (int y = 0; y < kHeight; ++y) {
            for (int x = 0; x < kWidth; ++x)
                for (int s = 0; s < per_pixel; ++s) {
                    const auto at = static_cast<std::size_t>(x * per_pixel + s);
                    const double v = value(x, y, plane + s);
                    if (kind.bits == 8) {
                        row[at] = static_cast<std::uint8_t>(std::lround(v));
                    } else {
                        const auto wide = static_cast<std::uint16_t>(std::lround(v * 257));
                        std::memcpy(row.data() + at * 2, &wide, 2);
                    }
                }
            TIFFWriteScanline(t, row.data(), static_cast<std::uint32_t>(y), static_cast<std::uint16_t>(plane));
        }
    TIFFClose(t);
}

void write_interlaced_png(const fs::path& path, const Image& image) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, 0, 0);
    png_set_pHYs(png, info, 2000000, 2000000, PNG_RESOLUTION_METER);  // 0.5 µm
    std::vector<png_bytep> rows;
    for (int y = 0; y < image.height; ++y) rows.push_back(const_cast<png_bytep>(image.at(0, y)));
    png_set_rows(png, info, rows.data());
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
    png_destroy_write_struct(&png, &info);
    std::fclose(file);
}

}  // namespace

class TestPlainImages : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;
    fs::path root_, cache_;
    OpenOptions options_;

    std::shared_ptr<const Slide> open(const fs::path& path) { return Slide::open(path, options_, {}); }
    fs::path save(const QImage& image, const char* name, int quality = 98) {
        const fs::path path = root_ / name;
        image.save(QString::fromStdString(path.string()), nullptr, quality);
        return path;
    }
    void refused(const fs::path& path) {
        for (const auto& call : {std::function<void()>([&] { open(path); }), std::function<void()>([&] { probe_slide(path); })}) {
            const auto error = error_of(call);
            QVERIFY2(error.has_value(), path.c_str());
            QVERIFY2(is_one_sentence(*error), error->line().c_str());
            QCOMPARE(error->path(), path);
        }
        QCOMPARE(files_in(cache_), 0);
    }

private Q_SLOTS:
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        root_ = folder_->path().toStdString();
        cache_ = root_ / "cache";
        options_ = {};
        options_.pyramid_cache = cache_;
    }

    void jpegIsConvertedOnceAndFoundAgain() {
        QImage image = known_image();
        image.setDotsPerMeterX(2000000);
        image.setDotsPerMeterY(2000000);
        const fs::path path = save(image, "a.jpg");
        const SlideInfo probed = probe_slide(path);
        QCOMPARE(probed.width, kWidth);
        QCOMPARE(probed.vendor, std::string("jpeg"));
        QVERIFY(probed.id.empty());
        QCOMPARE(files_in(cache_), 0);

        int progress = 0;
        JobContext ctx;
        ctx.on_progress = [&](const Progress&) { ++progress; };
        const auto slide = Slide::open(path, options_, ctx);
        QVERIFY(progress > 0);
        QCOMPARE(slide->info().id, sha256_file(path));
        QCOMPARE(slide->info().path, path);
        QCOMPARE(slide->info().vendor, std::string("jpeg"));
        QVERIFY(worst_difference(*slide, truth) <= 9);
        const fs::path kept = cache_ / (slide->info().id.substr(0, 16) + ".tif");
        QVERIFY(fs::exists(kept));
        QCOMPARE(files_in(cache_), 1);

        const std::string bytes = slurp(kept);
        progress = 0;
        QVERIFY(Slide::open(path, options_, ctx)->read_tile(0, 1, 1).rgb == slide->read_tile(0, 1, 1).rgb);
        QCOMPARE(progress, 0);
        // A copy elsewhere is the same content.
        fs::copy_file(path, root_ / "b.jpg");
        Slide::open(root_ / "b.jpg", options_, ctx);
        QCOMPARE(progress, 0);
        // A spoilt pyramid is made anew, to the same bytes.
        spill(kept, bytes.substr(0, bytes.size() / 3));
        Slide::open(path, options_, ctx);
        QVERIFY(progress > 0);
        QVERIFY(slurp(kept) == bytes);
        QCOMPARE(files_in(cache_), 1);
    }

    void knownIdSkipsHashing() {
        const fs::path path = save(known_image(), "a.png");
        options_.known_id = std::string(64, 'a');
        QCOMPARE(open(path)->info().id, *options_.known_id);
        QVERIFY(fs::exists(cache_ / "aaaaaaaaaaaaaaaa.tif"));
    }

    void screenResolutionIsNoScale_data() {
        QTest::addColumn<int>("per_metre");
        QTest::addColumn<double>("mpp");
        QTest::newRow("72 dpi") << 2835 << 0.0;
        QTest::newRow("96 dpi") << 3780 << 0.0;
        QTest::newRow("300 dpi") << 11811 << 0.0;
        QTest::newRow("0.5 um") << 2000000 << 0.5;
        QTest::newRow("1 um") << 1000000 << 1.0;
    }
    void screenResolutionIsNoScale() {
        QFETCH(int, per_metre);
        QFETCH(double, mpp);
        QImage image = known_image();
        image.setDotsPerMeterX(per_metre);
        image.setDotsPerMeterY(per_metre);
        const SlideInfo info = probe_slide(save(image, "scale.png"));
        QCOMPARE(info.mpp.value_or(0), mpp);
        QCOMPARE(info.issues.empty(), mpp > 0);
    }

    void pngKinds_data() {
        QTest::addColumn<int>("format");
        QTest::newRow("rgb") << int(QImage::Format_RGB888);
        QTest::newRow("grey") << int(QImage::Format_Grayscale8);
        QTest::newRow("grey16") << int(QImage::Format_Grayscale16);
        QTest::newRow("palette") << int(QImage::Format_Indexed8);
        QTest::newRow("rgba") << int(QImage::Format_RGBA8888);
        QTest::newRow("rgba16") << int(QImage::Format_RGBA64);
    }
    void pngKinds() {
        QFETCH(int, format);
        QImage image = known_image().convertToFormat(QImage::Format(format));
        const bool alpha = image.hasAlphaChannel();
        if (alpha)
            for (int y = 0; y < kHeight; ++y)
                for (int x = 0; x < kWidth; ++x) {
                    QColor colour = image.pixelColor(x, y);
                    colour.setAlpha(x < 350 ? 0 : 255);
                    image.setPixelColor(x, y, colour);
                }
        const auto slide = open(save(image, "kind.png"));
        const QImage shown = image.convertToFormat(QImage::Format_RGB888);
        const auto expected = [&](int x, int y, int c) -> double {
            if (alpha && x < 350) return 255;
            return shown.constScanLine(y)[x * 3 + c];
        };
        // An edge to white rings in JPEG, a dithered palette more so.
        double allowed = alpha ? 40 : format == int(QImage::Format_Indexed8) ? 60 : 5;
        QVERIFY(worst_difference(*slide, expected) <= allowed);
        QCOMPARE(slide->info().vendor, std::string("png"));
    }

    void interlacedPng() {
        const fs::path path = root_ / "interlaced.png";
        write_interlaced_png(path, synthetic_image(kWidth, kHeight));
        const auto slide = open(path);
        QVERIFY(worst_difference(*slide, truth) <= 5);
        QCOMPARE(slide->info().mpp.value(), 0.5);
    }

    void jpegKinds() {
        const fs::path grey = save(known_image().convertToFormat(QImage::Format_Grayscale8), "grey.jpg");
        const Image tile = open(grey)->read_tile(0, 0, 0);
        QVERIFY(std::abs(tile.at(9, 9)[0] - tile.at(9, 9)[2]) <= 2);
        const fs::path progressive = root_ / "progressive.jpg";
        QImageWriter writer(QString::fromStdString(progressive.string()), "jpeg");
        writer.setProgressiveScanWrite(true);
        writer.setQuality(98);
        QVERIFY(writer.write(known_image()));
        QVERIFY(worst_difference(*open(progressive), truth) <= 9);
    }

    // These kinds cannot be read in parts: too large a one is refused by its header, with the figures.
    void whatMustBeDecodedAsAWholeHasALimit() {
        QImageWriter writer(QString::fromStdString((root_ / "large.jpg").string()), "jpeg");
        writer.setProgressiveScanWrite(true);
        QVERIFY(writer.write(known_image()));
        std::string data = slurp(root_ / "large.jpg");
        const std::size_t frame = data.find("\xff\xc2");
        QVERIFY(frame != std::string::npos);
        data.replace(frame + 5, 4, std::string("\x75\x30\x75\x30", 4));  // 30,000 × 30,000
        spill(root_ / "large.jpg", data);
        std::FILE* file = std::fopen((root_ / "large.png").c_str(), "wb");
        png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
        png_infop info = png_create_info_struct(png);
        png_init_io(png, file);
        png_set_IHDR(png, info, 40000, 30000, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_ADAM7, 0, 0);
        png_write_info(png, info);
        png_write_chunk(png, reinterpret_cast<png_const_bytep>("IDAT"), reinterpret_cast<png_const_bytep>("none"), 4);
        png_destroy_write_struct(&png, &info);
        std::fclose(file);
        for (const auto& [name, kind, size] : {std::tuple{"large.jpg", "progressive JPEG", "30000 × 30000"}, {"large.png", "interlaced PNG", "40000 × 30000"}}) {
            const auto error = error_of([&] { open_rows(root_ / name); });
            QVERIFY(error && is_one_sentence(*error));
            const std::string said = error->what();
            QVERIFY2(said.find(kind) != std::string::npos && said.find(size) != std::string::npos && said.find(" GB") != std::string::npos, said.c_str());
        }
    }

    void turnedJpegIsReadAsStoredWithAnIssue() {
        std::string data = slurp(save(known_image(), "up.jpg"));
        const unsigned char exif[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0};
        data.insert(2, std::string(reinterpret_cast<const char*>(exif), sizeof exif));
        spill(root_ / "turned.jpg", data);
        const auto slide = open(root_ / "turned.jpg");
        QCOMPARE(slide->info().width, kWidth);
        QCOMPARE(slide->info().issues.size(), std::size_t{2});  // orientation, µm per pixel
        QVERIFY(slide->info().issues[0].text.find("orientation 6") != std::string::npos);
        QVERIFY(worst_difference(*slide, truth) <= 9);
    }

    void tiffKinds_data() {
        QTest::addColumn<QVariantList>("k");
        const auto row = [](const char* name, const TiffKind& k) {
            QTest::newRow(name) << QVariantList{k.bits, k.samples, k.photometric, k.planar, k.compression, k.one_strip, k.alpha, k.orientation, k.per_cm};
        };
        row("rgb", {});
        row("rgb lzw, one strip", {.compression = COMPRESSION_LZW, .one_strip = true});
        row("rgb16 deflate", {.bits = 16, .compression = COMPRESSION_ADOBE_DEFLATE});
        row("separate planes", {.planar = PLANARCONFIG_SEPARATE});
        row("grey", {.samples = 1, .photometric = PHOTOMETRIC_MINISBLACK});
        row("grey, min is white", {.samples = 1, .photometric = PHOTOMETRIC_MINISWHITE});
        row("grey16", {.bits = 16, .samples = 1, .photometric = PHOTOMETRIC_MINISBLACK});
        row("rgb alpha", {.samples = 4, .alpha = true});
        row("turned", {.planar = PLANARCONFIG_SEPARATE, .orientation = 3});
        row("with scale", {.per_cm = 14556});
    }
    void tiffKinds() {
        QFETCH(QVariantList, k);
        TiffKind kind{k[0].toInt(), k[1].toInt(), k[2].toInt(), k[3].toInt(), k[4].toInt(), k[5].toBool(), k[6].toBool(), 0, k[7].toInt(), k[8].toFloat()};
        const fs::path path = root_ / "kind.tiff";
        write_tiff(path, kind);
        const auto slide = open(path);
        QCOMPARE(slide->info().vendor, std::string("tiff"));
        const auto expected = [&](int x, int y, int c) {
            const double v = truth(x, y, kind.samples == 1 ? 0 : c);
            return kind.alpha ? v * 128 / 255 + 127 : v;
        };
        QVERIFY(worst_difference(*slide, expected) <= 6);
        QCOMPARE(slide->info().issues.size(), std::size_t(kind.orientation != 1) + std::size_t(kind.per_cm == 0));
        if (kind.per_cm > 0) QVERIFY(std::abs(*slide->info().mpp - 0.687) < 1e-4);
    }

    void brokenFilesAreRefused() {
        refused(root_ / "missing.jpg");
        fs::create_directory(root_ / "folder.jpg");
        refused(root_ / "folder.jpg");
        spill(root_ / "empty.svs", "");
        refused(root_ / "empty.svs");
        spill(root_ / "text.jpg", "This is not a picture, whatever its name says.\n");
        refused(root_ / "text.jpg");
        for (const char* magic : {"\xff\xd8\xff", "\xff\xd8\xff\xe0", "\x89PNG\r\n\x1a\n", "II+"}) {
            spill(root_ / "magic.png", magic);
            refused(root_ / "magic.png");
        }
        spill(root_ / "header.tif", std::string("II*\0\x08\0\0\0\x01\0", 10));
        refused(root_ / "header.tif");
    }

    // A header may be whole where the pixels are not: nothing half-converted stays behind.
    void truncatedImagesAreRefused() {
        TiffKind deflate;
        deflate.compression = COMPRESSION_ADOBE_DEFLATE;
        write_tiff(root_ / "whole.tif", deflate);
        for (const fs::path& whole : {save(known_image(), "whole.jpg"), save(known_image(), "whole.png"), root_ / "whole.tif"}) {
            const std::string data = slurp(whole);
            for (const double share : {0.01, 0.3, 0.7, 0.95}) {
                const fs::path cut = root_ / ("cut" + whole.extension().string());
                spill(cut, data.substr(0, static_cast<std::size_t>(share * static_cast<double>(data.size()))));
                const auto error = error_of([&] { open(cut); });
                QVERIFY2(error.has_value(), qPrintable(QString("%1 %2").arg(cut.c_str()).arg(share)));
                QVERIFY(is_one_sentence(*error));
                QCOMPARE(files_in(cache_), 0);
                QVERIFY(error_of([&] { read_image(cut); }).has_value());
            }
        }
        std::string noEnd = slurp(root_ / "whole.jpg");
        noEnd.resize(noEnd.size() - 2);
        spill(root_ / "cut.jpg", noEnd);
        QVERIFY(error_of([&] { open(root_ / "cut.jpg"); }).has_value());
    }

    void stoppingLeavesNothing() {
        const fs::path path = save(known_image(), "a.png");
        std::stop_source stop;
        JobContext ctx;
        ctx.stop = stop.get_token();
        ctx.on_progress = [&](const Progress&) { stop.request_stop(); };
        const auto error = error_of([&] { Slide::open(path, options_, ctx); });
        QVERIFY(error && error->code() == ErrorCode::Stopped);
        QCOMPARE(files_in(cache_), 0);
    }

    void pngRoundTrip() {
        const Image image = synthetic_image(123, 45);
        const fs::path path = root_ / "deep" / "out.png";
        write_png(path, image, {{"Title", "a map"}, {"Unit", "µm"}});
        const Image back = read_image(path);
        QVERIFY(back.width == image.width && back.height == image.height && back.rgb == image.rgb);
        const QImage seen(QString::fromStdString(path.string()));
        QCOMPARE(seen.text("Title"), QString("a map"));
        QCOMPARE(seen.text("Unit"), QString::fromUtf8("µm"));
        QCOMPARE(files_in(root_ / "deep"), 1);
        const auto tooLarge = error_of([&] { read_image(path, 123 * 45 - 1); });
        QVERIFY(tooLarge && tooLarge->code() == ErrorCode::Unsupported);
        QVERIFY(error_of([&] { write_png(root_ / "none.png", Image()); }).has_value());
        QVERIFY(error_of([&] { write_png("/proc/none/x.png", image); }).has_value());
    }
};

QTEST_GUILESS_MAIN(TestPlainImages)
#include "test_plain_images.moc"
