// Central pretraining: tile encoder by contrast, then autoencoder, then flow matching in its latent space.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/provenance.h"
#include "generate/central.h"
#include "generate/flow.h"
#include "generate/generate.h"
#include "generate/training.h"
#include "nn/augment.h"
#include "nn/device.h"
#include "nn/encoder_net.h"

namespace c2l {
namespace {

using namespace generate;
using namespace nn;
using nlohmann::json;

constexpr std::int64_t kLatentCache = 24000;  // encoded crops kept for the denoiser: 190 MB
constexpr std::int64_t kFewestLatents = 64;   // enough for their mean and spread

struct Run {
    const TileSet& tiles;
    const PretrainParams& params;
    std::filesystem::path work;
    c10::Device device;
    bool bf16;
    std::string fingerprint;  // of data and seed
    const JobContext& ctx;

    Random random(const char* purpose, std::int64_t step) const { return Random(derive_seed(params.seed, purpose, static_cast<std::uint64_t>(step))); }
    at::Tensor crops(std::int64_t n, Random& random, bool jitter) const {
        auto x = random_orientation(random_crops(tiles, n, kTileSize, random), random);
        return jitter ? stain_jitter(x, {}, random) : x;
    }
    Stage stage(const std::string& name, std::int64_t steps, int batch, std::function<at::Tensor(std::int64_t)> loss) const {
        Stage out;
        out.name = name;
        out.steps = steps;
        out.work = work;
        out.fingerprint = sha256_hex(fingerprint + json{{"stage", name}, {"steps", steps}, {"rate", params.learning_rate}, {"batch", batch}}.dump());
        out.loss = std::move(loss);
        return out;
    }
    AdamWParams optimiser(double ema) const {
        AdamWParams out;
        out.learning_rate = params.learning_rate;
        out.ema = ema;
        return out;
    }
};

// Two crops of one larger tile, turned and jittered apart, attract; all others of the batch repel (NT-Xent).
at::Tensor contrast_loss(const Run& run, const EncoderNet& net, std::int64_t step) {
    auto random = run.random("encoder", step);
    const std::int64_t pairs = run.params.encoder_pairs;
    std::vector<std::int64_t> chosen;
    const auto first = random_crops(run.tiles, pairs, kTileSize, random, &chosen);
    auto second = at::empty({pairs, kTileSize, kTileSize, 3}, c10::kFloat);
    const auto room = run.tiles.size - kTileSize + 1;
    for (std::int64_t i = 0; i < pairs; ++i) {
        const int x0 = static_cast<int>(random.below(room)), y0 = static_cast<int>(random.below(room));
        copy_crop(run.tiles, static_cast<std::size_t>(chosen[static_cast<std::size_t>(i)]), x0, y0, kTileSize,
                  second.data_ptr<float>() + i * kTileSize * kTileSize * 3);
    }
    const auto views = random_orientation(at::cat({first, second.permute({0, 3, 1, 2})}), random);
    const auto z = net.project(net.features(stain_jitter(views, {0.15, 0.06}, random).to(run.device), run.bf16));
    const double temperature = 0.2;
    auto similarity = at::matmul(z, z.t()).div(temperature);
    similarity = similarity - at::eye(2 * pairs, similarity.options()).mul(1e4);
    const auto target = at::arange(2 * pairs, at::TensorOptions(c10::kLong).device(run.device)).add(pairs).remainder(2 * pairs);
    // Other crops of the same tile drawn twice would be false negatives; a batch is small beside the number of tiles, so they are left.
    return at::cross_entropy_loss(similarity, target);
}

void train_encoder(const Run& run, EncoderNet& net) {
    net.parameters().to(run.device);
    net.head().to(run.device);
    AdamW optimiser({{net.parameters().all(), 1.0}, {net.head().all(), 1.0}}, run.optimiser(0.999));
    run_stage(run.stage("encoder", run.params.encoder_steps, run.params.encoder_pairs, [&](std::int64_t step) { return contrast_loss(run, net, step); }), optimiser,
              run.ctx);
    optimiser.swap_averaged();
}

// Local contrast: root mean square of the detail above a 5-px blur, in 8-px neighbourhoods. Keeps texture that L1 would smooth away.
at::Tensor local_contrast(const at::Tensor& x) {
    const auto detail = x - at::avg_pool2d(x, 5, 1, 2, false, false);
    return at::avg_pool2d(detail.square(), 8, 4).add(1e-4).sqrt();
}

at::Tensor autoencoder_loss(const Run& run, const Autoencoder& net, std::int64_t step) {
    auto random = run.random("autoencoder", step);
    const auto x = run.crops(run.params.autoencoder_batch, random, true).to(run.device);
    const auto z = net.encode(x, run.bf16);
    const auto noise = normal_noise(z.sizes(), random).to(run.device).mul(0.05);
    const auto y = net.decode(z + noise, run.bf16);
    const auto error = y - x;
    const auto gradient = error.diff(1, 2).abs().mean() + error.diff(1, 3).abs().mean();
    return error.abs().mean() + 0.5 * gradient + 0.2 * (local_contrast(y) - local_contrast(x)).abs().mean() + 1e-4 * z.square().mean();
}

void train_autoencoder(const Run& run, Autoencoder& net) {
    auto random = run.random("linear", 0);
    net.init_linear(run.crops(256, random, false));
    net.parameters().to(run.device);
    AdamW optimiser({{net.parameters().all(), 1.0}}, run.optimiser(0.998));
    run_stage(run.stage("autoencoder", run.params.autoencoder_steps, run.params.autoencoder_batch,
                        [&](std::int64_t step) { return autoencoder_loss(run, net, step); }),
              optimiser, run.ctx);
    optimiser.swap_averaged();
}

// Latents of random crops, on the CPU; and their statistics.
at::Tensor cache_latents(const Run& run, const Autoencoder& net, at::Tensor& mean, at::Tensor& sd) {
    c10::NoGradGuard no_grad;
    const auto side = kTileSize / Autoencoder::kFactor;
    const auto n = std::clamp(static_cast<std::int64_t>(run.params.denoiser_steps) * run.params.batch, kFewestLatents, kLatentCache);
    auto cache = at::empty({n, Autoencoder::kChannels, side, side}, c10::kFloat);
    EtaClock clock;
    for (std::int64_t begin = 0; begin < n; begin += 32) {
        run.ctx.check_stop();
        const auto count = std::min<std::int64_t>(32, n - begin);
        auto random = run.random("latents", begin);
        cache.narrow(0, begin, count).copy_(net.encode(run.crops(count, random, true).to(run.device), run.bf16));
        Progress progress;
        progress.step = "latents";
        progress.done = begin + count;
        progress.total = n;
        progress.eta_s = clock.eta_s(begin + count, n);
        run.ctx.progress(progress);
    }
    mean = cache.mean({0, 2, 3});
    sd = cache.transpose(0, 1).reshape({Autoencoder::kChannels, -1}).std(1).clamp_min(1e-3);
    cache.sub_(mean.view({1, -1, 1, 1})).div_(sd.view({1, -1, 1, 1}));
    return cache;
}

void train_denoiser(const Run& run, UNet& net, const at::Tensor& latents) {
    net.parameters().to(run.device);
    AdamW optimiser({{net.parameters().all(), 1.0}}, run.optimiser(0.9995));
    const Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return net(x, t, nullptr, run.bf16); };
    auto stage = run.stage("denoiser", run.params.denoiser_steps, run.params.batch, [&](std::int64_t step) {
        auto random = run.random("denoiser", step);
        auto rows = at::empty({run.params.batch}, c10::kLong);
        for (std::int64_t i = 0; i < run.params.batch; ++i) rows.data_ptr<std::int64_t>()[i] = random.below(latents.size(0));
        const auto image = latents.index_select(0, rows).to(run.device).contiguous(at::MemoryFormat::ChannelsLast);
        const auto noise = normal_noise(image.sizes(), random).to(run.device).contiguous(at::MemoryFormat::ChannelsLast);
        return flow_loss(image, noise, logit_normal_times(image.size(0), random).to(run.device), velocity);
    });
    stage.warmup = 300;
    // Latents belong to one autoencoder: another one makes this another run.
    stage.fingerprint = sha256_hex(stage.fingerprint + run.stage("autoencoder", run.params.autoencoder_steps, run.params.autoencoder_batch, {}).fingerprint);
    run_stage(stage, optimiser, run.ctx);
    optimiser.swap_averaged();
}

void check(const TileSet& tiles, const PretrainParams& params) {
    if (params.preset != "tiny")
        throw Error(ErrorCode::Unsupported, "preset \"" + params.preset + "\" is not available in this version; use tiny");
    if (tiles.count() < 16) throw Error(ErrorCode::BadInput, "pretraining needs at least 16 tiles, there are " + std::to_string(tiles.count()));
    if (tiles.size < kTileSize)
        throw Error(ErrorCode::BadInput, "pretraining needs tiles of at least " + std::to_string(kTileSize) + " px, these have " + std::to_string(tiles.size));
    for (const int batch : {params.batch, params.autoencoder_batch, params.encoder_pairs})
        if (batch < 1 || batch > 4096) throw Error(ErrorCode::BadInput, "batches must be 1 to 4096");
}

}  // namespace

void pretrain(const TileSet& tiles, const PretrainParams& params, const std::filesystem::path& work, const std::filesystem::path& out, const JobContext& ctx) {
    check(tiles, params);
    const auto device = open_device(params.compute.device, params.compute.threads);
    Sha256 hash;
    hash.update(tiles.rgb.data(), tiles.rgb.size());
    const bool bf16 = params.bf16 && bf16_pays(device);
    hash.update("seed " + std::to_string(params.seed) + " size " + std::to_string(tiles.size) + (bf16 ? " bf16" : ""));
    const Run run{tiles, params, work, device, bf16, hash.hex(), ctx};

    EncoderNet encoder(derive_seed(params.seed, "encoder weights"));
    train_encoder(run, encoder);
    Autoencoder autoencoder(derive_seed(params.seed, "autoencoder weights"));
    train_autoencoder(run, autoencoder);
    at::Tensor mean, sd;
    const auto latents = cache_latents(run, autoencoder, mean, sd);
    UNet denoiser(derive_seed(params.seed, "denoiser weights"));
    train_denoiser(run, denoiser, latents);

    std::map<std::string, at::Tensor> tensors{{"latent.mean", mean}, {"latent.sd", sd}};
    for (auto& [name, tensor] : encoder.parameters().state("encoder.")) tensors.emplace(name, tensor.to(c10::kBFloat16));
    for (auto& [name, tensor] : autoencoder.parameters().state("autoencoder.")) tensors.emplace(name, tensor.to(c10::kBFloat16));
    for (auto& [name, tensor] : denoiser.parameters().state("denoiser.")) tensors.emplace(name, tensor.to(c10::kBFloat16));
    const json record{{"seed", params.seed},
                      {"tiles", tiles.count()},
                      {"tile_px", tiles.size},
                      {"encoder_steps", params.encoder_steps},
                      {"encoder_pairs", params.encoder_pairs},
                      {"autoencoder_batch", params.autoencoder_batch},
                      {"autoencoder_steps", params.autoencoder_steps},
                      {"denoiser_steps", params.denoiser_steps},
                      {"batch", params.batch},
                      {"learning_rate", params.learning_rate},
                      {"bf16", run.bf16},
                      {"device", describe_device(device)},
                      {"program_version", program_version()}};
    write_safetensors(out, tensors,
                      {{"architecture", "c2l-central-tiny"},
                       {"preset", params.preset},
                       {"tile_px", std::to_string(kTileSize)},
                       {"tile_um", std::to_string(kTileUm)},
                       {"training", record.dump()},
                       {"card", params.card_json}});
}

}  // namespace c2l
