#include "nn/encoder_net.h"

#include <ATen/ATen.h>

namespace c2l::nn {

EncoderNet::EncoderNet(std::uint64_t seed) {
    Initialiser init(seed);
    const double relu_gain = 1.4;
    stem_ = Conv(set_, init, "stem", 48, 48, 3, 1, relu_gain);
    block0_ = ResBlock(set_, init, "block0", 48);
    down1_ = Conv(set_, init, "down1", 48, 96, 3, 2, relu_gain);
    block1_ = ResBlock(set_, init, "block1", 96);
    down2_ = Conv(set_, init, "down2", 96, 192, 3, 2, relu_gain);
    block2_ = ResBlock(set_, init, "block2", 192);
    top_ = Conv(set_, init, "top", 192, kDims, 1, 1, relu_gain);
    hidden_ = Linear(head_, init, "head.hidden", kDims, kDims, relu_gain);
    out_ = Linear(head_, init, "head.out", kDims, 128);
}

at::Tensor EncoderNet::features(const at::Tensor& x, bool bf16) const {
    auto h = activations(at::pixel_unshuffle(x, 4), bf16);
    h = block0_(stem_(h, bf16), bf16);
    h = block1_(down1_(at::silu(h), bf16), bf16);
    h = block2_(down2_(at::silu(h), bf16), bf16);
    return at::silu(top_(at::silu(h), bf16)).to(x.scalar_type()).mean({2, 3});
}

at::Tensor EncoderNet::project(const at::Tensor& features) const {
    const auto z = out_(at::silu(hidden_(features)));
    return z / z.norm(2, {1}, true).clamp_min(1e-6);
}

}  // namespace c2l::nn
