// The tiny denoiser: a latent U-Net 64/128/256, two residual blocks a level, attention at 8² and 4². Each residual block is one
// modulation site.
#pragma once

#include "generate/denoiser.h"
#include "nn/layers.h"

namespace c2l::generate {

class UNet : public Denoiser {
public:
    static constexpr int kEmbedding = 256;
    static constexpr int kLatent = 8;

    explicit UNet(std::uint64_t seed);
    // latent N×8×H×W (H, W divisible by 4), time N in [0, 1].
    at::Tensor operator()(const at::Tensor& latent, const at::Tensor& time, const Modulator* modulator, bool bf16) const override;
    int embedding() const override { return kEmbedding; }

private:
    struct Block {
        int site = 0;
        nn::GroupNorm norm1, norm2;
        nn::Conv conv1, conv2, skip;
        nn::Linear modulation;
        bool has_skip = false;
    };
    Block make_block(nn::Initialiser& init, const std::string& name, int in, int out);
    at::Tensor run(const Block& block, const at::Tensor& x, const at::Tensor& embedding, const Modulator* modulator, bool bf16) const;

    nn::Linear time1_, time2_;
    nn::Conv in_, down1_, down2_, up2_, up1_, out_;
    nn::GroupNorm out_norm_;
    std::vector<Block> down_, up_;
    Block mid_;
    std::vector<nn::SpatialAttention> attention_;  // after the last block of levels 1 and 2, down, and up, and mid
};

}  // namespace c2l::generate
