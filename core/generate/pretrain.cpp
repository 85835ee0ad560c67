// Central pretraining: tile encoder by contrast, then autoencoder, then flow matching in its latent space.
//
// Every item of every batch (a crop, a pair of crops, a noised latent) has a number that counts through all processes and steps, and draws
// from a generator seeded by that number: what is learnt does not depend on how many processes share the work.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <new>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/provenance.h"
#include "generate/ahead.h"
#include "generate/central.h"
#include "generate/flow.h"
#include "generate/generate.h"
#include "generate/latent_cache.h"
#include "generate/out_of_memory.h"
#include "generate/pretrain_run.h"
#include "generate/train_autoencoder.h"
#include "generate/views.h"
#include "nn/device.h"
#include "nn/encoder_net.h"

namespace c2l {
namespace {

using namespace generate;
using namespace nn;
using nlohmann::json;

constexpr std::int64_t kFewestLatents = 64;   // enough for their mean and spread
constexpr std::int64_t kManyLatents = 20000;  // views of few tiles are worth this many

// Two crops of one larger tile, turned and jittered apart, attract; all others of the batch repel (NT-Xent).
at::Tensor contrast_loss(const Run& run, const EncoderNet& net, std::int64_t step) {
    run.release(step);
    const int pairs = run.params.encoder_pairs, crop = run.preset.tile_px;
    const std::int64_t numbers = std::int64_t{3} * crop * crop;
    const Jitter jitter{0.15, 0.06};
    const auto both = fill_items(pairs, {2, crop, crop, 3}, [&](std::int64_t i, float* row, std::int64_t) {
        auto random = run.random("encoder", step, pairs, i);
        const auto tile = run.draw_tile(random);
        write_view(run.tiles, tile, crop, &jitter, random, row);
        write_view(run.tiles, tile, crop, &jitter, random, row + numbers);
    });
    const auto views = both.transpose(0, 1).reshape({2 * pairs, crop, crop, 3}).permute({0, 3, 1, 2});
    const auto own = net.project(net.features(views.to(run.device), run.bf16));
    const std::int64_t all = run.together(pairs);
    auto z = own;
    if (run.processes.count() > 1) {  // the others' crops repel too: theirs as numbers, ours with gradients; first crops, then second ones
        auto parts = run.processes.gather(own).reshape({run.processes.count(), 2, pairs, own.size(1)}).unbind(0);
        parts[static_cast<std::size_t>(run.processes.rank())] = own.reshape({2, pairs, own.size(1)});
        z = at::cat(parts, 1).reshape({2 * all, own.size(1)});
    }
    const double temperature = 0.2;
    auto similarity = at::matmul(z, z.t()).div(temperature);
    similarity = similarity - at::eye(2 * all, similarity.options()).mul(1e4);
    const auto target = at::arange(2 * all, at::TensorOptions(c10::kLong).device(run.device)).add(all).remainder(2 * all);
    // Other crops of the same tile drawn twice would be false negatives; a batch is small beside the number of tiles, so they are left.
    const auto loss = at::cross_entropy_loss(similarity, target);
    // The loss is common, but each process has only its own crops' part of the gradient: the parts are to be added, not averaged.
    const auto n = static_cast<double>(run.processes.count());
    return n > 1 ? loss * n - loss.detach() * (n - 1) : loss;
}

void train_encoder(const Run& run, EncoderNet& net) {
    net.parameters().to(run.device);
    net.head().to(run.device);
    AdamW optimiser({{net.parameters().all(), 1.0}, {net.head().all(), 1.0}}, run.optimiser(0.999));
    run_stage(run.stage("encoder", run.params.encoder_steps, run.params.encoder_pairs, backward_of([&](std::int64_t step) { return contrast_loss(run, net, step); })), optimiser,
              run.ctx);
    optimiser.swap_averaged();
}

LatentPlan latent_plan(const Run& run) {
    const auto tiles = static_cast<std::int64_t>(run.tiles.count());
    const auto wanted = std::int64_t{run.params.denoiser_steps} * run.together(run.params.batch);
    LatentPlan plan;
    plan.folder = run.work / "latents";
    plan.count = std::clamp(wanted, kFewestLatents, std::max(kManyLatents, run.params.views * tiles));
    plan.fingerprint = run.latents_fingerprint();
    // Fewer than there are tiles: which tiles these are follows from their number.
    if (plan.count < tiles) plan.fingerprint = sha256_hex(plan.fingerprint + " of " + std::to_string(plan.count));
    plan.channels = run.preset.latent_channels;
    plan.side = run.preset.latent_side();
    return plan;
}

// Jittered views of all tiles in turn, so that packs are read from front to back; with fewer views than tiles, of tiles evenly spread.
at::Tensor encode_views(const Run& run, const PatchAutoencoder& net, const LatentPlan& plan, std::int64_t first, std::int64_t n) {
    const Jitter jitter;
    const auto tiles = static_cast<std::int64_t>(run.tiles.count());
    const auto x = fill_views(n, run.preset.tile_px, [&](std::int64_t i, float* row) {
        const auto number = first + i;
        auto random = run.item_random("latents", number);
        const auto tile = plan.count >= tiles ? number % tiles : static_cast<std::int64_t>(static_cast<double>(number) * static_cast<double>(tiles) / static_cast<double>(plan.count));
        write_view(run.tiles, static_cast<std::size_t>(tile), run.preset.tile_px, &jitter, random, row);
    });
    run.release(first / LatentCache::kBatch);
    return net.encode(x.to(run.device), run.bf16);
}

struct FlowBatch {
    at::Tensor latent, noise, time;  // CPU; latents as they were encoded
};

FlowBatch flow_batch(const Run& run, const LatentCache& latents, std::int64_t step) {
    if (step % Run::kReleaseEvery == 0) latents.release();
    const int batch = run.params.batch;
    const auto side = static_cast<std::int64_t>(run.preset.latent_side());
    std::vector<std::int64_t> rows(static_cast<std::size_t>(batch));
    FlowBatch out;
    out.time = at::empty({batch}, c10::kFloat);
    out.noise = fill_items(batch, {run.preset.latent_channels, side, side}, [&](std::int64_t i, float* row, std::int64_t numbers) {
        auto random = run.random("denoiser", step, batch, i);
        rows[static_cast<std::size_t>(i)] = random.below(latents.count());
        out.time.data_ptr<float>()[i] = static_cast<float>(1.0 / (1.0 + std::exp(-random.normal())));  // logit-normal (Esser 2024)
        write_normal(random, row, numbers);
    });
    out.latent = latents.rows(rows);
    return out;
}

PretrainTimes train_denoiser(const Run& run, Denoiser& net, const LatentCache& latents, const at::Tensor& mean, const at::Tensor& sd) {
    net.parameters().to(run.device);
    AdamW optimiser({{net.parameters().all(), 1.0}}, run.optimiser(0.9995, run.preset.rate));
    const Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return net(x, t, nullptr, run.bf16); };
    const auto centre = mean.view({1, -1, 1, 1}).to(run.device), scale = sd.view({1, -1, 1, 1}).to(run.device);
    Ahead<FlowBatch> batches([&](std::int64_t step) { return flow_batch(run, latents, step); }, run.device.is_cuda());
    const auto inputs = [&](std::int64_t step) {
        const auto batch = batches.get(step, run.params.denoiser_steps);
        const auto image = batch.latent.to(run.device).sub_(centre).div_(scale).contiguous(at::MemoryFormat::ChannelsLast);
        return Replay::Tensors{image, batch.noise.to(run.device).contiguous(at::MemoryFormat::ChannelsLast), batch.time.to(run.device)};
    };
    const auto loss = [&](const Replay::Tensors& given) { return flow_loss(given[0], given[1], given[2], velocity); };
    auto stage = run.stage("denoiser", run.params.denoiser_steps, run.params.batch, replayed(inputs, loss));
    stage.warmup = 300;
    stage.fingerprint = sha256_hex(stage.fingerprint + run.latents_fingerprint());
    const EtaClock clock;
    run_stage(stage, optimiser, run.ctx);
    optimiser.swap_averaged();
    return {clock.elapsed_s(), batches.waited_s()};
}

void check(const TileView& tiles, const Preset& preset, const PretrainParams& params) {
    if (tiles.count() < 16) throw Error(ErrorCode::BadInput, "pretraining needs at least 16 tiles, there are " + std::to_string(tiles.count()));
    if (tiles.size() < preset.tile_px)
        throw Error(ErrorCode::BadInput, "pretraining the " + preset.name + " model needs tiles of at least " + std::to_string(preset.tile_px) + " px, these have " + std::to_string(tiles.size()));
    for (const int batch : {params.batch, params.autoencoder_batch, params.encoder_pairs})
        if (batch < 1 || batch > 4096) throw Error(ErrorCode::BadInput, "batches must be 1 to 4096");
    if (params.views < 1 || params.views > 1000) throw Error(ErrorCode::BadInput, "1 to 1000 views can be kept of each tile");
}

void check_memory(const Preset& preset, int batch, const c10::Device& device) {
    if (!device.is_cpu()) return;  // a GPU says so itself
    const auto need = training_memory(preset, batch), have = available_memory_bytes();
    if (have == 0 || need <= have) return;
    const auto gigabytes = [](std::uint64_t n) {
        char text[32];
        std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(n) * 1e-9);
        return std::string(text);
    };
    throw Error(ErrorCode::Memory, "training the " + preset.name + " model with batches of " + std::to_string(batch) + " takes about " + gigabytes(need) + " of memory and " + gigabytes(have) +
                                       " are free; use a smaller --batch, a smaller --preset or another machine");
}

// What the stages follow from besides their own settings.
std::string fingerprint_of(const TileView& tiles, const PretrainParams& params, const std::string& parent, bool bf16) {
    Sha256 hash;
    if (tiles.id().empty())
        for (std::size_t i = 0; i < tiles.count(); ++i) hash.update(tiles.tile(i), tiles.bytes_per_tile());
    else
        hash.update(tiles.id());
    hash.update(params.preset + " seed " + std::to_string(params.seed) + " size " + std::to_string(tiles.size()) + " views " + std::to_string(params.views) + (bf16 ? " bf16" : ""));
    if (!parent.empty()) hash.update("init " + parent);
    return hash.hex();
}

struct Networks {
    EncoderNet encoder;
    std::unique_ptr<PatchAutoencoder> autoencoder;
    std::unique_ptr<Denoiser> denoiser;
    at::Tensor mean, sd;  // of the latents; undefined until they are known
};

Networks fresh(const Preset& preset, std::uint64_t seed) {
    return {EncoderNet(derive_seed(seed, "encoder weights")), make_autoencoder(preset, derive_seed(seed, "autoencoder weights")),
            make_denoiser(preset, derive_seed(seed, "denoiser weights")), {}, {}};
}

void go_on_from(Networks& nets, const Preset& preset, const PretrainParams& params) {
    const auto file = read_safetensors(params.init);
    if (const auto architecture = file.meta("architecture"); architecture != preset.architecture())
        throw Error(ErrorCode::Mismatch, "is no central model of the preset " + preset.name + " (its architecture is \"" + architecture + "\"); choose its own --preset", params.init);
    require_parts(file);
    nets.encoder.parameters().load(file, "encoder.");
    nets.autoencoder->parameters().load(file, "autoencoder.");
    nets.denoiser->parameters().load(file, "denoiser.");
    if (params.autoencoder_steps != 0) return;
    nets.mean = file.at("latent.mean", {preset.latent_channels});  // the latents stay what the denoiser knows
    nets.sd = file.at("latent.sd", {preset.latent_channels});
}

json record_of(const Run& run, const std::string& parent) {
    const auto& p = run.params;
    return {{"seed", p.seed},
            {"tiles", run.tiles.count()},
            {"tile_px", run.tiles.size()},
            {"encoder_steps", p.encoder_steps},
            {"encoder_pairs", run.together(p.encoder_pairs)},
            {"autoencoder_batch", run.together(p.autoencoder_batch)},
            {"autoencoder_steps", p.autoencoder_steps},
            {"decoder_steps", p.decoder_steps},
            {"denoiser_steps", p.denoiser_steps},
            {"batch", run.together(p.batch)},
            {"processes", run.processes.count()},
            {"views", p.views},
            {"learning_rate", p.learning_rate},
            {"bf16", run.bf16},
            {"device", describe_device(run.device)},
            {"parent", parent},
            {"program_version", program_version()}};
}

void write_central(const Run& run, Networks& nets, const std::string& parent, const std::filesystem::path& out) {
    std::map<std::string, at::Tensor> tensors{{"latent.mean", nets.mean.to(c10::kCPU)}, {"latent.sd", nets.sd.to(c10::kCPU)}};
    const auto add = [&](const ParameterSet& set, const char* prefix) {
        for (auto& [name, tensor] : set.state(prefix)) tensors.emplace(name, tensor.to(c10::kBFloat16));
    };
    add(nets.encoder.parameters(), "encoder.");
    add(nets.autoencoder->parameters(), "autoencoder.");
    add(nets.denoiser->parameters(), "denoiser.");
    write_safetensors(out, tensors,
                      {{"architecture", run.preset.architecture()},
                       {"preset", run.params.preset},
                       {"tile_px", std::to_string(run.preset.tile_px)},
                       {"tile_um", std::to_string(run.preset.tile_um)},
                       {"training", record_of(run, parent).dump()},
                       {"card", run.params.card_json}});
}

// Lack of memory names the option that helps.
void in_memory(const Run& run, const char* part, const char* option, int batch, const std::function<void()>& stage) {
    const auto refuse = [&](const std::string& cause) {
        throw Error(ErrorCode::Memory, "the memory of " + describe_device(run.device) + " does not hold the training of the " + part + " of the " + run.preset.name + " model with " + option + " " + std::to_string(batch) + "; use a smaller one", {}, cause);
    };
    try {
        stage();
    } catch (const c10::Error& error) {
        if (!lacks_memory(error)) throw;
        refuse(error.what_without_backtrace());
    } catch (const std::bad_alloc& error) {
        refuse(error.what());
    }
}

PretrainTimes train(const Run& run, Networks& nets) {
    const auto& p = run.params;
    in_memory(run, "tile encoder", "--encoder-pairs", p.encoder_pairs, [&] { train_encoder(run, nets.encoder); });
    in_memory(run, "autoencoder", "--autoencoder-batch", p.autoencoder_batch, [&] { train_autoencoder(run, *nets.autoencoder); });
    in_memory(run, "decoder", "--autoencoder-batch", p.autoencoder_batch, [&] { train_decoder(run, *nets.autoencoder); });
    const auto plan = latent_plan(run);
    const LatentCache latents(plan, [&](std::int64_t first, std::int64_t n) { return encode_views(run, *nets.autoencoder, plan, first, n); }, run.processes, run.ctx);
    if (!nets.mean.defined()) {
        nets.mean = latents.mean();
        nets.sd = latents.sd();
    }
    PretrainTimes times;
    in_memory(run, "denoiser", "--batch", p.batch, [&] { times = train_denoiser(run, *nets.denoiser, latents, nets.mean, nets.sd); });
    return times;
}

}  // namespace

PretrainTimes pretrain(const TileView& tiles, const PretrainParams& params, const std::filesystem::path& work, const std::filesystem::path& out, const JobContext& ctx,
                       const Processes* processes) {
    static const Processes alone;
    const auto& all = processes ? *processes : alone;
    const auto& preset = find_preset(params.preset);
    check(tiles, preset, params);
    const auto device = open_device(params.compute.device, params.compute.threads);
    check_memory(preset, params.batch, device);
    const bool bf16 = params.bf16 && bf16_pays(device);
    auto nets = fresh(preset, params.seed);
    std::string parent;
    if (!params.init.empty()) {
        go_on_from(nets, preset, params);
        parent = sha256_file(params.init);
    }
    const Run run{tiles, params, work, device, bf16, fingerprint_of(tiles, params, parent, bf16), preset, ctx, all};
    const PretrainTimes times = train(run, nets);
    if (all.first()) write_central(run, nets, parent, out);
    return times;
}

}  // namespace c2l
