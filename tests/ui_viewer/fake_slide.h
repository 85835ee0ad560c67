// A slide computed from its coordinates: every pixel of every level is known, every reading is counted and can be held up.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>

#include "slide/slide.h"
#include "slide/tile_cache.h"

class FakeSlide : public c2l::Slide {
public:
    using Colour = std::array<std::uint8_t, 3>;

    FakeSlide(std::int64_t width, std::int64_t height, std::vector<double> downsamples = {1, 4, 16}) {
        info_.id = "fake";
        info_.vendor = "fake";
        info_.width = width;
        info_.height = height;
        info_.mpp = 0.25;
        for (const double d : downsamples) {
            info_.levels.push_back(
                {static_cast<std::int64_t>(static_cast<double>(width) / d), static_cast<std::int64_t>(static_cast<double>(height) / d), d});
        }
    }

    // Different in every pixel and on every level.
    virtual Colour pixel(int level, std::int64_t x, std::int64_t y) const {
        return {static_cast<std::uint8_t>(x * 7 + y * 3), static_cast<std::uint8_t>((x >> 4) ^ (y >> 3)),
                static_cast<std::uint8_t>(40 * level + (x ^ y) % 40)};
    }

    c2l::Image read(const c2l::Region& region, int out_w, int out_h) const override {
        c2l::Image image(out_w, out_h);
        const int level = static_cast<int>(info_.levels.size()) - 1;
        const double d = info_.levels.back().downsample;
        for (int y = 0; y < out_h; ++y) {
            for (int x = 0; x < out_w; ++x) {
                put(image, x, y,
                    pixel(level, static_cast<std::int64_t>((region.x + (x + 0.5) * region.w / out_w) / d),
                          static_cast<std::int64_t>((region.y + (y + 0.5) * region.h / out_h) / d)));
            }
        }
        return image;
    }

    c2l::Image read_tile(int level, std::int64_t tx, std::int64_t ty) const override {
        {
            std::unique_lock lock(mutex_);
            open_.wait(lock, [&] { return level > held_levels_; });
            reads_.push_back({level, tx, ty});
        }
        const c2l::Level& l = info_.levels[static_cast<std::size_t>(level)];
        const std::int64_t x0 = tx * kTilePx, y0 = ty * kTilePx;
        c2l::Image image(static_cast<int>(std::min<std::int64_t>(kTilePx, l.width - x0)),
                         static_cast<int>(std::min<std::int64_t>(kTilePx, l.height - y0)));
        for (int y = 0; y < image.height; ++y) {
            for (int x = 0; x < image.width; ++x) put(image, x, y, pixel(level, x0 + x, y0 + y));
        }
        return image;
    }

    c2l::Image associated(const std::string&) const override { return {}; }

    // Readings of levels up to this one wait; -1 lets all pass.
    void hold(int levels) const {
        {
            std::lock_guard lock(mutex_);
            held_levels_ = levels;
        }
        open_.notify_all();
    }
    std::vector<c2l::TileKey> reads() const {
        std::lock_guard lock(mutex_);
        return reads_;
    }

protected:
    static void put(c2l::Image& image, int x, int y, const Colour& c) { std::copy(c.begin(), c.end(), image.at(x, y)); }

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable open_;
    mutable int held_levels_ = -1;
    mutable std::vector<c2l::TileKey> reads_;
};
