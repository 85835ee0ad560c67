// Autoencoders between tiles and latents, and our own one.
#pragma once

#include "nn/layers.h"

namespace c2l::generate {

class Autoencoder {
public:
    virtual ~Autoencoder() = default;
    virtual at::Tensor encode(const at::Tensor& x, bool bf16) const = 0;  // N×3×H×W in −1 … 1 → N×channels()×H/factor()×W/factor()
    virtual at::Tensor decode(const at::Tensor& z, bool bf16) const = 0;  // back, not clamped
    virtual int channels() const = 0;
    int factor() const { return 8; }
    nn::ParameterSet& parameters() { return set_; }
    const nn::ParameterSet& parameters() const { return set_; }

protected:
    nn::ParameterSet set_;
};

// f8: a linear path (the principal components of 8×8 patches) carries colour and coarse form; a convolutional residual that
// starts at zero adds the rest. c8 for the tiny preset (1.2 M parameters), c16 and wider for base and large.
class PatchAutoencoder : public Autoencoder {
public:
    // `width` 64 makes the tiny one; other layers are multiples of it.
    PatchAutoencoder(int channels, int width, std::uint64_t seed);

    // Sets the linear path to the leading principal components of 8×8 patches of the batch (N×3×H×W), whitened.
    void init_linear(const at::Tensor& tiles);
    at::Tensor encode(const at::Tensor& x, bool bf16) const override;
    at::Tensor decode(const at::Tensor& z, bool bf16) const override;
    int channels() const override { return channels_; }
    std::vector<std::pair<std::string, at::Tensor>> decoder_parameters() const;  // what decode() alone uses

private:
    int channels_;
    at::Tensor project_, project_bias_, restore_, restore_bias_;  // linear path: C×192, C, 192×C, 192
    nn::Conv enc_in_, enc_down_, enc_out_, dec_in_, dec_up1_, dec_up2_, dec_out_;
    nn::ResBlock enc0_, enc1_, dec0_, dec1_, dec2_, dec3_;
};

}  // namespace c2l::generate
