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
#include <memory>
#include <string>
#include <vector>

#include "base/image.h"
#include "base/job.h"
#include "base/matrix.h"
#include "base/tile_view.h"
#include "dataset/tiles.h"
#include "nn/tile_encoder.h"

namespace c2l {

// What is known of a central model without reading its weights.
struct CentralInfo {
    std::string architecture;           // "c2l-central-tiny", "PixArtTransformer2DModel", …
    int tile_px = 0;
    double tile_um = 0;                 // field of a tile
    std::string licence, attribution;   // of the weights; go into whatever is made with them; may be empty
};
CentralInfo central_info(const std::filesystem::path& central);
// What a central model is known by: the SHA-256 of its file, or of all that a model pack's folder says. Reads the weights.
std::string central_id(const std::filesystem::path& central);

// The tile of the tiny preset: 128 px of 0.6875 µm, that is a field of 88 µm.
constexpr int kTileSize = 128;
constexpr double kTileUm = 88.0;

struct ComputeParams {
    std::string device = "auto";  // auto, cpu, cuda, cuda:1
    int threads = 0;              // 0: all cores that this process may use
};
// "auto" resolved to what this machine offers ("cpu", "cuda:0"), with the threads set. Throws Error(NotFound) for a CUDA
// device that is not there.
std::string use_device(const ComputeParams& compute);

struct PretrainParams {
    std::string preset = "tiny";
    int autoencoder_steps = 3000;
    int decoder_steps = 1500;     // of the decoder against a critic, the encoder as it is
    int encoder_steps = 2000;
    int denoiser_steps = 12000;
    int encoder_pairs = 64;       // two crops each in a step, of each process
    int autoencoder_batch = 16;   // of each process
    int batch = 32;               // of the denoiser, of each process
    int views = 4;                // encoded views kept of each tile for the denoiser, on disk (in all at least 20,000)
    double learning_rate = 1e-3;
    std::uint64_t seed = 0;
    bool bf16 = true;  // where the device does it well
    ComputeParams compute;
    std::filesystem::path init;    // a central model to go on from; stages of 0 steps keep its weights
    std::string card_json = "{}";  // data, licences, attribution: copied into the metadata
};
// Of this call's part of the denoiser's training (nothing where that was finished before).
struct PretrainTimes {
    double denoiser_s = 0;
    double data_wait_s = 0;  // in which the denoiser waited for its batches
};
class Processes;
// Trains autoencoder, encoder and denoiser on square tiles larger than or equal to those of the preset (random crops, flips, jitter)
// and writes one safetensors file. `work` keeps checkpoints, losses and encoded tiles; the same call goes on from there, exactly (CPU).
// Several processes (generate/distributed.h) need the same tiles and the same `work`, and do what one would do with batches as large as
// all of theirs together; the first one writes. Null: this process alone.
// Throws Error(Memory) when the preset with this batch does not fit, before anything is trained.
PretrainTimes pretrain(const TileView& tiles, const PretrainParams& params, const std::filesystem::path& work, const std::filesystem::path& out,
                       const JobContext& ctx, const Processes* processes = nullptr);

// Side in pixels and field in µm of the tiles that pretraining of a preset wants: a quarter more than the preset's, for crops to move in.
struct TrainingTile {
    int px = 0;
    double um = 0;
};
TrainingTile training_tile(const std::string& preset);
std::vector<std::string> preset_names();

// Side of the field that a tile of the adaptation is cropped from, over the tile's own.
constexpr double kAdaptMargin = 1.25;
// How far apart, in x or in y, the centres of such a field and of a tile must be to show nothing in common.
constexpr double clear_of_learnt_um(double tile_um) { return tile_um * (1 + kAdaptMargin) / 2; }

struct AdaptParams {
    int steps = 600;
    int batch = 32;
    double learning_rate = 2e-3;  // 5e-4 follows the genes a little less (docs/benchmarks.md)
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
    std::int64_t best_step = 0;  // whose weights are kept: the last ones within a standard error of the least held-out loss; 0: none are
    double held_out_before = 0;  // flow loss of the central model on the inner held-out spots
    double held_out_best = 0;    // the least
    double held_out_kept = 0;    // of the weights that are kept
    std::int64_t tissue_tiles = 0;  // places without genes that were learnt from
    int batch = 0;               // smaller than asked for where memory ran out
    std::filesystem::path work;  // where the previews of this batch are: the given folder, or one in it
    double seconds = 0;
};
// Learns on `train` and on `tissue` (an inner tenth of `train` decides early stopping) and writes the adapter file. `tissue`: places of the same slide
// that have no genes and are clear of all held-out spots (those near the inner tenth are left out here); a quarter of each batch comes from there, without genes, so that
// the section's look is learnt from more than the spots. Where it is empty, that quarter is drawn from the central model and keeps what that one knows. `work` keeps checkpoints
// and preview images. Where memory runs out it starts again with half the batch and says so in an issue.
AdaptResult adapt(const std::filesystem::path& central, const TrainTiles& train, const Places& tissue, const GenePanel& panel, const AdaptParams& params,
                  const std::filesystem::path& work, const std::filesystem::path& adapter, const JobContext& ctx);

struct SampleParams {
    std::string sampler = "heun";  // heun, euler, dpm++2m
    int steps = 10;
    double guidance = 3.0;                           // measured: less follows the genes less, 4 and more cost likeness
    // What guidance leads away from. "mean": the mean profile of the training spots, so that only what sets a profile apart from the section is exaggerated;
    // "none": the absence of genes, which exaggerates how these spots differ from the tissue of the central model too (docs/benchmarks.md).
    std::string guidance_against = "mean";
    double guidance_low = 0.0, guidance_high = 0.9;  // flow times between which guidance acts; 0 noise, 1 image
    int batch = 16;                                  // tiles at once on a GPU, halved where memory runs out; a CPU always takes four (see Generator)
    ComputeParams compute;
};
// What suits a central model: Heun with 10 steps and guidance 3 for our own, DPM-Solver++(2M) with 20 and guidance 2 for imported ones.
SampleParams default_sampling(const CentralInfo& central);
int default_steps(const std::string& sampler);  // heun 10, euler 20, dpm++2m 20

// A central model with an adapter, loaded once and drawn from as often as wanted; one caller at a time, from any thread.
//
// A seed is a tile: on a CPU its bytes depend on neither the batch nor its place in it, because everything is computed in fours, filled up where
// fewer are wanted (kernels order their sums by the shape of the batch, and that shape is always the same). On a GPU the batch is the
// caller's, and a pixel may differ by rounding of bfloat16.
class Generator {
public:
    // Throws Error(Mismatch) for an adapter of another central model.
    Generator(const std::filesystem::path& central, const std::filesystem::path& adapter, const ComputeParams& compute);
    Generator(Generator&&) noexcept;
    Generator& operator=(Generator&&) noexcept;
    ~Generator();

    const GenePanel& panel() const;
    // One tile per row of `profiles` (standardised by the panel) and seed. `params.compute` is not looked at.
    TileSet draw(const Matrix& profiles, const std::vector<std::uint64_t>& seeds, const SampleParams& params, const JobContext& ctx) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};
// The same for once.
TileSet synthesize(const std::filesystem::path& central, const std::filesystem::path& adapter, const Matrix& profiles,
                   const std::vector<std::uint64_t>& seeds, const SampleParams& params, const JobContext& ctx);
// Unconditional tiles of the central model.
TileSet synthesize_central(const std::filesystem::path& central, const std::vector<std::uint64_t>& seeds, const SampleParams& params,
                           const JobContext& ctx);

// What an adapter file says of itself. Nothing in it tells whose tissue it was made from: it may be given to another institution.
struct AdapterInfo {
    GenePanel panel;                    // genes, their unit, mean and standard deviation over the training spots
    std::string central;                // central_id() of the model it belongs to
    std::string central_architecture, central_licence, central_attribution;
    bool full = false;                  // every weight was tuned
    std::string training_json = "{}";   // object: spots, steps, losses, program version …
};
// Throws Error(NotFound|BadInput|Mismatch|Unsupported) for what is no sound adapter; whether it fits a central model, only Generator tells.
AdapterInfo adapter_info(const std::filesystem::path& adapter);
GenePanel adapter_panel(const std::filesystem::path& adapter);
// What the generator sees of a profile: genes × k directions, orthogonal and of one length, that standardised profiles are projected on.
Matrix adapter_components(const std::filesystem::path& adapter);

// Architecture, parameter count and metadata of any safetensors file, as JSON for `c2l info`.
std::string describe_weights(const std::filesystem::path& weights);

// What `c2l doctor` reports of LibTorch: devices, BLAS flavour, threads, versions; JSON.
std::string describe_compute();

// Where things lie in a tile, in the generator's own eyes: normalised latents averaged over an 8 × 8 grid, less their mean over the tile, at length 1. For the copy gate, which asks
// whether a tile was learnt by heart, and for nothing else: judging how real tiles look by them would be circular. Tiles of the central model's size; the id is known without the weights.
std::string latent_features_id(const std::string& central_id);
std::unique_ptr<TileEncoder> latent_features(const std::filesystem::path& central, const ComputeParams& compute);

}  // namespace c2l
