// Model packs for tests: small random networks in the layout of diffusers, see fixtures/.
#pragma once

#include <ATen/ATen.h>

#include <QtGlobal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "generate/central.h"
#include "nn/safetensors.h"

namespace c2l::test {

namespace fs = std::filesystem;
using generate::Central;
using nlohmann::json;

inline fs::path fixtures() { return fs::path(C2L_SOURCE_DIR) / "tests/generate/fixtures"; }

// Greatest deviation over the greatest magnitude.
inline double error_of(const at::Tensor& mine, const at::Tensor& theirs) {
    if (mine.sizes() != theirs.sizes()) return 1e9;
    return ((mine - theirs).abs().max() / theirs.abs().max()).item<double>();
}

// A pack of the SD3-like autoencoder and the PixCell-like transformer: tiles of 64 px.
inline json pack_manifest() {
    return {{"id", "tiny-random"},
            {"kind", "central"},
            {"licence", "CC-BY-NC-ND-4.0"},
            {"attribution", "Random numbers of the tests"},
            {"source", "tests/peers"},
            {"tile_px", 64},
            {"tile_um", 32.0},
            {"autoencoder", {{"config", "vae/config.json"}, {"weights", "vae/diffusion_pytorch_model.safetensors"}}},
            {"denoiser", {{"config", "transformer/config.json"}, {"weights", "transformer/diffusion_pytorch_model.safetensors"}}},
            {"scheduler", {{"beta_start", 1e-4}, {"beta_end", 0.02}, {"schedule", "linear"}, {"steps", 1000}, {"prediction", "epsilon"}}}};
}

inline void write_manifest(const fs::path& folder, const json& manifest) { write_file(folder / "manifest.json", manifest.dump(2)); }

inline fs::path make_pack(const fs::path& folder, const json& manifest = pack_manifest()) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    fs::copy(fixtures() / "vae-sd3", folder / "vae", fs::copy_options::recursive);
    fs::copy(fixtures() / "pixcell", folder / "transformer", fs::copy_options::recursive);
    write_manifest(folder, manifest);
    return folder;
}

inline const std::string kWeights = "diffusion_pytorch_model.safetensors", kIndex = kWeights + ".index.json";
inline const std::string kShards[] = {"diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors"};

inline json sharded_manifest() {
    auto manifest = pack_manifest();
    manifest["denoiser"]["weights"] = "transformer/" + kIndex;
    return manifest;
}

// The same pack with the transformer's weights in two files and their index.
inline fs::path make_sharded_pack(const fs::path& folder, const json& manifest = sharded_manifest()) {
    const auto transformer = make_pack(folder, manifest) / "transformer";
    std::map<std::string, at::Tensor> parts[2];
    json map = json::object();
    for (const auto& [name, tensor] : nn::read_safetensors(transformer / kWeights).tensors) {
        const auto part = map.size() % 2;
        parts[part][name] = tensor;
        map[name] = kShards[part];
    }
    for (std::size_t part = 0; part < 2; ++part) nn::write_safetensors(transformer / kShards[part], parts[part], {});
    write_file(transformer / kIndex, json{{"metadata", json::object()}, {"weight_map", map}}.dump());
    fs::remove(transformer / kWeights);
    return folder;
}

// Loads a pack that must be refused; the message, or what went wrong with the refusal.
inline std::string refusal(const fs::path& pack, ErrorCode code) {
    try {
        Central::load(pack, c10::Device(c10::kCPU));
    } catch (const Error& error) {
        const std::string what = error.what();
        if (error.code() != code) return "WRONG CODE: " + what;
        if (error.path().empty()) return "NAMES NO FILE: " + what;
        if (what.empty() || what.find('\n') != std::string::npos || what.back() == '.') return "NOT ONE SENTENCE: " + what;
        return what;
    }
    return "NOT REFUSED";
}

inline bool says(const std::string& message, const char* words) {
    const bool found = message.find(words) != std::string::npos;
    if (!found) qWarning("said: %s", message.c_str());
    return found;
}

}  // namespace c2l::test
