#include "nn/augment.h"

#include <ATen/ATen.h>

namespace c2l::nn {

at::Tensor orient(const at::Tensor& x, int orientation) {
    auto y = orientation & 1 ? x.flip({-1}) : x;
    return orientation >> 1 ? at::rot90(y, orientation >> 1, {-2, -1}) : y;
}

at::Tensor random_orientation(const at::Tensor& x, Random& random) {
    std::vector<at::Tensor> parts;
    parts.reserve(static_cast<std::size_t>(x.size(0)));
    for (std::int64_t i = 0; i < x.size(0); ++i) parts.push_back(orient(x[i], static_cast<int>(random.below(8))));
    return at::stack(parts).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor stain_jitter(const at::Tensor& x, const Jitter& jitter, Random& random) {
    const auto n = x.size(0);
    auto gain = at::empty({n, 3, 1, 1}, c10::kFloat), offset = at::empty({n, 3, 1, 1}, c10::kFloat);
    for (std::int64_t i = 0; i < n * 3; ++i) {
        gain.data_ptr<float>()[i] = static_cast<float>(1.0 + jitter.gain * random.normal());
        offset.data_ptr<float>()[i] = static_cast<float>(jitter.offset * random.normal());
    }
    const auto density = x.add(1.0).mul_(0.5).clamp_(1.0 / 255.0, 1.0).log_().neg_();
    return density.mul(gain.to(x.device())).add_(offset.to(x.device())).neg_().exp_().mul_(2.0).sub_(1.0).clamp_(-1.0, 1.0);
}

void copy_crop(const TileSet& tiles, std::size_t tile, int x0, int y0, int crop, float* out) {
    const auto* source = tiles.tile(tile);
    for (int y = 0; y < crop; ++y) {
        const auto* row = source + (static_cast<std::size_t>(y0 + y) * tiles.size + x0) * 3;
        for (int i = 0; i < crop * 3; ++i) *out++ = static_cast<float>(row[i]) * (2.0f / 255.0f) - 1.0f;
    }
}

at::Tensor random_crops(const TileSet& tiles, std::int64_t batch, int crop, Random& random, std::vector<std::int64_t>* chosen) {
    auto out = at::empty({batch, crop, crop, 3}, c10::kFloat);
    for (std::int64_t i = 0; i < batch; ++i) {
        const auto tile = random.below(static_cast<std::int64_t>(tiles.count()));
        const auto room = tiles.size - crop + 1;
        const int x0 = static_cast<int>(random.below(room)), y0 = static_cast<int>(random.below(room));
        copy_crop(tiles, static_cast<std::size_t>(tile), x0, y0, crop, out.data_ptr<float>() + i * crop * crop * 3);
        if (chosen) chosen->push_back(tile);
    }
    return out.permute({0, 3, 1, 2});
}

}  // namespace c2l::nn
