// Model packs: a folder with manifest.json that makes a central model of another project's weights. Data only; its fields are in
// docs/formats.md. All files lie in the folder, weights are safetensors, and licence and attribution go into whatever is made with it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "generate/central.h"
#include "generate/generate.h"
#include "generate/noise_schedule.h"

namespace c2l::generate {

struct ModelPack {
    struct Part {
        std::filesystem::path config, weights;              // config.json; a safetensors file or an index of several
        std::map<std::string, std::string> sha256;          // file name → 64 digits, for those that the manifest tells
    };
    std::filesystem::path folder;
    std::string id, licence, attribution, source;
    int tile_px = 0, adapter_rank = 0;                      // rank 0: chosen by the size of the network
    double tile_um = 0;
    Part autoencoder, denoiser;
    std::filesystem::path context;                          // safetensors with "context" (tokens × numbers); empty: unconditional
    ScheduleParams schedule;
};

// A folder, or the manifest.json in one.
bool is_model_pack(const std::filesystem::path& path);

// Reads and checks the manifest and where its files are. Throws Error(NotFound|BadInput|Unsupported).
ModelPack read_model_pack(const std::filesystem::path& path);

// Checks the SHA-256 of the files, then loads. Throws Error(Mismatch|BadInput|Unsupported|NotFound).
Central load_model_pack(const std::filesystem::path& path, const c10::Device& device);

// Hash of all that changes what the model does: weights, configurations, schedule, tile and context. Checks the manifest's SHA-256.
std::string model_pack_id(const ModelPack& pack);

CentralInfo model_pack_info(const std::filesystem::path& path);

// For `c2l info`: JSON text.
std::string describe_model_pack(const std::filesystem::path& path);

}  // namespace c2l::generate
