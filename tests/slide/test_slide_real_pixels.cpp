// Real files pixel for pixel, each against a decoder that shares none of our code: libtiff's own reading, or Qt's.
#include <tiffio.h>

#include <QImage>
#include <QTemporaryDir>
#include <QTest>
#include <cstring>

#include "real_data.h"
#include "slide/level_slide.h"
#include "slide/row_source.h"
#include "slide/slide.h"
#include "slide/tiff_handle.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

// Pixels of the blocks of a directory as libtiff decodes them, compared with the same place of a level. Returns the blocks compared.
int compare_level(TIFF* tiff, const LevelSlide& slide, int level, int& different) {
    std::uint32_t width = 0, height = 0, block_width = 0, block_height = 0;
    std::uint16_t channels = 1;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &block_width);
    TIFFGetField(tiff, TIFFTAG_TILELENGTH, &block_height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &channels);
    const Level& l = slide.info().levels.at(static_cast<std::size_t>(level));
    if (l.width != width || l.height != height) return 0;
    std::vector<std::uint8_t> samples(static_cast<std::size_t>(TIFFTileSize(tiff)));
    int blocks = 0;
    for (std::uint32_t y = 0; y < height; y += block_height)
        for (std::uint32_t x = 0; x < width; x += block_width, ++blocks) {
            if (TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, 0), samples.data(), TIFFTileSize(tiff)) < 0) return 0;
            const Image ours = slide.read_patch(level, x, y, int(std::min(block_width, width - x)), int(std::min(block_height, height - y)));
            for (int row = 0; row < ours.height; ++row)
                for (int column = 0; column < ours.width; ++column)
                    for (int c = 0; c < 3; ++c) {
                        const std::size_t at = (std::size_t(row) * block_width + std::size_t(column)) * channels + std::size_t(channels == 1 ? 0 : c);
                        different += ours.at(column, row)[c] != samples[at];
                    }
        }
    return blocks;
}

const LevelSlide& levels_of(const Slide& slide) { return dynamic_cast<const LevelSlide&>(slide); }

// All rows of a plain image.
Image rows_of(RowSource& rows) {
    Image out(int(rows.width), int(rows.height));
    for (int y = 0; y < out.height; ++y) rows.read(1, out.at(0, y));
    return out;
}

// A copy of the picture in the pyramid is JPEG of quality 95: near, and in its place.
double mean_difference(const Slide& slide, const Image& exact) {
    double sum = 0;
    for (int y = 0; y < exact.height; y += 500) {
        const int rows = std::min(500, exact.height - y);
        const Image ours = levels_of(slide).read_patch(0, 0, y, exact.width, rows);
        for (std::size_t i = 0; i < ours.rgb.size(); ++i) sum += std::abs(ours.rgb[i] - exact.at(0, y)[i]);
    }
    return sum / double(exact.rgb.size());
}

}  // namespace

class TestSlideRealPixels : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    OpenOptions options_;

private Q_SLOTS:
    void initTestCase() {
        options_.pyramid_cache = folder_.path().toStdString();
        TIFFSetWarningHandler(nullptr);
        TIFFSetErrorHandler(nullptr);
    }

    void everyLevelAgainstLibtiff_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("levels");
        QTest::newRow("zstd") << "generic_tiff/largeimage_yb10kx5k.zstd.tiff" << 5;
        QTest::newRow("grey jpeg tiles") << "generic_tiff/largeimage_test_orient1.tif" << 3;
        QTest::newRow("deflate, boxes") << "openslide_python/boxes.tiff" << 4;
        QTest::newRow("deflate, pathml") << "generic_tiff/pathml_small_HE_levels.tiff" << 4;
    }
    void everyLevelAgainstLibtiff() {
        QFETCH(QString, name);
        QFETCH(int, levels);
        C2L_REAL_DATA(folder, "data/slides");
        const auto slide = Slide::open(folder / name.toStdString(), options_, {});
        std::string message;
        const TiffHandle tiff = open_tiff(folder / name.toStdString(), "r", message);
        QVERIFY(tiff);
        QCOMPARE(int(slide->info().levels.size()), levels);
        for (int level = 0; level < levels; ++level) {
            int different = 0;
            QVERIFY(TIFFSetDirectory(tiff.get(), static_cast<tdir_t>(level)));
            QVERIFY(compare_level(tiff.get(), levels_of(*slide), level, different) > 0);
            QCOMPARE(different, 0);
        }
    }

    void greyStripsAgainstLibtiff() {
        C2L_REAL_DATA(path, "data/slides/generic_tiff/largeimage_grey10kx5k.tif");
        std::string message;
        const TiffHandle tiff = open_tiff(path, "r", message);
        QVERIFY(tiff);
        Image exact(10000, 5000);
        std::vector<std::uint8_t> grey(10000);
        for (int y = 0; y < exact.height; ++y) {
            QVERIFY(TIFFReadScanline(tiff.get(), grey.data(), std::uint32_t(y)) == 1);
            for (int x = 0; x < exact.width; ++x) std::memset(exact.at(x, y), grey[std::size_t(x)], 3);
        }
        QVERIFY(rows_of(*open_rows(path)).rgb == exact.rgb);
        QVERIFY(mean_difference(*Slide::open(path, options_, {}), exact) < 1);
    }

    // Tagged RGB, the tiles are YCbCr: with the tag put right in a copy, libtiff reads it, too.
    void omeTiffAgainstLibtiffWithTheTagPutRight() {
        C2L_REAL_DATA(path, "data/slides/ome_tiff/OS-1-detail.ome.tif");
        const auto slide = Slide::open(path, options_, {});
        const fs::path copy = fs::path(folder_.path().toStdString()) / "right.tif";
        fs::copy_file(path, copy);
        fs::permissions(copy, fs::perms::owner_write, fs::perm_options::add);
        std::string message;
        {
            const TiffHandle wrong = open_tiff(copy, "r+", message);
            QVERIFY(wrong);
            QVERIFY(TIFFSetField(wrong.get(), TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_YCBCR));
            QVERIFY(TIFFRewriteDirectory(wrong.get()));
        }
        const TiffHandle tiff = open_tiff(copy, "r", message);
        QVERIFY(tiff);
        QVERIFY(TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB));
        int different = 0;
        QCOMPARE(compare_level(tiff.get(), levels_of(*slide), 0, different), 9);
        QCOMPARE(different, 0);
    }

    void plainImagesAgainstQt_data() {
        QTest::addColumn<QString>("name");
        QTest::newRow("jpeg") << "data/tiles/single/stardist_histo.jpg";
        QTest::newRow("png") << "data/slides/openslide_python/boxes.png";
    }
    void plainImagesAgainstQt() {
        QFETCH(QString, name);
        const fs::path path = c2l::test::shared_data(name.toStdString());
        if (!fs::exists(path)) QSKIP(qPrintable("SKIPPED: " + name + " is not at hand (set C2L_SHARED)"));
        const QImage theirs = QImage(QString::fromStdString(path.string())).convertToFormat(QImage::Format_RGB888);
        Image exact(theirs.width(), theirs.height());
        for (int y = 0; y < exact.height; ++y) std::memcpy(exact.at(0, y), theirs.constScanLine(y), std::size_t(exact.width) * 3);
        QVERIFY(!exact.empty());
        QVERIFY(rows_of(*open_rows(path)).rgb == exact.rgb);
        QVERIFY(mean_difference(*Slide::open(path, options_, {}), exact) < 2);
    }
};

QTEST_GUILESS_MAIN(TestSlideRealPixels)
#include "test_slide_real_pixels.moc"
