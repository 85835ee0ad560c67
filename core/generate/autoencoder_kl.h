// The autoencoder of latent diffusion (Rombach 2022, arXiv 2112.10752) as diffusers stores it: the layouts of Stable Diffusion 1/2
// (4 channels, 1×1 "quant" convolutions), SDXL, and SD3 (16 channels, none of these, a shift). A latent is the mode of the posterior,
// (mean − shift) × scaling.
#pragma once

#include <vector>

#include "generate/autoencoder.h"
#include "generate/imported.h"

namespace c2l::generate {

class AutoencoderKL : public Autoencoder {
public:
    // Takes every tensor that the configuration asks for. Throws Error(BadInput|Unsupported) for the configuration and
    // Error(Mismatch) where the weights have less or more than it says.
    AutoencoderKL(const ModelConfig& config, nn::TensorSource& weights);

    at::Tensor encode(const at::Tensor& x, bool bf16) const override;
    at::Tensor decode(const at::Tensor& z, bool bf16) const override;
    int channels() const override { return latent_channels_; }
    int reduction() const { return 1 << (static_cast<int>(down_.size()) - 1); }  // side of a tile over that of its latent

private:
    struct Residual {
        FineGroupNorm norm1, norm2;
        nn::Conv conv1, conv2, shortcut;
        at::Tensor operator()(const at::Tensor& x, bool bf16) const;
    };
    struct Attention {  // one head over all positions
        FineGroupNorm norm;
        nn::Linear q, k, v, out;
        at::Tensor operator()(const at::Tensor& x, bool bf16) const;
    };
    struct Level {
        std::vector<Residual> blocks;
        nn::Conv resample;  // undefined weight: none
    };
    struct Middle {
        Residual first, second;
        Attention attention;
        bool attend = true;
        at::Tensor operator()(const at::Tensor& x, bool bf16) const;
    };

    Residual residual(ImportedLayers& layers, const std::string& name, int in, int out) const;
    Attention attention(ImportedLayers& layers, const std::string& name, int channels) const;
    Middle middle(ImportedLayers& layers, const std::string& name, int channels, bool attend) const;
    at::Tensor encode_part(const at::Tensor& x, bool bf16) const;
    at::Tensor decode_part(const at::Tensor& z, bool bf16) const;

    int latent_channels_ = 0, groups_ = 32;
    double scaling_ = 1, shift_ = 0;
    nn::Conv enc_in_, enc_out_, dec_in_, dec_out_, quant_, post_quant_;
    FineGroupNorm enc_norm_, dec_norm_;
    std::vector<Level> down_, up_;
    Middle enc_middle_, dec_middle_;
};

}  // namespace c2l::generate
