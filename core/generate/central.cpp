#include "generate/central.h"

#include <ATen/ATen.h>

#include "base/error.h"
#include "base/hash.h"
#include "nn/device.h"

namespace c2l::generate {

Central Central::load(const std::filesystem::path& path, const c10::Device& device) {
    const auto file = nn::read_safetensors(path);
    if (file.meta("architecture") != "c2l-central-tiny")
        throw Error(ErrorCode::Mismatch, "is not a central model of this program (its architecture is \"" + file.meta("architecture", "unknown") + "\")", path);
    Central model;
    model.autoencoder.parameters().load(file, "autoencoder.");
    model.denoiser.parameters().load(file, "denoiser.");
    model.autoencoder.parameters().to(device);
    model.denoiser.parameters().to(device);
    model.latent_mean = file.at("latent.mean", {Autoencoder::kChannels}).to(device, c10::kFloat);
    model.latent_sd = file.at("latent.sd", {Autoencoder::kChannels}).to(device, c10::kFloat);
    model.id = sha256_file(path);
    model.metadata = file.metadata;
    model.device = device;
    model.bf16 = nn::bf16_pays(device);
    return model;
}

at::Tensor Central::encode(const at::Tensor& tiles) const {
    const auto z = autoencoder.encode(tiles, bf16);
    return (z - latent_mean.view({1, -1, 1, 1})) / latent_sd.view({1, -1, 1, 1});
}

at::Tensor Central::decode(const at::Tensor& latent) const {
    return autoencoder.decode(latent * latent_sd.view({1, -1, 1, 1}) + latent_mean.view({1, -1, 1, 1}), bf16);
}

}  // namespace c2l::generate
