// Tiles of one slide as QImages, read and converted by a few worker threads over a TileCache. Shared by the views of a slide.
//
// Each view states what it wants now, most wanted first; that replaces what it wanted before, so requests that left the view are
// never read. All public functions: GUI thread.
#pragma once

#include <QImage>
#include <QObject>
#include <QRectF>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "slide/slide.h"
#include "slide/tile_cache.h"

namespace c2l {

// A tile at full, half and quarter size, so that shrinking never skips pixels.
struct TileImage {
    std::array<QImage, 3> sizes;
    std::size_t bytes() const;
};

class TileLoader : public QObject {
    Q_OBJECT
public:
    static constexpr std::size_t kCacheBytes = std::size_t{96} << 20;   // decoded tiles
    static constexpr std::size_t kImageBytes = std::size_t{256} << 20;  // tiles as images
    static constexpr int kOverviewPx = 1024;

    explicit TileLoader(std::shared_ptr<const Slide> slide, std::size_t cache_bytes = kCacheBytes, std::size_t image_bytes = kImageBytes);
    ~TileLoader() override;  // waits for the tiles being read at this moment

    static int workers();  // threads that read: two, on larger machines up to four

    const std::shared_ptr<const Slide>& slide() const { return slide_; }
    const TileCache& cache() const { return *cache_; }

    // Null when it is not there yet. Marks the tile as used.
    const TileImage* find(const TileKey& key);
    bool has(const TileKey& key) const;
    void request(const void* view, std::vector<TileKey> wanted);
    void forget(const void* view);

    // Keys of the tiles of a level that touch a level-0 rectangle.
    std::vector<TileKey> tilesIn(int level, double x, double y, double w, double h) const;
    // Level-0 rectangle of a tile, cropped to the slide.
    QRectF tileRegion(const TileKey& key) const;

    QImage overview() const { return overview_; }  // whole slide, at most kOverviewPx; null until it is read
    std::size_t imageBytes() const { return image_bytes_; }
    std::size_t pending() const;  // requests not yet begun
    std::size_t tilesRead() const { return tiles_read_; }  // since the beginning

Q_SIGNALS:
    void tilesReady();
    void overviewReady();

private:
    struct Shared;
    struct Held;
    void collect();
    void evict();

    std::shared_ptr<const Slide> slide_;
    std::shared_ptr<TileCache> cache_;
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<Held> held_;
    QImage overview_;
    std::size_t image_bytes_ = 0;
    std::size_t tiles_read_ = 0;
    std::size_t image_capacity_;
};

}  // namespace c2l
