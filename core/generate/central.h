// The central model: tile encoder, autoencoder, statistics of its latents, and denoiser; one safetensors file.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "generate/autoencoder.h"
#include "generate/unet.h"
#include "nn/safetensors.h"

namespace c2l::generate {

struct Central {
    Autoencoder autoencoder{0};
    UNet denoiser{0};
    at::Tensor latent_mean, latent_sd;  // 8, over the training tiles
    std::string id;                     // content hash of the file
    std::map<std::string, std::string> metadata;
    c10::Device device{c10::kCPU};
    bool bf16 = false;

    // Weights in fp32 on the device, none of them trainable. Throws Error(Mismatch|BadInput).
    static Central load(const std::filesystem::path& path, const c10::Device& device);

    at::Tensor encode(const at::Tensor& tiles) const;   // N×3×H×W (−1 … 1) → normalised latent
    at::Tensor decode(const at::Tensor& latent) const;  // back
};

}  // namespace c2l::generate
