// What the stages of one pretraining share: data, settings, where it runs, and the random numbers of every item.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/tile_view.h"
#include "generate/distributed.h"
#include "generate/generate.h"
#include "generate/preset.h"
#include "generate/training.h"
#include "nn/adamw.h"

namespace c2l::generate {

struct Run {
    static constexpr std::int64_t kReleaseEvery = 32;  // steps after which mapped pages are let go

    const TileView& tiles;
    const PretrainParams& params;
    std::filesystem::path work;
    c10::Device device;
    bool bf16;
    std::string fingerprint;  // of data and seed
    const Preset& preset;
    const JobContext& ctx;
    const Processes& processes;

    std::int64_t together(int batch) const { return std::int64_t{batch} * processes.count(); }
    // The generator of item `i` of this process's part of a step.
    Random random(std::string_view purpose, std::int64_t step, int batch, std::int64_t i) const {
        return item_random(purpose, step * together(batch) + std::int64_t{batch} * processes.rank() + i);
    }
    Random item_random(std::string_view purpose, std::int64_t number) const { return Random(derive_seed(params.seed, purpose, static_cast<std::uint64_t>(number))); }
    std::size_t draw_tile(Random& random) const { return static_cast<std::size_t>(random.below(static_cast<std::int64_t>(tiles.count()))); }
    void release(std::int64_t step) const {
        if (step % kReleaseEvery == 0) tiles.release();
    }

    // What the latents follow from: another autoencoder makes others, and the denoiser learns something else from them.
    std::string latents_fingerprint() const;
    Stage stage(const std::string& name, std::int64_t steps, int batch, std::function<at::Tensor(std::int64_t)> learn) const;
    nn::AdamWParams optimiser(double ema, double rate = 1.0) const {
        nn::AdamWParams out;
        out.learning_rate = params.learning_rate * rate;
        out.ema = ema;
        return out;
    }
};

}  // namespace c2l::generate
