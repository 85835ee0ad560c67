// Tiles of one slide as QImages, read and converted by a few worker threads over a TileCache. Shared by the views of a slide.
//
// Each view states what it wants now, most wanted first; that replaces what it wanted before, so requests that left the view are
// never read. A look recolours tiles and overview after they are read, for showing alone; tiles of the looks before stay at hand.
// All public functions: GUI thread.
#pragma once

#include <QImage>
#include <QObject>
#include <QRectF>
#include <cstddef>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "slide/slide.h"
#include "slide/stain_transform.h"
#include "slide/tile_cache.h"
#include "ui/viewer/tile_image.h"

namespace c2l {

struct LookedTile {
    StainLook look;
    TileKey tile;
    auto operator<=>(const LookedTile&) const = default;
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

    // Takes effect at once; where it needs the slide's own stain, once that has been estimated (lookFailed: it could not be).
    void setLook(const StainLook& look);
    const StainLook& look() const { return look_; }  // of the tiles given out
    bool isEstimating() const { return estimating_; }
    const StainProfile* profile() const { return profile_.get(); }  // null until a look needed it

    // Null when it is not there yet. Marks the tile as used.
    const TileImage* find(const TileKey& key);
    bool has(const TileKey& key) const;
    void request(const void* view, std::vector<TileKey> wanted);
    void forget(const void* view);

    // Keys of the tiles of a level that touch a level-0 rectangle.
    std::vector<TileKey> tilesIn(int level, double x, double y, double w, double h) const;
    // Level-0 rectangle of a tile, cropped to the slide.
    QRectF tileRegion(const TileKey& key) const;

    QImage overview() const { return overview_; }  // whole slide, at most kOverviewPx; null until it is read, in the look before until it is read again
    bool isOverviewCurrent() const { return !overview_.isNull() && overview_look_ == look_; }
    std::size_t imageBytes() const { return image_bytes_; }
    std::size_t imageCapacity() const { return image_capacity_; }
    std::size_t pending() const;  // requests not yet begun
    std::size_t tilesRead() const { return tiles_read_; }  // since the beginning

Q_SIGNALS:
    void tilesReady();
    void overviewReady();
    void lookChanged();  // what was asked for must be asked for again
    void lookFailed(const QString& why);
    void tilesUnreadable();  // once, when the first one could not be read: it and others stay grey

private:
    struct Shared;
    struct Held;
    void work(std::stop_token stop);
    void readOverview(std::unique_lock<std::mutex>& lock);
    void estimate(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
    void readTile(std::unique_lock<std::mutex>& lock, const TileKey& key);
    void adopt(const StainLook& look);
    void collect();
    void evict();

    std::shared_ptr<const Slide> slide_;
    std::shared_ptr<TileCache> cache_;
    std::unique_ptr<Shared> shared_;
    std::unique_ptr<Held> held_;
    QImage overview_;
    StainLook look_, wanted_look_, overview_look_;
    std::shared_ptr<const StainProfile> profile_;
    bool estimating_ = false, told_unreadable_ = false;
    std::size_t image_bytes_ = 0;
    std::size_t tiles_read_ = 0;
    std::size_t image_capacity_;
};

}  // namespace c2l
