#include "generate/views.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "generate/augmented.h"

namespace c2l::generate {
namespace {

// What becomes of each byte of a channel: its optical density times a gain plus an offset, after Tellez et al. 2019.
std::array<float, 256> jittered(const nn::Jitter* jitter, Random& random) {
    std::array<float, 256> out;
    const double gain = jitter ? 1.0 + jitter->gain * random.normal() : 1.0, offset = jitter ? jitter->offset * random.normal() : 0.0;
    for (int v = 0; v < 256; ++v) {
        const double density = -std::log(std::max(v, 1) / 255.0);
        const double value = jitter ? 2.0 * std::exp(-(density * gain + offset)) - 1.0 : v * (2.0 / 255.0) - 1.0;
        out[static_cast<std::size_t>(v)] = static_cast<float>(std::clamp(value, -1.0, 1.0));
    }
    return out;
}

}  // namespace

void write_view(const TileView& tiles, std::size_t tile, int crop, const nn::Jitter* jitter, Random& random, float* out) {
    const auto room = tiles.size() - crop + 1;
    const auto x0 = random.below(room), y0 = random.below(room);
    const auto orientation = random.below(8);
    const std::array<std::array<float, 256>, 3> colour{jittered(jitter, random), jittered(jitter, random), jittered(jitter, random)};
    const std::int64_t row = 3 * static_cast<std::int64_t>(tiles.size());
    const auto* corner = tiles.tile(tile) + y0 * row + x0 * 3;
    // Steps through the source for one pixel right and one down in the view: mirrored, upside down, transposed.
    std::int64_t right = 3, down = row;
    if (orientation & 1) {
        corner += (crop - 1) * right;
        right = -right;
    }
    if (orientation & 2) {
        corner += (crop - 1) * down;
        down = -down;
    }
    if (orientation & 4) std::swap(right, down);
    for (int y = 0; y < crop; ++y) {
        const auto* p = corner + y * down;
        for (int x = 0; x < crop; ++x, p += right)
            for (std::size_t c = 0; c < 3; ++c) *out++ = colour[c][p[c]];
    }
}

at::Tensor fill_items(std::int64_t n, at::IntArrayRef shape, const std::function<void(std::int64_t, float*, std::int64_t)>& fill) {
    auto sizes = shape.vec();
    sizes.insert(sizes.begin(), n);
    auto out = at::empty(sizes, c10::kFloat);
    auto* data = out.data_ptr<float>();
    const auto numbers = n ? out.numel() / n : 0;
    at::parallel_for(0, n, 1, [&](std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) fill(i, data + i * numbers, numbers);
    });
    return out;
}

at::Tensor fill_views(std::int64_t n, int crop, const std::function<void(std::int64_t, float*)>& fill) {
    return fill_items(n, {crop, crop, 3}, [&](std::int64_t item, float* row, std::int64_t) { fill(item, row); }).permute({0, 3, 1, 2});
}

void write_normal(Random& random, float* out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(random.normal());
}

}  // namespace c2l::generate

namespace c2l {

TileSet augmented_views(const TileSet& tiles, const std::vector<std::size_t>& which, int crop, std::uint64_t seed, std::size_t first) {
    TileSet out;
    out.size = crop;
    out.rgb.resize(which.size() * out.bytes_per_tile());
    const TileView view(tiles);
    const nn::Jitter jitter;
    std::vector<float> row(out.bytes_per_tile());
    for (std::size_t i = 0; i < which.size(); ++i) {
        Random random(derive_seed(seed, "view", first + i));
        generate::write_view(view, which[i], crop, &jitter, random, row.data());
        std::transform(row.begin(), row.end(), out.tile(i), [](float v) { return static_cast<std::uint8_t>(std::lround((v + 1) * 127.5f)); });
    }
    return out;
}

}  // namespace c2l
