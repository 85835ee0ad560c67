#include "generate/central.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "generate/generate.h"
#include "generate/model_pack.h"
#include "generate/preset.h"
#include "nn/device.h"
#include "nn/encoder_net.h"

namespace c2l::generate {
namespace {

constexpr const char* kPrefix = "c2l-central-";

using Metadata = std::map<std::string, std::string>;

std::string text(const Metadata& metadata, const char* key, const char* fallback) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? fallback : found->second;
}

// Our own weights carry their card as JSON text.
std::string of_card(const Metadata& metadata, const char* key) {
    const auto card = nlohmann::json::parse(text(metadata, "card", "{}"), nullptr, false);
    const auto found = card.is_object() ? card.find(key) : card.end();
    return found != card.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Preset& preset_of(const Metadata& metadata, const std::filesystem::path& path) {
    const auto architecture = text(metadata, "architecture", "unknown").substr(0, 80);
    if (!architecture.starts_with(kPrefix))
        throw Error(ErrorCode::Mismatch, "is not a central model of this program (its architecture is \"" + architecture + "\")", path);
    for (const auto& preset : presets())
        if (preset.architecture() == architecture) return preset;
    throw Error(ErrorCode::Unsupported, "is a central model of the architecture \"" + architecture + "\", which this version does not know; get a newer version of the program", path);
}

}  // namespace

void require_parts(const nn::TensorFile& file) {
    file.only({"autoencoder.", "denoiser.", "encoder.", "latent.mean", "latent.sd"});
    file.require_finite("latent.");
    if (!(file.at("latent.sd").to(c10::kFloat) > 0).all().item<bool>())  // they are divided by
        throw Error(ErrorCode::BadInput, "tensor \"latent.sd\" holds standard deviations that are not above zero; get the file again from its source", file.path);
}

Central Central::load(const std::filesystem::path& path, const c10::Device& device) {
    if (is_model_pack(path)) return load_model_pack(path, device);
    const auto file = nn::read_safetensors(path);
    const auto& preset = preset_of(file.metadata, path);
    Central model;
    model.autoencoder = make_autoencoder(preset, 0);
    model.denoiser = make_denoiser(preset, 0);
    require_parts(file);
    model.autoencoder->parameters().load(file, "autoencoder.");
    model.denoiser->parameters().load(file, "denoiser.");
    nn::EncoderNet(0).parameters().load(file, "encoder.");  // not used here, but it must be one
    model.latent_mean = file.at("latent.mean", {preset.latent_channels}).to(c10::kFloat);
    model.latent_sd = file.at("latent.sd", {preset.latent_channels}).to(c10::kFloat);
    model.autoencoder->parameters().to(device);
    model.denoiser->parameters().to(device);
    model.latent_mean = model.latent_mean.to(device);
    model.latent_sd = model.latent_sd.to(device);
    model.tile_px = preset.tile_px;
    model.tile_um = preset.tile_um;
    model.adapter_rank = preset.adapter_rank;
    model.id = sha256_file(path);
    model.licence = of_card(file.metadata, "licence");
    model.attribution = of_card(file.metadata, "attribution");
    model.metadata = file.metadata;
    model.device = device;
    model.bf16 = nn::bf16_pays(device);
    return model;
}

at::Tensor Central::encode(const at::Tensor& tiles) const {
    const auto z = autoencoder->encode(tiles, bf16);
    return (z - latent_mean.view({1, -1, 1, 1})) / latent_sd.view({1, -1, 1, 1});
}

at::Tensor Central::decode(const at::Tensor& latent) const {
    return autoencoder->decode(latent * latent_sd.view({1, -1, 1, 1}) + latent_mean.view({1, -1, 1, 1}), bf16);
}

}  // namespace c2l::generate

namespace c2l {

CentralInfo central_info(const std::filesystem::path& path) {
    using namespace generate;
    if (is_model_pack(path)) return model_pack_info(path);
    const auto header = nn::read_safetensors_header(path);
    const auto& preset = preset_of(header.metadata, path);
    return {preset.architecture(), preset.tile_px, preset.tile_um, of_card(header.metadata, "licence"), of_card(header.metadata, "attribution")};
}

std::string central_id(const std::filesystem::path& path) {
    return generate::is_model_pack(path) ? generate::model_pack_id(generate::read_model_pack(path)) : sha256_file(path);
}

}  // namespace c2l
