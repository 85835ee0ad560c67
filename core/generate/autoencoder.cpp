#include "generate/autoencoder.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace c2l::generate {

using namespace nn;

namespace {
constexpr int kPatch = Autoencoder::kFactor * Autoencoder::kFactor * 3;
}

Autoencoder::Autoencoder(std::uint64_t seed) {
    Initialiser init(seed);
    project_ = set_.add("linear.project", init.fan_in({kChannels, kPatch}));
    project_bias_ = set_.add("linear.project_bias", Initialiser::constant({kChannels}, 0));
    restore_ = set_.add("linear.restore", init.fan_in({kPatch, kChannels}));
    restore_bias_ = set_.add("linear.restore_bias", Initialiser::constant({kPatch}, 0));
    enc_in_ = Conv(set_, init, "encoder.in", 48, 64, 3);
    enc0_ = ResBlock(set_, init, "encoder.block0", 64);
    enc_down_ = Conv(set_, init, "encoder.down", 64, 96, 3, 2);
    enc1_ = ResBlock(set_, init, "encoder.block1", 96);
    enc_out_ = Conv(set_, init, "encoder.out", 96, kChannels, 3, 1, 0.0);
    dec_in_ = Conv(set_, init, "decoder.in", kChannels, 128, 3);
    dec0_ = ResBlock(set_, init, "decoder.block0", 128);
    dec1_ = ResBlock(set_, init, "decoder.block1", 128);
    dec_up1_ = Conv(set_, init, "decoder.up1", 128, 4 * 64, 1);  // then pixel shuffle to 32²
    dec2_ = ResBlock(set_, init, "decoder.block2", 64);
    dec3_ = ResBlock(set_, init, "decoder.block3", 64);
    dec_up2_ = Conv(set_, init, "decoder.up2", 64, 64, 3);
    dec_out_ = Conv(set_, init, "decoder.out", 64, 48, 3, 1, 0.0);  // pixel shuffle by 4 to full size
}

void Autoencoder::init_linear(const at::Tensor& tiles) {
    c10::NoGradGuard no_grad;
    const auto patches = at::pixel_unshuffle(tiles.contiguous(), kFactor).permute({0, 2, 3, 1}).reshape({-1, kPatch}).to(c10::kCPU, c10::kDouble);
    const auto mean = patches.mean(0);
    const auto centred = patches - mean;
    const auto covariance = at::matmul(centred.t(), centred).div(static_cast<double>(patches.size(0) - 1));
    const auto [values, vectors] = at::linalg_eigh(covariance);
    const auto top = vectors.narrow(1, kPatch - kChannels, kChannels);
    const auto sd = values.narrow(0, kPatch - kChannels, kChannels).clamp_min(1e-8).sqrt();
    const auto project = (top / sd).t();
    project_.copy_(project);
    project_bias_.copy_(at::matmul(project, mean).neg());
    restore_.copy_(top * sd);
    restore_bias_.copy_(mean);
}

at::Tensor Autoencoder::encode(const at::Tensor& x, bool bf16) const {
    const auto linear = at::conv2d(at::pixel_unshuffle(x, kFactor), project_.view({kChannels, kPatch, 1, 1}), project_bias_);
    auto h = enc0_(enc_in_(at::pixel_unshuffle(x, 4).contiguous(at::MemoryFormat::ChannelsLast), bf16), bf16);
    h = enc1_(enc_down_(at::silu(h), bf16), bf16);
    return linear + enc_out_(at::silu(h), bf16);
}

at::Tensor Autoencoder::decode(const at::Tensor& z, bool bf16) const {
    const auto linear = at::pixel_shuffle(at::conv2d(z, restore_.view({kPatch, kChannels, 1, 1}), restore_bias_), kFactor);
    auto h = dec1_(dec0_(dec_in_(z, bf16), bf16), bf16);
    h = at::pixel_shuffle(dec_up1_(at::silu(h), bf16), 2).contiguous(at::MemoryFormat::ChannelsLast);
    h = dec3_(dec2_(h, bf16), bf16);
    h = dec_up2_(at::silu(h), bf16);
    return linear + at::pixel_shuffle(dec_out_(at::silu(h), bf16), 4);
}

}  // namespace c2l::generate
