#include "slide/resample.h"

#include <algorithm>
#include <cmath>

namespace c2l {

namespace {

constexpr std::int64_t kBandPixels = 16 * 1000 * 1000;
constexpr std::int64_t kChunkPixels = 4 * 1000 * 1000;
constexpr double kTiny = 1e-6;

struct Span {
    std::int64_t begin = 0, end = 0;  // source pixels; empty when equal
};

Span span_of(const Axis& axis, int first, int last) {
    Span span;
    bool any = false;
    for (int i = first; i < last; ++i) {
        const Tap& tap = axis.taps[static_cast<std::size_t>(i)];
        if (tap.count == 0) continue;
        span.begin = any ? std::min(span.begin, tap.first) : tap.first;
        span.end = any ? std::max(span.end, tap.first + tap.count) : tap.first + tap.count;
        any = true;
    }
    return span;
}

// One source row → out_w × 3 values, white where the source ends.
void resample_row(const Image& patch, int y, std::int64_t origin, const Axis& columns, float* out) {
    for (const Tap& tap : columns.taps) {
        float sum[3] = {0, 0, 0}, inside = 0;
        const std::uint8_t* p = tap.count ? patch.at(static_cast<int>(tap.first - origin), y) : nullptr;
        for (int i = 0; i < tap.count; ++i, p += 3) {
            const float w = columns.weights[tap.at + static_cast<std::size_t>(i)];
            inside += w;
            for (int c = 0; c < 3; ++c) sum[c] += w * p[c];
        }
        for (int c = 0; c < 3; ++c) *out++ = sum[c] + 255 * std::max(0.f, 1 - inside);
    }
}

// Output rows [first, last) from the source rows they need.
void resample_chunk(const Axis& columns, const Axis& rows, int first, int last, const Span& across, const PatchReader& read, Image& out) {
    const std::size_t row_values = columns.taps.size() * 3;
    std::vector<float> sum(row_values * static_cast<std::size_t>(last - first)), inside(static_cast<std::size_t>(last - first)), line(row_values);
    const Span down = span_of(rows, first, last);
    const std::int64_t width = across.end - across.begin;
    const std::int64_t band = width > 0 ? std::max<std::int64_t>(1, kBandPixels / width) : 0;
    int lowest = first;  // output rows before it need no further source row
    for (std::int64_t top = down.begin; width > 0 && top < down.end; top += band) {
        const std::int64_t bottom = std::min(top + band, down.end);
        const Image patch = read(across.begin, top, static_cast<int>(width), static_cast<int>(bottom - top));
        for (std::int64_t y = top; y < bottom; ++y) {
            resample_row(patch, static_cast<int>(y - top), across.begin, columns, line.data());
            for (int j = lowest; j < last; ++j) {
                const Tap& tap = rows.taps[static_cast<std::size_t>(j)];
                if (tap.count == 0 || tap.first + tap.count <= y) {
                    if (j == lowest) ++lowest;
                    continue;
                }
                if (tap.first > y) break;
                const float w = rows.weights[tap.at + static_cast<std::size_t>(y - tap.first)];
                inside[static_cast<std::size_t>(j - first)] += w;
                float* into = sum.data() + static_cast<std::size_t>(j - first) * row_values;
                for (std::size_t i = 0; i < row_values; ++i) into[i] += w * line[i];
            }
        }
    }
    for (int j = first; j < last; ++j) {
        const float white = 255 * std::max(0.f, 1 - inside[static_cast<std::size_t>(j - first)]);
        const float* from = sum.data() + static_cast<std::size_t>(j - first) * row_values;
        std::uint8_t* to = out.at(0, j);
        for (std::size_t i = 0; i < row_values; ++i) to[i] = static_cast<std::uint8_t>(std::clamp(from[i] + white + 0.5f, 0.f, 255.f));
    }
}

}  // namespace

Axis plan_axis(double start, double length, int out, std::int64_t size) {
    Axis axis;
    axis.taps.resize(static_cast<std::size_t>(out));
    const double scale = length / out;
    for (int i = 0; i < out; ++i) {
        double low = start + i * scale, high = low + scale;
        if (scale < 1) {  // bilinear: the mean over one source pixel's width around the centre
            const double centre = (low + high) / 2;
            low = centre - 0.5;
            high = centre + 0.5;
        }
        // Origins that are whole up to rounding take whole pixels.
        if (std::abs(low - std::round(low)) < kTiny) low = std::round(low);
        if (std::abs(high - std::round(high)) < kTiny) high = std::round(high);
        const double begin = std::clamp(low, 0.0, static_cast<double>(size)), end = std::clamp(high, 0.0, static_cast<double>(size));
        if (!(end > begin)) continue;
        Tap& tap = axis.taps[static_cast<std::size_t>(i)];
        tap.first = static_cast<std::int64_t>(std::floor(begin));
        tap.count = static_cast<int>(static_cast<std::int64_t>(std::ceil(end)) - tap.first);
        tap.at = axis.weights.size();
        for (int k = 0; k < tap.count; ++k) {
            const double left = std::max(begin, static_cast<double>(tap.first + k)), right = std::min(end, static_cast<double>(tap.first + k + 1));
            axis.weights.push_back(static_cast<float>((right - left) / (high - low)));
        }
    }
    return axis;
}

Image resample(const Axis& columns, const Axis& rows, const PatchReader& read) {
    Image out(static_cast<int>(columns.taps.size()), static_cast<int>(rows.taps.size()));
    const Span across = span_of(columns, 0, out.width);
    const std::int64_t width = std::max<std::int64_t>(1, across.end - across.begin);
    for (int first = 0; first < out.height;) {
        // As many output rows as fit one band of the source and a bounded sum.
        int last = first + 1;
        while (last < out.height && std::int64_t{last - first} * out.width < kChunkPixels) {
            const Span down = span_of(rows, last, last + 1), start = span_of(rows, first, first + 1);
            if (down.end > down.begin && (down.end - std::min(down.begin, start.end > start.begin ? start.begin : down.begin)) * width > kBandPixels) break;
            ++last;
        }
        resample_chunk(columns, rows, first, last, across, read, out);
        first = last;
    }
    return out;
}

}  // namespace c2l
