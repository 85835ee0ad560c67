// The presets of central models: one line of figures each, and the networks they stand for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "generate/autoencoder.h"
#include "generate/denoiser.h"

namespace c2l::generate {

struct Preset {
    std::string name;
    int tile_px;
    double tile_um;            // field of a tile
    int latent_channels;       // of the autoencoder f8
    int autoencoder_width;
    int adapter_rank;          // such that an adapter in bfloat16 stays below 5 MB
    double rate;               // of learning the denoiser, over that of the other networks
    int width = 0, depth = 0, heads = 0;  // of the transformer; 0: the U-Net

    int latent_side() const { return tile_px / 8; }
    std::string architecture() const { return "c2l-central-" + name; }
};

const std::vector<Preset>& presets();
// Throws Error(BadInput) that lists the names.
const Preset& find_preset(const std::string& name);

// Memory that a training step of the denoiser takes on the CPU (weights, gradients, moments, average and fp32 activations), bytes;
// an estimate to refuse by, within a quarter of what was measured.
std::uint64_t training_memory(const Preset& preset, int batch);

std::unique_ptr<Denoiser> make_denoiser(const Preset& preset, std::uint64_t seed);
std::unique_ptr<PatchAutoencoder> make_autoencoder(const Preset& preset, std::uint64_t seed);

}  // namespace c2l::generate
