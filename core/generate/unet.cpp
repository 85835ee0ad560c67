#include "generate/unet.h"

#include <ATen/ATen.h>

#include <cmath>

namespace c2l::generate {

using namespace nn;

namespace {

constexpr int kWidth[3] = {64, 128, 256};
constexpr int kGroups = 16;
constexpr int kHeads = 4;

// Sinusoids of time × 1000, N × 128.
at::Tensor time_features(const at::Tensor& time) {
    const auto frequencies = at::arange(64, time.options()).mul_(-std::log(10000.0) / 64).exp_();
    const auto angles = time.unsqueeze(1).mul(1000.0).mul(frequencies);
    return at::cat({angles.cos(), angles.sin()}, 1);
}

}  // namespace

UNet::Block UNet::make_block(Initialiser& init, const std::string& name, int in, int out) {
    Block block;
    block.site = static_cast<int>(sites_.size());
    sites_.push_back(out);
    block.norm1 = GroupNorm(set_, name + ".norm1", in, kGroups);
    block.conv1 = Conv(set_, init, name + ".conv1", in, out, 3);
    block.norm2 = GroupNorm(set_, name + ".norm2", out, kGroups);
    block.conv2 = Conv(set_, init, name + ".conv2", out, out, 3, 1, 0.0);
    block.modulation = Linear(set_, init, name + ".modulation", kEmbedding, 3 * out, 0.02);
    block.has_skip = in != out;
    if (block.has_skip) block.skip = Conv(set_, init, name + ".skip", in, out, 1);
    return block;
}

UNet::UNet(std::uint64_t seed) {
    Initialiser init(seed);
    time1_ = Linear(set_, init, "time1", 128, kEmbedding);
    time2_ = Linear(set_, init, "time2", kEmbedding, kEmbedding);
    in_ = Conv(set_, init, "in", kLatent, kWidth[0], 3);
    auto attend = [&](const std::string& name, int channels) { attention_.emplace_back(set_, init, name, channels, kHeads); };
    for (int level = 0; level < 3; ++level)
        for (int i = 0; i < 2; ++i) {
            const auto name = "down" + std::to_string(level) + "." + std::to_string(i);
            down_.push_back(make_block(init, name, kWidth[level], kWidth[level]));
            if (level && i) attend(name + ".attention", kWidth[level]);
        }
    down1_ = Conv(set_, init, "downsample1", kWidth[0], kWidth[1], 3, 2);
    down2_ = Conv(set_, init, "downsample2", kWidth[1], kWidth[2], 3, 2);
    mid_ = make_block(init, "mid", kWidth[2], kWidth[2]);
    attend("mid.attention", kWidth[2]);
    for (int level = 2; level >= 0; --level)
        for (int i = 0; i < 2; ++i) {
            const auto name = "up" + std::to_string(level) + "." + std::to_string(i);
            up_.push_back(make_block(init, name, 2 * kWidth[level], kWidth[level]));
            if (level && i) attend(name + ".attention", kWidth[level]);
        }
    up2_ = Conv(set_, init, "upsample2", kWidth[2], kWidth[1], 3);
    up1_ = Conv(set_, init, "upsample1", kWidth[1], kWidth[0], 3);
    out_norm_ = GroupNorm(set_, "out.norm", kWidth[0], kGroups);
    out_ = Conv(set_, init, "out", kWidth[0], kLatent, 3, 1, 0.0);
}

at::Tensor UNet::run(const Block& block, const at::Tensor& x, const at::Tensor& embedding, const Modulator* modulator, bool bf16) const {
    auto modulation = block.modulation(embedding);
    if (modulator) {
        const auto more = (*modulator)(block.site, embedding);
        if (more.defined()) modulation = modulation + more;
    }
    const auto channels = modulation.size(1) / 3;
    auto h = block.conv1(block.norm1.silu(x), bf16);
    h = block.conv2(block.norm2.silu(h, modulation.narrow(1, 0, 2 * channels)), bf16);
    return gated_sum(block.has_skip ? block.skip(x, bf16) : x, h, modulation.narrow(1, 2 * channels, channels));
}

at::Tensor UNet::operator()(const at::Tensor& latent, const at::Tensor& time, const Modulator* modulator, bool bf16) const {
    const auto embedding = at::silu(time2_(at::silu(time1_(time_features(time)))));
    std::size_t attention = 0;
    auto step = [&](const Block& block, const at::Tensor& x, bool attend) {
        auto y = run(block, x, embedding, modulator, bf16);
        return attend ? attention_[attention++](y, bf16) : y;
    };
    std::vector<at::Tensor> skips;
    auto h = in_(activations(latent, bf16), bf16);
    for (int level = 0; level < 3; ++level) {
        if (level) h = (level == 1 ? down1_ : down2_)(h, bf16);
        for (int i = 0; i < 2; ++i) skips.push_back(h = step(down_[static_cast<std::size_t>(2 * level + i)], h, level > 0 && i > 0));
    }
    h = step(mid_, h, true);
    for (int level = 2; level >= 0; --level) {
        for (int i = 0; i < 2; ++i) {
            h = step(up_[static_cast<std::size_t>(2 * (2 - level) + i)], join_channels(h, skips.back()), level > 0 && i > 0);
            skips.pop_back();
        }
        if (level) h = (level == 2 ? up2_ : up1_)(doubled(h), bf16);
    }
    return out_(out_norm_.silu(h), bf16).to(latent.scalar_type());
}

}  // namespace c2l::generate
