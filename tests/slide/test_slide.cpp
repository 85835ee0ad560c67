// Geometry and refusals of the OpenSlide back end, on pyramids whose every pixel is known.
#include <QTemporaryDir>
#include <QTest>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "base/random.h"
#include "slide/pyramid.h"
#include "slide/slide.h"
#include "slide/synthetic.h"

using namespace c2l;
using namespace c2l::test;
namespace fs = std::filesystem;

namespace {

constexpr int kWidth = 2311, kHeight = 1790;  // odd, and no multiple of the tile
constexpr int kJpegError = 5;

std::uint8_t bright_or_white(int x, int y, int c) {
    if (x < 0 || y < 0 || x >= kWidth || y >= kHeight) return 255;
    return static_cast<std::uint8_t>(std::lround(synthetic(x + 0.5, y + 0.5, c)));
}

}  // namespace

class TestSlide : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    fs::path path_;
    OpenOptions options_;
    std::shared_ptr<const Slide> slide_;

private Q_SLOTS:
    void initTestCase() {
        options_.pyramid_cache = fs::path(folder_.path().toStdString()) / "cache";
        path_ = fs::path(folder_.path().toStdString()) / "known.tif";
        write_synthetic_pyramid(path_, kWidth, kHeight, 0.687);
        slide_ = Slide::open(path_, options_, {});
    }

    void levelsHalveAndKeepTheirScale() {
        const SlideInfo& info = slide_->info();
        QCOMPARE(info.width, kWidth);
        QCOMPARE(info.height, kHeight);
        QCOMPARE(info.vendor, std::string("generic-tiff"));
        QCOMPARE(info.levels.size(), std::size_t{3});
        for (std::size_t i = 0; i < info.levels.size(); ++i) {
            const std::int64_t factor = std::int64_t{1} << i;
            QCOMPARE(info.levels[i].downsample, double(factor));
            QCOMPARE(info.levels[i].width, (kWidth + factor - 1) / factor);
            QCOMPARE(info.levels[i].height, (kHeight + factor - 1) / factor);
        }
        QCOMPARE(info.mpp.value(), 0.687);
        QVERIFY(!info.mpp_from_user);
        QVERIFY(info.issues.empty());
        QCOMPARE(info.id.size(), std::size_t{64});
    }

    void mppComesBack_data() {
        QTest::addColumn<double>("mpp");
        for (const double mpp : {0.1, 0.25, 0.2527, 0.499, 0.5, 1.0, 2.5, 19.0}) QTest::addRow("%g", mpp) << mpp;
    }
    void mppComesBack() {
        QFETCH(double, mpp);
        const fs::path path = fs::path(folder_.path().toStdString()) / "mpp.tif";
        write_synthetic_pyramid(path, 40, 30, mpp);
        QVERIFY(std::abs(probe_slide(path).mpp.value() - mpp) < 2e-6);
    }

    void missingMppIsAnIssue() {
        const fs::path path = fs::path(folder_.path().toStdString()) / "none.tif";
        write_synthetic_pyramid(path, 300, 40, std::nullopt);
        const auto slide = Slide::open(path, options_, {});
        QVERIFY(!slide->info().mpp);
        QCOMPARE(slide->info().issues.size(), std::size_t{1});
        OpenOptions options = options_;
        options.mpp = 0.5;
        const auto given = Slide::open(path, options, {});
        QCOMPARE(given->info().mpp.value(), 0.5);
        QVERIFY(given->info().mpp_from_user && given->info().issues.empty());
        for (const double bad : {0.0, -1.0, 1e9, std::nan("")}) {
            options.mpp = bad;
            QVERIFY(error_of([&] { Slide::open(path, options, {}); }).has_value());
        }
    }

    void tinyImagesHaveOneLevel() {
        const fs::path path = fs::path(folder_.path().toStdString()) / "one.tif";
        write_synthetic_pyramid(path, 1, 1, 0.5);
        const auto slide = Slide::open(path, options_, {});
        QCOMPARE(slide->info().levels.size(), std::size_t{1});
        QCOMPARE(slide->read_tile(0, 0, 0).width, 1);
    }

    // read() at scale 1 gives the pixels that the tiles give, wherever the region lies.
    void wholePixelsAreExact() {
        Random random(7);
        for (int k = 0; k < 40; ++k) {
            const auto x = random.below(kWidth + 400) - 200, y = random.below(kHeight + 400) - 200;
            const int w = 1 + static_cast<int>(random.below(300)), h = 1 + static_cast<int>(random.below(300));
            const Image image = slide_->read({double(x), double(y), double(w), double(h)}, w, h);
            QCOMPARE(image.width, w);
            QCOMPARE(image.height, h);
            for (int trial = 0; trial < 200; ++trial) {
                const int i = static_cast<int>(random.below(w)), j = static_cast<int>(random.below(h));
                const int px = static_cast<int>(x) + i, py = static_cast<int>(y) + j;
                for (int c = 0; c < 3; ++c) QVERIFY2(std::abs(image.at(i, j)[c] - bright_or_white(px, py, c)) <= kJpegError, qPrintable(QString("%1,%2").arg(px).arg(py)));
            }
        }
    }

    void tilesAssembleToTheRegion() {
        const Image all = slide_->read({0, 0, double(kWidth), double(kHeight)}, kWidth, kHeight);
        for (int ty = 0; ty * Slide::kTilePx < kHeight; ++ty)
            for (int tx = 0; tx * Slide::kTilePx < kWidth; ++tx) {
                const Image tile = slide_->read_tile(0, tx, ty);
                QCOMPARE(tile.width, std::min(Slide::kTilePx, kWidth - tx * Slide::kTilePx));
                QCOMPARE(tile.height, std::min(Slide::kTilePx, kHeight - ty * Slide::kTilePx));
                for (int y = 0; y < tile.height; ++y)
                    QVERIFY(std::equal(tile.at(0, y), tile.at(0, y) + tile.width * 3, all.at(tx * Slide::kTilePx, ty * Slide::kTilePx + y)));
            }
    }

    void coarseTilesLieWhereTheyBelong() {
        for (int level = 1; level < 3; ++level) {
            const Level& l = slide_->info().levels[std::size_t(level)];
            for (std::int64_t ty = 0; ty * Slide::kTilePx < l.height; ++ty)
                for (std::int64_t tx = 0; tx * Slide::kTilePx < l.width; ++tx) {
                    const Image tile = slide_->read_tile(level, tx, ty);
                    for (int y = 1; y < tile.height - 1; y += 13)
                        for (int x = 1; x < tile.width - 1; x += 13)
                            for (int c = 0; c < 3; ++c) {
                                const double expected = synthetic((double(tx * Slide::kTilePx + x) + 0.5) * l.downsample, (double(ty * Slide::kTilePx + y) + 0.5) * l.downsample, c);
                                QVERIFY(std::abs(tile.at(x, y)[c] - expected) <= kJpegError + 1);
                            }
                }
        }
    }

    // Any region, any scale: a pixel's value is that of its centre (the image is smooth), never shifted.
    void regionsKeepTheirPlaceAtEveryScale() {
        Random random(11);
        for (int k = 0; k < 60; ++k) {
            const double scale = std::exp(random.uniform(std::log(0.2), std::log(9.0)));
            const int out = 40 + static_cast<int>(random.below(60));
            const double side = out * scale;
            if (side > kHeight - 10) continue;
            const double x = random.uniform(1, kWidth - side - 2), y = random.uniform(1, kHeight - side - 2);
            const Image image = slide_->read({x, y, side, side}, out, out);
            double worst = 0, bias = 0;
            for (int j = 0; j < out; ++j)
                for (int i = 0; i < out; ++i)
                    for (int c = 0; c < 3; ++c) {
                        const double difference = image.at(i, j)[c] - synthetic(x + (i + 0.5) * scale, y + (j + 0.5) * scale, c);
                        worst = std::max(worst, std::abs(difference));
                        bias += difference / (out * out * 3.0);
                    }
            QVERIFY2(worst <= kJpegError + 2, qPrintable(QString("scale %1: off by %2").arg(scale).arg(worst)));
            QVERIFY(std::abs(bias) < 1);
        }
    }

    void halfPixelOriginsAreMeans() {
        const Image whole = slide_->read({100, 200, 3, 1}, 3, 1), half = slide_->read({100.5, 200, 2, 1}, 2, 1);
        for (int i = 0; i < 2; ++i)
            for (int c = 0; c < 3; ++c) QVERIFY(std::abs(half.at(i, 0)[c] - (whole.at(i, 0)[c] + whole.at(i + 1, 0)[c]) / 2.0) <= 0.5);
    }

    void shrinkingIsTheAreaMean() {
        const int n = 6;
        const Image fine = slide_->read({301, 203, 3.0 * n, 3.0 * n}, 3 * n, 3 * n);
        // Scale 1.5 reads level 0 with half weights at every third pixel.
        const Image coarse = slide_->read({301, 203, 3.0 * n, 3.0 * n}, 2 * n, 2 * n);
        const double weights[2][3] = {{1, 0.5, 0}, {0, 0.5, 1}};
        for (int j = 0; j < 2 * n; ++j)
            for (int i = 0; i < 2 * n; ++i)
                for (int c = 0; c < 3; ++c) {
                    double sum = 0;
                    for (int b = 0; b < 3; ++b)
                        for (int a = 0; a < 3; ++a) sum += weights[i % 2][a] * weights[j % 2][b] * fine.at(i / 2 * 3 + a, j / 2 * 3 + b)[c];
                    QVERIFY(std::abs(coarse.at(i, j)[c] - sum / 2.25) <= 0.51);
                }
    }

    void outsideIsWhite() {
        for (const Region& r : {Region{-500, -500, 100, 100}, Region{kWidth + 1.0, 0, 50, 50}, Region{1e15, -1e15, 300, 300}, Region{-1e18, 5, 10, 10}}) {
            const Image image = slide_->read(r, 20, 20);
            QVERIFY(std::all_of(image.rgb.begin(), image.rgb.end(), [](std::uint8_t v) { return v == 255; }));
        }
        // A pixel that lies half outside is half white.
        const Image edge = slide_->read({-1, 100, 2, 2}, 1, 1);
        const double inside = (synthetic(0.5, 101, 0) + 255) / 2;
        QVERIFY(std::abs(edge.at(0, 0)[0] - inside) <= kJpegError);
    }

    void senselessRequestsAreRefused() {
        const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
        for (const Region& r : {Region{nan, 0, 1, 1}, Region{0, 0, inf, 1}, Region{0, 0, 0, 5}, Region{0, 0, -4, 5}})
            QVERIFY(error_of([&] { slide_->read(r, 10, 10); }).has_value());
        QVERIFY(error_of([&] { slide_->read({0, 0, 10, 10}, 0, 10); }).has_value());
        QVERIFY(error_of([&] { slide_->read({0, 0, 10, 10}, 1 << 20, 1 << 20); }).has_value());
        QVERIFY(error_of([&] { slide_->read_tile(3, 0, 0); }).has_value());
        QVERIFY(error_of([&] { slide_->read_tile(-1, 0, 0); }).has_value());
        QVERIFY(error_of([&] { slide_->read_tile(0, 10, 0); }).has_value());
        QVERIFY(error_of([&] { slide_->read_tile(0, 0, -1); }).has_value());
        QVERIFY(error_of([&] { slide_->read_tile(0, std::numeric_limits<std::int64_t>::max(), 0); }).has_value());
        const auto missing = error_of([&] { slide_->associated("label"); });
        QVERIFY(missing && missing->code() == ErrorCode::NotFound);
    }

    void overviewFits() {
        const Image overview = slide_->overview(500);
        QCOMPARE(overview.width, 500);
        QCOMPARE(overview.height, 387);
        QCOMPARE(slide_->overview(1 << 20).width, kWidth);  // never enlarged
        QCOMPARE(slide_->overview(1).height, 1);
    }

    void manyThreadsReadTheSame() {
        const Image expected = slide_->read({333, 444, 500, 400}, 250, 200);
        std::vector<std::jthread> threads;
        std::atomic<int> wrong{0};
        for (int t = 0; t < 8; ++t)
            threads.emplace_back([&] {
                for (int k = 0; k < 5; ++k)
                    if (slide_->read({333, 444, 500, 400}, 250, 200).rgb != expected.rgb) ++wrong;
            });
        threads.clear();
        QCOMPARE(wrong.load(), 0);
    }

    void oneDamagedTileCostsOneTile() {
        std::string data = slurp(path_);
        const std::size_t first = data.find("\xff\xd8\xff");
        QVERIFY(first != std::string::npos);
        std::fill_n(data.begin() + static_cast<std::ptrdiff_t>(first), 700, '\0');
        const fs::path path = fs::path(folder_.path().toStdString()) / "damaged.tif";
        spill(path, data);
        const auto slide = Slide::open(path, options_, {});
        for (int k = 0; k < 3; ++k) {
            const auto error = error_of([&] { slide->read_tile(0, 0, 0); });
            QVERIFY(error && is_one_sentence(*error));
            QCOMPARE(slide->read_tile(0, 1, 1).rgb, slide_->read_tile(0, 1, 1).rgb);
        }
    }

    void truncatedPyramidsAreRefused() {
        const std::string data = slurp(path_);
        const fs::path path = fs::path(folder_.path().toStdString()) / "cut.tif";
        for (const double share : {0.001, 0.1, 0.5, 0.9, 0.999}) {
            spill(path, data.substr(0, static_cast<std::size_t>(share * static_cast<double>(data.size()))));
            const auto error = error_of([&] { Slide::open(path, options_, {}); });
            QVERIFY2(error.has_value(), qPrintable(QString::number(share)));
            QVERIFY(is_one_sentence(*error));
            QVERIFY(error_of([&] { probe_slide(path); }).has_value());
        }
        QCOMPARE(files_in(options_.pyramid_cache), 0);
    }

    // Bytes anywhere may be wrong; the worst that happens is an Error.
    void randomDamageNeverCrashes() {
        const std::string good = slurp(path_);
        const fs::path path = fs::path(folder_.path().toStdString()) / "fuzz.tif";
        Random random(3);
        for (int k = 0; k < 60; ++k) {
            std::string data = good;
            const bool tail = k % 2 == 0;  // the directories lie among and after the tiles
            for (int i = 0; i < 20; ++i) {
                const auto span = tail ? std::min<std::int64_t>(2000, static_cast<std::int64_t>(data.size())) : static_cast<std::int64_t>(data.size());
                data[data.size() - 1 - static_cast<std::size_t>(random.below(span))] = static_cast<char>(random.below(256));
            }
            spill(path, data);
            const auto error = error_of([&] { Slide::open(path, options_, {})->overview(200); });
            if (error) QVERIFY(!std::string(error->what()).empty());
        }
    }

    void pyramidWriterLeavesNothingBehind() {
        QTemporaryDir folder;
        const fs::path out = fs::path(folder.path().toStdString()) / "p.tif";
        const auto reader = [](std::int64_t row, int rows, std::uint8_t* rgb) {
            if (row > 300) throw Error(ErrorCode::BadInput, "the rows end here");
            std::fill_n(rgb, rows * 700 * 3, std::uint8_t{90});
        };
        const auto error = error_of([&] { write_pyramid(out, 700, 2000, 0.5, reader, {}); });
        QVERIFY(error && std::string(error->what()) == "the rows end here");
        std::stop_source stop;
        JobContext ctx;
        ctx.stop = stop.get_token();
        ctx.on_progress = [&](const Progress& p) {
            QCOMPARE(p.step, std::string("convert"));
            stop.request_stop();
        };
        const auto stopped = error_of([&] { write_pyramid(out, 700, 290, 0.5, reader, ctx); });
        QVERIFY(stopped && stopped->code() == ErrorCode::Stopped);
        for (const auto& [w, h] : {std::pair<std::int64_t, std::int64_t>{0, 5}, {5, -1}, {std::int64_t{1} << 40, 10}, {10, kMaxSlideSide + 1}})
            QVERIFY(error_of([&, w = w, h = h] { write_pyramid(out, w, h, 0.5, reader, {}); }).has_value());
        QVERIFY(error_of([&] { write_pyramid(out, 10, 10, 0.0, reader, {}); }).has_value());
        QCOMPARE(files_in(folder.path().toStdString()), 0);
    }
};

QTEST_GUILESS_MAIN(TestSlide)
#include "test_slide.moc"
