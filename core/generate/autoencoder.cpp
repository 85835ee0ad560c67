#include "generate/autoencoder.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace c2l::generate {

using namespace nn;

namespace {
constexpr int kFactor = 8;
constexpr int kPatch = kFactor * kFactor * 3;
}

PatchAutoencoder::PatchAutoencoder(int channels, int width, std::uint64_t seed) : channels_(channels) {
    const int middle = width * 3 / 2, wide = 2 * width;
    Initialiser init(seed);
    project_ = set_.add("linear.project", init.fan_in({channels, kPatch}));
    project_bias_ = set_.add("linear.project_bias", Initialiser::constant({channels}, 0));
    restore_ = set_.add("linear.restore", init.fan_in({kPatch, channels}));
    restore_bias_ = set_.add("linear.restore_bias", Initialiser::constant({kPatch}, 0));
    enc_in_ = Conv(set_, init, "encoder.in", 48, width, 3);
    enc0_ = ResBlock(set_, init, "encoder.block0", width);
    enc_down_ = Conv(set_, init, "encoder.down", width, middle, 3, 2);
    enc1_ = ResBlock(set_, init, "encoder.block1", middle);
    enc_out_ = Conv(set_, init, "encoder.out", middle, channels, 3, 1, 0.0);
    dec_in_ = Conv(set_, init, "decoder.in", channels, wide, 3);
    dec0_ = ResBlock(set_, init, "decoder.block0", wide);
    dec1_ = ResBlock(set_, init, "decoder.block1", wide);
    dec_up1_ = Conv(set_, init, "decoder.up1", wide, 4 * width, 1);  // then pixel shuffle by 2
    dec2_ = ResBlock(set_, init, "decoder.block2", width);
    dec3_ = ResBlock(set_, init, "decoder.block3", width);
    dec_up2_ = Conv(set_, init, "decoder.up2", width, width, 3);
    dec_out_ = Conv(set_, init, "decoder.out", width, 48, 3, 1, 0.0);  // pixel shuffle by 4 to full size
}

void PatchAutoencoder::init_linear(const at::Tensor& tiles) {
    c10::NoGradGuard no_grad;
    const auto patches = at::pixel_unshuffle(tiles.contiguous(), kFactor).permute({0, 2, 3, 1}).reshape({-1, kPatch}).to(c10::kCPU, c10::kDouble);
    const auto mean = patches.mean(0);
    const auto centred = patches - mean;
    const auto covariance = at::matmul(centred.t(), centred).div(static_cast<double>(patches.size(0) - 1));
    const auto [values, vectors] = at::linalg_eigh(covariance);
    const auto top = vectors.narrow(1, kPatch - channels_, channels_);
    const auto sd = values.narrow(0, kPatch - channels_, channels_).clamp_min(1e-8).sqrt();
    const auto project = (top / sd).t();
    project_.copy_(project);
    project_bias_.copy_(at::matmul(project, mean).neg());
    restore_.copy_(top * sd);
    restore_bias_.copy_(mean);
}

at::Tensor PatchAutoencoder::encode(const at::Tensor& x, bool bf16) const {
    const auto linear = at::conv2d(at::pixel_unshuffle(x, kFactor), project_.view({channels_, kPatch, 1, 1}), project_bias_);
    auto h = enc0_(enc_in_(activations(at::pixel_unshuffle(x, 4), bf16), bf16), bf16);
    h = enc1_(enc_down_(at::silu(h), bf16), bf16);
    return linear + enc_out_(at::silu(h), bf16).to(linear.scalar_type());
}

at::Tensor PatchAutoencoder::decode(const at::Tensor& z, bool bf16) const {
    const auto linear = at::pixel_shuffle(at::conv2d(z, restore_.view({kPatch, channels_, 1, 1}), restore_bias_), kFactor);
    auto h = dec1_(dec0_(dec_in_(activations(z, bf16), bf16), bf16), bf16);
    h = at::pixel_shuffle(dec_up1_(at::silu(h), bf16), 2).contiguous(at::MemoryFormat::ChannelsLast);
    h = dec3_(dec2_(h, bf16), bf16);
    h = dec_up2_(at::silu(h), bf16);
    return linear + at::pixel_shuffle(dec_out_(at::silu(h), bf16), 4).to(linear.scalar_type());
}

std::vector<std::pair<std::string, at::Tensor>> PatchAutoencoder::decoder_parameters() const {
    std::vector<std::pair<std::string, at::Tensor>> out;
    for (const auto& parameter : set_.all())
        if (parameter.first.starts_with("decoder.") || parameter.first.starts_with("linear.restore")) out.push_back(parameter);
    return out;
}

}  // namespace c2l::generate
