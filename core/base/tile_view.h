// Square RGB tiles wherever they lie: in memory (TileSet) or in mapped files (TilePack). Borrows; the owner must outlive it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/image.h"

namespace c2l {

class TileView {
public:
    TileView() = default;
    TileView(const TileSet& tiles) : size_(tiles.size) { add(tiles.rgb.data(), tiles.count()); }  // implicit: a TileSet is the plain case
    TileView(int size, std::string id) : size_(size), id_(std::move(id)) {}

    // Appends `count` contiguous tiles.
    void add(const std::uint8_t* rgb, std::size_t count) {
        if (count == 0) return;
        parts_.push_back({count_, rgb});
        count_ += count;
    }
    // Called by release(); for owners that can give back memory that was read.
    void on_release(std::function<void()> f) { release_ = std::move(f); }

    int size() const { return size_; }  // pixels of a side
    std::size_t bytes_per_tile() const { return static_cast<std::size_t>(size_) * size_ * 3; }
    std::size_t count() const { return count_; }
    const std::uint8_t* tile(std::size_t i) const {  // i < count()
        const auto part = std::prev(std::upper_bound(parts_.begin(), parts_.end(), i, [](std::size_t at, const Part& p) { return at < p.first; }));
        return part->rgb + (i - part->first) * bytes_per_tile();
    }
    const std::string& id() const { return id_; }  // stands for the content; empty: not known
    // What was read so far need not stay in memory. Cheap; safe at any time.
    void release() const {
        if (release_) release_();
    }

private:
    struct Part {
        std::size_t first;
        const std::uint8_t* rgb;
    };
    int size_ = 0;
    std::size_t count_ = 0;
    std::string id_;
    std::vector<Part> parts_;
    std::function<void()> release_;
};

}  // namespace c2l
