#include "slide/block_slide.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <tuple>

namespace c2l {

namespace {

constexpr std::int64_t kMaxBandPixels = std::int64_t{64} << 20;

}  // namespace

// Least recently used blocks, as decoded.
struct BlockSlide::BlockCache {
    using Key = std::tuple<int, std::int64_t, std::int64_t>;
    using Kept = std::pair<Key, std::shared_ptr<const Image>>;

    std::mutex mutex;
    std::list<Kept> order;  // most recently used first
    std::map<Key, std::list<Kept>::iterator> places;
    std::size_t bytes = 0;

    std::shared_ptr<const Image> find(const Key& key) {
        const std::lock_guard lock(mutex);
        const auto found = places.find(key);
        if (found == places.end()) return nullptr;
        order.splice(order.begin(), order, found->second);
        return order.front().second;
    }
    void keep(const Key& key, const std::shared_ptr<const Image>& image) {
        const std::lock_guard lock(mutex);
        if (places.count(key)) return;  // another thread was faster
        order.emplace_front(key, image);
        places[key] = order.begin();
        bytes += image->rgb.size();
        while (bytes > kBlockCacheBytes && order.size() > 1) {
            bytes -= order.back().second->rgb.size();
            places.erase(order.back().first);
            order.pop_back();
        }
    }
};

BlockSlide::BlockSlide() : cache_(std::make_unique<BlockCache>()) {}

BlockSlide::~BlockSlide() = default;

void BlockSlide::set_grids(std::vector<BlockGrid> grids) {
    grids_ = std::move(grids);
    const BlockGrid& full = grids_.front();
    info_.width = full.width;
    info_.height = full.height;
    info_.levels.clear();
    for (const BlockGrid& grid : grids_) {
        // The longer side suffers less from rounding.
        const bool wide = full.width >= full.height;
        const double said = static_cast<double>(wide ? full.width : full.height) / static_cast<double>(wide ? grid.width : grid.height);
        info_.levels.push_back({grid.width, grid.height, true_downsample(full.width, full.height, grid.width, grid.height, said)});
    }
}

int BlockSlide::natural_rows() const {
    const BlockGrid& full = grids_.front();
    std::int64_t rows = full.block_height;
    while (rows > 64 && rows * full.width > kMaxBandPixels) rows = (rows + 1) / 2;
    return static_cast<int>(rows);
}

std::shared_ptr<const Image> BlockSlide::block(int level, std::int64_t bx, std::int64_t by, bool keep) const {
    const BlockCache::Key key{level, bx, by};
    if (auto kept = cache_->find(key)) return kept;
    auto image = std::make_shared<const Image>(decode(level, bx, by));
    if (keep) cache_->keep(key, image);
    return image;
}

Image BlockSlide::read_patch(int level, std::int64_t x, std::int64_t y, int width, int height) const {
    const BlockGrid& from = grids_[static_cast<std::size_t>(level)];
    const std::int64_t bw = from.block_width, bh = from.block_height;
    if (x % bw == 0 && y % bh == 0 && width == bw && height == bh) return decode(level, x / bw, y / bh);
    Image out;
    out.width = width;
    out.height = height;
    out.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    for (std::int64_t by = y / bh; by * bh < y + height; ++by)
        for (std::int64_t bx = x / bw; bx * bw < x + width; ++bx) {
            const std::int64_t left = std::max(x, bx * bw), right = std::min(x + width, (bx + 1) * bw);
            const std::int64_t top = std::max(y, by * bh), bottom = std::min(y + height, (by + 1) * bh);
            const bool whole = right - left == std::min(bw, from.width - bx * bw) && bottom - top == std::min(bh, from.height - by * bh);
            const auto image = block(level, bx, by, !whole);
            for (std::int64_t row = top; row < bottom; ++row)
                std::memcpy(out.at(static_cast<int>(left - x), static_cast<int>(row - y)),
                            image->at(static_cast<int>(left - bx * bw), static_cast<int>(row - by * bh)),
                            static_cast<std::size_t>(right - left) * 3);
        }
    return out;
}

}  // namespace c2l
