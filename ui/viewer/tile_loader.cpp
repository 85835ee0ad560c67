#include "ui/viewer/tile_loader.h"

#include <QMetaObject>
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "base/error.h"

namespace c2l {

namespace {

// The painter comes first: where cores are few, reading tiles must not take its time slices.
void yield_to_painting() {
#ifdef __linux__
    setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 5);  // of this thread alone
#endif
}

QImage to_qimage(const Image& image) {
    if (image.empty()) return {};
    QImage out(image.width, image.height, QImage::Format_RGB32);
    for (int y = 0; y < image.height; ++y) {
        const std::uint8_t* from = image.at(0, y);
        auto* to = reinterpret_cast<QRgb*>(out.scanLine(y));
        for (int x = 0; x < image.width; ++x, from += 3) to[x] = qRgb(from[0], from[1], from[2]);
    }
    return out;
}

// Mean of 2 × 2 pixels; an odd last row or column is averaged with itself.
QImage halved(const QImage& image) {
    const int w = (image.width() + 1) / 2, h = (image.height() + 1) / 2;
    QImage out(w, h, QImage::Format_RGB32);
    for (int y = 0; y < h; ++y) {
        const auto* a = reinterpret_cast<const QRgb*>(image.constScanLine(2 * y));
        const auto* b = reinterpret_cast<const QRgb*>(image.constScanLine(std::min(2 * y + 1, image.height() - 1)));
        auto* to = reinterpret_cast<QRgb*>(out.scanLine(y));
        for (int x = 0; x < w; ++x) {
            const int l = 2 * x, r = std::min(2 * x + 1, image.width() - 1);
            to[x] = qRgb((qRed(a[l]) + qRed(a[r]) + qRed(b[l]) + qRed(b[r]) + 2) / 4,
                         (qGreen(a[l]) + qGreen(a[r]) + qGreen(b[l]) + qGreen(b[r]) + 2) / 4,
                         (qBlue(a[l]) + qBlue(a[r]) + qBlue(b[l]) + qBlue(b[r]) + 2) / 4);
        }
    }
    return out;
}

TileImage to_tile(const Image& image) {
    TileImage tile;
    tile.sizes[0] = to_qimage(image);
    if (tile.sizes[0].isNull()) return tile;
    tile.sizes[1] = halved(tile.sizes[0]);
    tile.sizes[2] = halved(tile.sizes[1]);
    return tile;
}

}  // namespace

std::size_t TileImage::bytes() const {
    std::size_t sum = 0;
    for (const QImage& image : sizes) sum += static_cast<std::size_t>(image.sizeInBytes());
    return sum;
}

// What the workers and the GUI thread share.
struct TileLoader::Shared {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::map<const void*, std::vector<TileKey>> wanted;  // per view, most wanted last
    const void* served = nullptr;                        // view served last: views take turns
    std::set<TileKey> reading;
    std::map<TileKey, TileImage> done;
    QImage overview;
    bool overview_taken = false;
    bool overview_done = false;
    bool announced = false;  // a collect() is on its way
    std::vector<std::jthread> workers;

    // The next tile, views in turn; false when nothing is wanted.
    bool take(TileKey& key) {
        for (auto& [view, keys] : wanted) {  // what is being read or done already needs no second reading
            while (!keys.empty() && (reading.count(keys.back()) || done.count(keys.back()))) keys.pop_back();
        }
        auto next = wanted.upper_bound(served);
        for (std::size_t i = 0; i < wanted.size(); ++i, ++next) {
            if (next == wanted.end()) next = wanted.begin();
            if (next->second.empty()) continue;
            key = next->second.back();
            next->second.pop_back();
            served = next->first;
            reading.insert(key);
            return true;
        }
        return false;
    }
};

// What the GUI thread holds.
struct TileLoader::Held {
    struct Entry {
        TileImage image;
        std::uint64_t used = 0;
    };
    std::map<TileKey, Entry> tiles;
    std::map<const void*, std::set<TileKey>> named;  // by the views' last requests: never evicted
    std::uint64_t clock = 0;

    bool isNamed(const TileKey& key) const {
        return std::any_of(named.begin(), named.end(), [&](const auto& view) { return view.second.count(key) > 0; });
    }
};

TileLoader::TileLoader(std::shared_ptr<const Slide> slide, std::size_t cache_bytes, std::size_t image_bytes)
    : slide_(std::move(slide)),
      cache_(std::make_shared<TileCache>(slide_, cache_bytes)),
      shared_(std::make_unique<Shared>()),
      held_(std::make_unique<Held>()),
      image_capacity_(image_bytes) {
    const auto announce = [this](std::unique_lock<std::mutex>& lock) {
        const bool first = !std::exchange(shared_->announced, true);
        lock.unlock();
        if (first)
            QMetaObject::invokeMethod(
                this, [this] { collect(); }, Qt::QueuedConnection);
    };
    const auto read_overview = [this, announce] {
        QImage image;
        try {
            image = to_qimage(slide_->overview(kOverviewPx));
        } catch (const std::exception&) {
            // The slide stays usable without its map; tiles that cannot be read are counted by the cache.
        }
        std::unique_lock lock(shared_->mutex);
        shared_->overview = image;
        shared_->overview_done = true;
        announce(lock);
    };
    const auto read_tile = [this](const TileKey& key) {
        try {
            return to_tile(*cache_->get(key));
        } catch (const std::exception&) {  // out of memory: a grey tile, and the program goes on
            TileImage grey;
            grey.sizes.fill(QImage(1, 1, QImage::Format_RGB32));
            for (QImage& image : grey.sizes) image.fill(Qt::lightGray);
            return grey;
        }
    };
    const auto work = [this, announce, read_overview, read_tile](std::stop_token stop) {
        yield_to_painting();
        while (true) {
            TileKey key;
            std::unique_lock lock(shared_->mutex);
            const bool something = shared_->wake.wait(lock, stop, [&] { return !shared_->overview_taken || shared_->take(key); });
            if (stop.stop_requested() || !something) return;
            if (!std::exchange(shared_->overview_taken, true)) {
                lock.unlock();
                read_overview();
                continue;
            }
            lock.unlock();
            TileImage tile = read_tile(key);
            lock.lock();
            shared_->reading.erase(key);
            shared_->done[key] = std::move(tile);
            announce(lock);
        }
    };
    for (int i = 0; i < workers(); ++i) shared_->workers.emplace_back(work);
}

int TileLoader::workers() { return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2U, 4U)); }

TileLoader::~TileLoader() {
    for (auto& worker : shared_->workers) worker.request_stop();
    shared_->workers.clear();  // joins
}

const TileImage* TileLoader::find(const TileKey& key) {
    const auto at = held_->tiles.find(key);
    if (at == held_->tiles.end()) return nullptr;
    at->second.used = ++held_->clock;
    return &at->second.image;
}

bool TileLoader::has(const TileKey& key) const { return held_->tiles.count(key) > 0; }

void TileLoader::request(const void* view, std::vector<TileKey> wanted) {
    held_->named[view] = {wanted.begin(), wanted.end()};
    std::erase_if(wanted, [this](const TileKey& key) { return has(key); });
    std::reverse(wanted.begin(), wanted.end());
    {
        std::lock_guard lock(shared_->mutex);
        shared_->wanted[view] = std::move(wanted);
    }
    shared_->wake.notify_all();
}

void TileLoader::forget(const void* view) {
    held_->named.erase(view);
    std::lock_guard lock(shared_->mutex);
    shared_->wanted.erase(view);
}

std::size_t TileLoader::pending() const {
    std::lock_guard lock(shared_->mutex);
    std::size_t sum = 0;
    for (const auto& [view, keys] : shared_->wanted) sum += keys.size();
    return sum;
}

std::vector<TileKey> TileLoader::tilesIn(int level, double x, double y, double w, double h) const {
    const Level& l = slide_->info().levels[static_cast<std::size_t>(level)];
    const double tile = Slide::kTilePx * l.downsample;
    const auto last_x = (l.width - 1) / Slide::kTilePx, last_y = (l.height - 1) / Slide::kTilePx;
    const auto first = [tile](double from, std::int64_t last) {
        return static_cast<std::int64_t>(std::clamp(std::floor(from / tile), 0.0, static_cast<double>(last) + 1));
    };
    const auto end = [tile](double to, std::int64_t last) {
        return static_cast<std::int64_t>(std::clamp(std::ceil(to / tile), 0.0, static_cast<double>(last) + 1));
    };
    std::vector<TileKey> keys;
    for (auto ty = first(y, last_y); ty < end(y + h, last_y); ++ty) {
        for (auto tx = first(x, last_x); tx < end(x + w, last_x); ++tx) keys.push_back({level, tx, ty});
    }
    return keys;
}

QRectF TileLoader::tileRegion(const TileKey& key) const {
    const Level& l = slide_->info().levels[static_cast<std::size_t>(key.level)];
    const double left = static_cast<double>(key.tx * Slide::kTilePx), top = static_cast<double>(key.ty * Slide::kTilePx);
    const double right = std::min(left + Slide::kTilePx, static_cast<double>(l.width));
    const double bottom = std::min(top + Slide::kTilePx, static_cast<double>(l.height));
    return {left * l.downsample, top * l.downsample, (right - left) * l.downsample, (bottom - top) * l.downsample};
}

void TileLoader::collect() {
    std::map<TileKey, TileImage> done;
    bool new_overview = false;
    {
        std::lock_guard lock(shared_->mutex);
        done.swap(shared_->done);
        shared_->announced = false;
        for (auto& [view, keys] : shared_->wanted) std::erase_if(keys, [&](const TileKey& key) { return done.count(key) > 0; });
        if (shared_->overview_done && overview_.isNull() && !shared_->overview.isNull()) {
            overview_ = shared_->overview;
            new_overview = true;
        }
    }
    tiles_read_ += done.size();
    for (auto& [key, tile] : done) {
        auto& entry = held_->tiles[key];
        image_bytes_ += tile.bytes() - entry.image.bytes();
        entry.image = std::move(tile);
        entry.used = ++held_->clock;
    }
    evict();
    if (new_overview) Q_EMIT overviewReady();
    if (!done.empty()) Q_EMIT tilesReady();
}

void TileLoader::evict() {
    if (image_bytes_ <= image_capacity_) return;
    std::vector<std::pair<std::uint64_t, TileKey>> by_age;
    for (const auto& [key, entry] : held_->tiles) by_age.emplace_back(entry.used, key);
    std::sort(by_age.begin(), by_age.end());
    for (const auto& [used, key] : by_age) {
        if (image_bytes_ <= image_capacity_ / 10 * 9) break;
        if (held_->isNamed(key)) continue;
        const auto at = held_->tiles.find(key);
        image_bytes_ -= at->second.image.bytes();
        held_->tiles.erase(at);
    }
}

}  // namespace c2l
