#include "generate/preset.h"

#include "base/error.h"
#include "generate/generate.h"
#include "generate/sit.h"
#include "generate/unet.h"

namespace c2l::generate {

const std::vector<Preset>& presets() {
    static const std::vector<Preset> all{
        {"tiny", 128, 88.0, 8, 64, 16, 1.0},
        {"base", 256, 128.0, 16, 128, 28, 0.2, 768, 12, 12},
        {"large", 256, 128.0, 16, 128, 9, 0.1, 1024, 24, 16},
        {"nano", 64, 44.0, 16, 32, 4, 1.0, 64, 2, 2},  // to try a set-up of several machines from end to end, not to be used
    };
    return all;
}

const Preset& find_preset(const std::string& name) {
    std::string names;
    for (const auto& preset : presets()) {
        if (preset.name == name) return preset;
        names += (names.empty() ? "" : ", ") + preset.name;
    }
    throw Error(ErrorCode::BadInput, "preset \"" + name + "\" is not one of " + names);
}

std::uint64_t training_memory(const Preset& preset, int batch) {
    constexpr double kCopies = 5 * sizeof(float);  // weight, gradient, two moments, average
    if (preset.width == 0) return static_cast<std::uint64_t>(12.6e6 * kCopies + 14e6 * batch);
    const double d = preset.width, tokens = preset.latent_side() * preset.latent_side() / 4.0;
    const double parameters = preset.depth * (12 * d * d + 15 * d) + 9 * d * d;
    // What the backward pass of one block needs, numbers per token: its inputs, norms, modulated copies, q, k, v and heads, and four times
    // the width three times over in the perceptron; and the attention weights, held twice.
    const double activations = preset.depth * tokens * (24 * d + 2 * preset.heads * tokens) * sizeof(float);
    return static_cast<std::uint64_t>(parameters * kCopies + activations * batch);
}

std::unique_ptr<Denoiser> make_denoiser(const Preset& preset, std::uint64_t seed) {
    if (preset.width == 0) return std::make_unique<UNet>(seed);
    return std::make_unique<SiT>(SiTShape{preset.latent_channels, preset.width, preset.depth, preset.heads}, seed);
}

std::unique_ptr<PatchAutoencoder> make_autoencoder(const Preset& preset, std::uint64_t seed) {
    return std::make_unique<PatchAutoencoder>(preset.latent_channels, preset.autoencoder_width, seed);
}

}  // namespace c2l::generate

namespace c2l {

TrainingTile training_tile(const std::string& name) {
    const auto& preset = generate::find_preset(name);
    return {preset.tile_px * 5 / 4, preset.tile_um * 1.25};
}

std::vector<std::string> preset_names() {
    std::vector<std::string> out;
    for (const auto& preset : generate::presets()) out.push_back(preset.name);
    return out;
}

}  // namespace c2l
