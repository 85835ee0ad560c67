// The denoiser of the base and large presets: a transformer over 2×2 patches of the latent (SiT, arXiv 2401.08740; DiT, arXiv
// 2212.09748). Every block is modulated by one matrix that all blocks share plus a bias of its own (the "adaLN-single" of PixArt-α,
// arXiv 2310.00426) instead of a matrix of its own: base 91 M parameters instead of 130 M, large 309 M instead of 458 M. All
// modulation starts at zero, so that a fresh network gives zero velocity (adaLN-Zero).
//
// Modulation sites: two in each block, that of the attention and that of the multilayer perceptron.
#pragma once

#include "generate/denoiser.h"
#include "nn/attention.h"

namespace c2l::generate {

struct SiTShape {
    int channels = 16;  // of the latent
    int width = 768;    // divisible by 4 and by heads
    int depth = 12;
    int heads = 12;
};

class SiT : public Denoiser {
public:
    SiT(const SiTShape& shape, std::uint64_t seed);
    // latent N×channels×H×W (H and W even), time N in [0, 1]. Not to be called by two threads at once.
    at::Tensor operator()(const at::Tensor& latent, const at::Tensor& time, const Modulator* modulator, bool bf16) const override;
    int embedding() const override { return shape_.width; }

private:
    struct Block {
        int site = 0;  // of the attention; the next one is that of the perceptron
        at::Tensor attention_bias, perceptron_bias;  // 3 · width each: what this block adds to the shared modulation
        nn::Linear qkv, out, up, down;
    };
    struct Modulation {
        at::Tensor scale, shift, gate;  // N×1×width
    };
    Block make_block(nn::Initialiser& init, const std::string& name);
    Modulation modulation(int site, const at::Tensor& shared, const at::Tensor& own, const at::Tensor& embedding, const Modulator* modulator) const;
    at::Tensor run(const Block& block, at::Tensor x, const at::Tensor& shared, const at::Tensor& embedding, const Modulator* modulator, bool bf16) const;
    const at::Tensor& position(std::int64_t rows, std::int64_t cols, const c10::Device& device) const;

    SiTShape shape_;
    nn::Linear in_, time1_, time2_, shared_, last_modulation_, last_;
    nn::LayerNorm norm_;
    std::vector<Block> blocks_;
    mutable at::Tensor position_;  // of the last grid seen
    mutable std::int64_t position_cols_ = 0;
};

}  // namespace c2l::generate
