#include "slide/tile_cache.h"

#include <algorithm>
#include <future>
#include <list>
#include <map>
#include <mutex>

namespace c2l {

namespace {

using Tile = std::shared_ptr<const Image>;

constexpr std::uint8_t kPlaceholderGrey = 200;

std::size_t bytes_of(const Tile& tile) { return sizeof(Image) + tile->rgb.size(); }

// As large as the tile would have been.
Tile placeholder(const SlideInfo& info, const TileKey& key) {
    int width = Slide::kTilePx, height = Slide::kTilePx;
    if (key.level >= 0 && key.level < static_cast<int>(info.levels.size())) {
        const Level& level = info.levels[static_cast<std::size_t>(key.level)];
        const auto cropped = [](std::int64_t side, std::int64_t t) {
            if (t < 0 || t > (side - 1) / Slide::kTilePx) return Slide::kTilePx;
            return static_cast<int>(std::min<std::int64_t>(Slide::kTilePx, side - t * Slide::kTilePx));
        };
        width = cropped(level.width, key.tx);
        height = cropped(level.height, key.ty);
    }
    return std::make_shared<const Image>(width, height, kPlaceholderGrey);
}

}  // namespace

struct TileCache::State {
    struct Entry {
        Tile tile;
        std::list<TileKey>::iterator place;
    };

    std::shared_ptr<const Slide> slide;
    std::size_t capacity = 0;
    mutable std::mutex mutex;
    std::map<TileKey, Entry> entries;
    std::list<TileKey> order;  // most recently used first
    std::map<TileKey, std::shared_future<Tile>> decoding;
    std::size_t bytes = 0;
    std::size_t unreadable = 0;

    // Both need the lock.
    Tile touch(const TileKey& key) {
        const auto found = entries.find(key);
        if (found == entries.end()) return nullptr;
        order.splice(order.begin(), order, found->second.place);
        return found->second.tile;
    }
    void keep(const TileKey& key, const Tile& tile) {
        const std::size_t size = bytes_of(tile);
        while (!order.empty() && bytes + size > capacity) {
            const auto oldest = entries.find(order.back());
            bytes -= bytes_of(oldest->second.tile);
            entries.erase(oldest);
            order.pop_back();
        }
        order.push_front(key);
        entries[key] = {tile, order.begin()};
        bytes += size;
    }
};

TileCache::TileCache(std::shared_ptr<const Slide> slide, std::size_t capacity_bytes) : state_(std::make_unique<State>()) {
    state_->slide = std::move(slide);
    state_->capacity = capacity_bytes;
}

TileCache::~TileCache() = default;

std::shared_ptr<const Image> TileCache::find(const TileKey& key) const {
    const std::lock_guard lock(state_->mutex);
    return state_->touch(key);
}

std::shared_ptr<const Image> TileCache::get(const TileKey& key) {
    std::promise<Tile> promise;
    std::shared_future<Tile> other;
    {
        const std::lock_guard lock(state_->mutex);
        if (Tile tile = state_->touch(key)) return tile;
        if (const auto found = state_->decoding.find(key); found != state_->decoding.end())
            other = found->second;
        else
            state_->decoding.emplace(key, promise.get_future().share());
    }
    if (other.valid()) return other.get();

    Tile tile;
    bool failed = false;
    try {
        tile = std::make_shared<const Image>(state_->slide->read_tile(key.level, key.tx, key.ty));
    } catch (const std::exception&) {
        tile = placeholder(state_->slide->info(), key);
        failed = true;
    }
    {
        const std::lock_guard lock(state_->mutex);
        state_->keep(key, tile);
        state_->decoding.erase(key);
        if (failed) ++state_->unreadable;
    }
    promise.set_value(tile);
    return tile;
}

std::size_t TileCache::bytes() const {
    const std::lock_guard lock(state_->mutex);
    return state_->bytes;
}

std::size_t TileCache::capacity() const { return state_->capacity; }

std::size_t TileCache::unreadable() const {
    const std::lock_guard lock(state_->mutex);
    return state_->unreadable;
}

const Slide& TileCache::slide() const { return *state_->slide; }

}  // namespace c2l
