// The generator: a central flow-matching model of tissue, its local gene-conditioned adaptation, and sampling.
// Needs LibTorch, the standard library and nlohmann/json only.
//
// Method: rectified flow in the latent space of an autoencoder (SiT, arXiv 2401.08740), modulation adapter after DiffFit
// (arXiv 2304.06648) and guidance over an interval (arXiv 2404.07724). How C2L-ST (arXiv 2603.26827) does it in detail is not
// public; what is here is our own reading of its abstract.
// All functions block and check for a stop once per batch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/image.h"
#include "base/job.h"
#include "base/matrix.h"
#include "dataset/tiles.h"

namespace c2l {

// The tile of the tiny preset: 128 px of 0.6875 µm, that is a field of 88 µm.
constexpr int kTileSize = 128;
constexpr double kTileUm = 88.0;

struct ComputeParams {
    std::string device = "auto";  // auto, cpu, cuda, cuda:1
    int threads = 0;              // 0: all cores
};
// "auto" resolved to what this machine offers ("cpu", "cuda:0"), with the threads set. Throws Error(NotFound) for a CUDA
// device that is not there.
std::string use_device(const ComputeParams& compute);

struct PretrainParams {
    std::string preset = "tiny";
    int autoencoder_steps = 3000;
    int encoder_steps = 2000;
    int denoiser_steps = 12000;
    int encoder_pairs = 64;       // two crops each in a step
    int autoencoder_batch = 16;
    int batch = 32;               // of the denoiser
    double learning_rate = 1e-3;
    std::uint64_t seed = 0;
    bool bf16 = true;  // where the device does it well
    ComputeParams compute;
    std::string card_json = "{}";  // data, licences, attribution: copied into the metadata
};
// Trains autoencoder, encoder and denoiser on square tiles larger than or equal to kTileSize (random crops, flips, jitter)
// and writes one safetensors file. `work` keeps checkpoints; the same call goes on from there, exactly (CPU).
void pretrain(const TileSet& tiles, const PretrainParams& params, const std::filesystem::path& work,
              const std::filesystem::path& out, const JobContext& ctx);

struct AdaptParams {
    int steps = 600;
    int batch = 32;
    double learning_rate = 5e-4;
    double gene_dropout = 0.1;
    int patience = 6;           // held-out checks without gain before the early stop
    bool full = false;          // tune every weight, for comparison
    std::uint64_t seed = 0;
    ComputeParams compute;
};
struct AdaptCurvePoint {
    std::int64_t step = 0;
    double loss = 0;
    double held_out = 0;  // NaN between checks
};
struct AdaptResult {
    std::vector<AdaptCurvePoint> curve;
    std::int64_t best_step = 0;
    double held_out_before = 0;  // flow loss of the central model on the inner held-out spots
    double held_out_best = 0;
    double seconds = 0;
};
// Learns on `train` only (an inner tenth of it decides early stopping) and writes the adapter file. `work` keeps checkpoints
// and preview images.
AdaptResult adapt(const std::filesystem::path& central, const TrainTiles& train, const GenePanel& panel, const AdaptParams& params,
                  const std::filesystem::path& work, const std::filesystem::path& adapter, const JobContext& ctx);

struct SampleParams {
    std::string sampler = "heun";  // heun, euler
    int steps = 10;
    double guidance = 1.5;
    double guidance_low = 0.2, guidance_high = 0.8;  // flow times between which guidance acts; 0 noise, 1 image
    int batch = 16;
    ComputeParams compute;
};
// One tile per row of `profiles` (standardised by the adapter's panel) and seed; the same seed gives the same tile whatever
// the batch size.
TileSet synthesize(const std::filesystem::path& central, const std::filesystem::path& adapter, const Matrix& profiles,
                   const std::vector<std::uint64_t>& seeds, const SampleParams& params, const JobContext& ctx);
// Unconditional tiles of the central model.
TileSet synthesize_central(const std::filesystem::path& central, const std::vector<std::uint64_t>& seeds, const SampleParams& params,
                           const JobContext& ctx);

// The panel stored in an adapter file, and the id of the central model it belongs to.
GenePanel adapter_panel(const std::filesystem::path& adapter);

// Architecture, parameter count and metadata of any safetensors file, as JSON for `c2l info`.
std::string describe_weights(const std::filesystem::path& weights);

// What `c2l doctor` reports of LibTorch: devices, BLAS flavour, threads, versions; JSON.
std::string describe_compute();

}  // namespace c2l
