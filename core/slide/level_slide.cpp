#include "slide/level_slide.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "slide/resample.h"

namespace c2l {

namespace {

constexpr double kTiny = 1e-6;     // as plan_axis: whole up to rounding
constexpr double kFarAway = 1e15;  // pixels
constexpr std::int64_t kMaxPatchPixels = std::int64_t{16} << 20;

}  // namespace

Image LevelSlide::read(const Region& region, int out_w, int out_h) const {
    const bool finite = std::isfinite(region.x) && std::isfinite(region.y) && std::isfinite(region.w) && std::isfinite(region.h);
    if (!finite || !(region.w > 0) || !(region.h > 0) || out_w < 1 || out_h < 1 || std::int64_t{out_w} * out_h > kMaxReadPixels)
        throw Error(ErrorCode::BadInput, "a region of the slide was asked for that is empty or too large", info_.path);
    const double scale = std::min(region.w / out_w, region.h / out_h);
    int level = 0;
    for (int i = 1; i < static_cast<int>(info_.levels.size()); ++i) {
        const double d = info_.levels[static_cast<std::size_t>(i)].downsample;
        if (d <= scale * (1 + 1e-6) && d > info_.levels[static_cast<std::size_t>(level)].downsample) level = i;
    }
    const Level& from = info_.levels[static_cast<std::size_t>(level)];
    const double x = region.x / from.downsample, y = region.y / from.downsample;
    const auto same = [](double a, double b) { return std::abs(a - b) < kTiny; };
    const bool whole = same(x, std::round(x)) && same(y, std::round(y)) && same(region.w / from.downsample, out_w) &&
                       same(region.h / from.downsample, out_h);
    if (whole && std::abs(x) < kFarAway && std::abs(y) < kFarAway && std::int64_t{out_w} * out_h <= kMaxPatchPixels)
        return read_whole(level, std::llround(x), std::llround(y), out_w, out_h);
    const Axis columns = plan_axis(x, region.w / from.downsample, out_w, from.width);
    const Axis rows = plan_axis(y, region.h / from.downsample, out_h, from.height);
    return resample(columns, rows, [&](std::int64_t px, std::int64_t py, int w, int h) { return read_patch(level, px, py, w, h); });
}

// Pixels as they are, white where the level ends.
Image LevelSlide::read_whole(int level, std::int64_t x, std::int64_t y, int width, int height) const {
    const Level& from = info_.levels[static_cast<std::size_t>(level)];
    const std::int64_t left = std::max<std::int64_t>(x, 0), right = std::min(x + width, from.width);
    const std::int64_t top = std::max<std::int64_t>(y, 0), bottom = std::min(y + height, from.height);
    if (left >= right || top >= bottom) return Image(width, height);
    Image inside = read_patch(level, left, top, static_cast<int>(right - left), static_cast<int>(bottom - top));
    if (inside.width == width && inside.height == height) return inside;
    Image out(width, height);
    for (int row = 0; row < inside.height; ++row)
        std::copy_n(inside.at(0, row), 3 * static_cast<std::size_t>(inside.width),
                    out.at(static_cast<int>(left - x), static_cast<int>(top - y) + row));
    return out;
}

Image LevelSlide::read_tile(int level, std::int64_t tx, std::int64_t ty) const {
    if (level < 0 || level >= static_cast<int>(info_.levels.size()))
        throw Error(ErrorCode::NotFound, "the slide has no such level", info_.path);
    const Level& from = info_.levels[static_cast<std::size_t>(level)];
    if (tx < 0 || ty < 0 || tx > (from.width - 1) / kTilePx || ty > (from.height - 1) / kTilePx)
        throw Error(ErrorCode::NotFound, "the slide has no such tile", info_.path);
    const auto width = std::min<std::int64_t>(kTilePx, from.width - tx * kTilePx),
               height = std::min<std::int64_t>(kTilePx, from.height - ty * kTilePx);
    return read_patch(level, tx * kTilePx, ty * kTilePx, static_cast<int>(width), static_cast<int>(height));
}

void LevelSlide::check_pixels() const {
    read_tile(static_cast<int>(info_.levels.size()) - 1, 0, 0);
    read_tile(0, info_.width / 2 / kTilePx, info_.height / 2 / kTilePx);
}

double true_downsample(std::int64_t w0, std::int64_t h0, std::int64_t w, std::int64_t h, double said) {
    const double whole = std::round(said);
    if (whole < 1 || std::abs(said - whole) > 0.05 * whole) return said;
    const auto explains = [&](std::int64_t full, std::int64_t level) {
        return std::abs(static_cast<double>(full) / whole - static_cast<double>(level)) < 1;
    };
    return explains(w0, w) && explains(h0, h) ? whole : said;
}

}  // namespace c2l
