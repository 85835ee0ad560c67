// The central model: autoencoder, statistics of its latents, and denoiser. One safetensors file of ours (which carries a tile encoder
// too), or a folder with a model pack of another project (see model_pack.h).
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "generate/autoencoder.h"
#include "generate/denoiser.h"
#include "nn/safetensors.h"

namespace c2l::generate {

struct Central {
    std::unique_ptr<Autoencoder> autoencoder;
    std::unique_ptr<Denoiser> denoiser;
    at::Tensor latent_mean, latent_sd;  // per channel, over the training tiles
    int tile_px = 0;
    double tile_um = 0;
    int adapter_rank = 16;
    std::string id;                     // content hash
    std::string licence, attribution;   // of the weights; carried into whatever is made with them
    std::map<std::string, std::string> metadata;
    c10::Device device{c10::kCPU};
    bool bf16 = false;

    // Weights in fp32 on the device, none of them trainable. The file's tensors are exactly those of its architecture, and finite.
    // Throws Error(NotFound|Mismatch|BadInput|Unsupported).
    static Central load(const std::filesystem::path& path, const c10::Device& device);

    int channels() const { return autoencoder->channels(); }
    int latent_side() const { return tile_px / autoencoder->factor(); }
    at::Tensor encode(const at::Tensor& tiles) const;   // N×3×H×W (−1 … 1) → normalised latent
    at::Tensor decode(const at::Tensor& latent) const;  // back
};

// A central model's file has its four parts and nothing else, and statistics of the latents that can be used. Throws Error(Mismatch|BadInput).
void require_parts(const nn::TensorFile& file);

}  // namespace c2l::generate
