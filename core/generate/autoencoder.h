// Autoencoder f8c8: 128×128×3 → 16×16×8. A linear path (the principal components of 8×8 patches) carries colour and coarse form; a
// convolutional residual that starts at zero adds the rest.
#pragma once

#include "nn/layers.h"

namespace c2l::generate {

class Autoencoder {
public:
    static constexpr int kFactor = 8;
    static constexpr int kChannels = 8;
    explicit Autoencoder(std::uint64_t seed);

    // Sets the linear path to the leading principal components of 8×8 patches of the batch (N×3×H×W), whitened.
    void init_linear(const at::Tensor& tiles);
    at::Tensor encode(const at::Tensor& x, bool bf16) const;  // N×3×H×W → N×8×H/8×W/8
    at::Tensor decode(const at::Tensor& z, bool bf16) const;  // back, not clamped
    nn::ParameterSet& parameters() { return set_; }

private:
    nn::ParameterSet set_;
    at::Tensor project_, project_bias_, restore_, restore_bias_;  // linear path: 8×192, 8, 192×8, 192
    nn::Conv enc_in_, enc_down_, enc_out_, dec_in_, dec_up1_, dec_up2_, dec_out_;
    nn::ResBlock enc0_, enc1_, dec0_, dec1_, dec2_, dec3_;
};

}  // namespace c2l::generate
