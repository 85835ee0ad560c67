// Byte-capped, least-recently-used cache of slide tiles. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>

#include "slide/slide.h"

namespace c2l {

struct TileKey {
    int level = 0;
    std::int64_t tx = 0;
    std::int64_t ty = 0;
    auto operator<=>(const TileKey&) const = default;
};

class TileCache {
public:
    TileCache(std::shared_ptr<const Slide> slide, std::size_t capacity_bytes);
    ~TileCache();

    // Returns at once; null when the tile is not cached.
    std::shared_ptr<const Image> find(const TileKey& key) const;
    // Blocks while the tile is read and decoded, unless it is cached. Two threads asking for one tile decode it once.
    // A tile that cannot be decoded becomes a grey placeholder and is counted, never an exception.
    std::shared_ptr<const Image> get(const TileKey& key);

    std::size_t bytes() const;        // held now, never above the capacity (but for one tile larger than it)
    std::size_t capacity() const;
    std::size_t unreadable() const;   // placeholders handed out so far
    const Slide& slide() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace c2l
