// Capacity, order of eviction, one decode for many threads, placeholders.
#include <QTest>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "base/random.h"
#include "slide/synthetic.h"
#include "slide/tile_cache.h"

using namespace c2l;
using namespace c2l::test;

namespace {

// 64 × 64 tiles whose first pixel tells their key; tile (7, 7) cannot be read.
class CountingSlide final : public Slide {
public:
    CountingSlide() {
        info_.width = info_.height = 64 * kTilePx - 56;
        info_.levels = {{info_.width, info_.height, 1.0}};
    }
    Image read(const Region&, int w, int h) const override { return Image(w, h); }
    Image associated(const std::string&) const override { throw Error(ErrorCode::NotFound, "none"); }
    Image read_tile(int level, std::int64_t tx, std::int64_t ty) const override {
        ++reads;
        if (delay_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
        if (level != 0 || (tx == 7 && ty == 7)) throw Error(ErrorCode::BadInput, "cannot be decoded");
        Image image(kTilePx, kTilePx);
        image.rgb[0] = static_cast<std::uint8_t>(tx);
        image.rgb[1] = static_cast<std::uint8_t>(ty);
        return image;
    }
    mutable std::atomic<int> reads{0};
    int delay_ms = 0;
};

constexpr std::size_t kTileBytes = 256 * 256 * 3;

}  // namespace

class TestTileCache : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void findNeverReads() {
        const auto slide = std::make_shared<CountingSlide>();
        TileCache cache(slide, 10 * kTileBytes);
        QVERIFY(!cache.find({0, 1, 2}));
        QCOMPARE(slide->reads.load(), 0);
        const auto tile = cache.get({0, 1, 2});
        QCOMPARE(cache.find({0, 1, 2}), tile);
        QCOMPARE(cache.get({0, 1, 2}), tile);
        QCOMPARE(slide->reads.load(), 1);
        QCOMPARE(&cache.slide(), static_cast<const Slide*>(slide.get()));
    }

    void leastRecentlyUsedGoesFirst() {
        const auto slide = std::make_shared<CountingSlide>();
        TileCache cache(slide, 3 * kTileBytes + 1000);
        for (int i = 0; i < 3; ++i) cache.get({0, i, 0});
        QVERIFY(cache.find({0, 0, 0}) != nullptr);  // touched: now 1 is the oldest
        cache.get({0, 3, 0});
        QVERIFY(cache.find({0, 0, 0}) != nullptr);
        QVERIFY(cache.find({0, 1, 0}) == nullptr);
        QVERIFY(cache.find({0, 2, 0}) != nullptr);
    }

    void capacityHolds() {
        const auto slide = std::make_shared<CountingSlide>();
        TileCache cache(slide, 5 * kTileBytes);
        Random random(5);
        for (int i = 0; i < 300; ++i) {
            const auto tx = random.below(12), ty = random.below(6);
            const auto tile = cache.get({0, tx, ty});
            QCOMPARE(int(tile->rgb[0]), int(tx));
            QCOMPARE(int(tile->rgb[1]), int(ty));
            QVERIFY(cache.bytes() <= cache.capacity());
        }
        TileCache narrow(slide, 10);  // smaller than any tile: holds the last one
        narrow.get({0, 1, 1});
        narrow.get({0, 2, 1});
        QVERIFY(narrow.find({0, 2, 1}) && !narrow.find({0, 1, 1}));
    }

    void manyThreadsDecodeOnce() {
        const auto slide = std::make_shared<CountingSlide>();
        slide->delay_ms = 60;
        TileCache cache(slide, 100 * kTileBytes);
        std::vector<std::jthread> threads;
        std::atomic<int> wrong{0};
        for (int t = 0; t < 12; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 3; ++i)
                    if (cache.get({0, i, 4})->rgb[0] != i) ++wrong;
            });
        threads.clear();
        QCOMPARE(wrong.load(), 0);
        QCOMPARE(slide->reads.load(), 3);
    }

    void threadsUnderPressure() {
        const auto slide = std::make_shared<CountingSlide>();
        TileCache cache(slide, 4 * kTileBytes);
        std::vector<std::jthread> threads;
        std::atomic<int> wrong{0};
        for (int t = 0; t < 6; ++t)
            threads.emplace_back([&, t] {
                Random random(static_cast<std::uint64_t>(t));
                for (int i = 0; i < 150; ++i) {
                    const auto tx = random.below(10), ty = random.below(3);
                    const auto tile = cache.get({0, tx, ty});
                    if (tile->rgb[0] != tx || tile->rgb[1] != ty || cache.bytes() > cache.capacity()) ++wrong;
                    if (const auto found = cache.find({0, ty, tx}); found && found->rgb[0] != ty) ++wrong;
                }
            });
        threads.clear();
        QCOMPARE(wrong.load(), 0);
    }

    void unreadableTilesAreGreyAndCounted() {
        const auto slide = std::make_shared<CountingSlide>();
        TileCache cache(slide, 100 * kTileBytes);
        const auto tile = cache.get({0, 7, 7});
        QCOMPARE(tile->width, 256);
        QVERIFY(std::set<std::uint8_t>(tile->rgb.begin(), tile->rgb.end()).size() == 1);
        QCOMPARE(cache.unreadable(), std::size_t{1});
        cache.get({0, 7, 7});
        QCOMPARE(slide->reads.load(), 1);  // not tried again while it is held
        for (const TileKey& key : {TileKey{5, 0, 0}, TileKey{-1, 3, 3}, TileKey{9, -4, 1}}) QCOMPARE(cache.get(key)->width, 256);
        QCOMPARE(cache.unreadable(), std::size_t{4});
    }
};

QTEST_GUILESS_MAIN(TestTileCache)
#include "test_tile_cache.moc"
