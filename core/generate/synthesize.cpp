// Sampling: noise and gene profiles to tiles.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/error.h"
#include "generate/adapter.h"
#include "generate/flow.h"
#include "generate/generate.h"
#include "nn/device.h"

namespace c2l {
namespace {

using namespace generate;
using namespace nn;

// Each tile's noise comes from its own seed, so it does not depend on its neighbours in the batch.
at::Tensor noise_of(const std::vector<std::uint64_t>& seeds, std::size_t begin, std::size_t count, const c10::Device& device) {
    const auto side = kTileSize / Autoencoder::kFactor;
    std::vector<at::Tensor> parts;
    for (std::size_t i = begin; i < begin + count; ++i) {
        Random random(derive_seed(seeds[i], "tile"));
        parts.push_back(normal_noise({Autoencoder::kChannels, side, side}, random));
    }
    return at::stack(parts).to(device).contiguous(at::MemoryFormat::ChannelsLast);
}

using MakeVelocity = std::function<std::pair<Velocity, Velocity>(std::size_t begin, std::size_t count)>;  // conditional, unconditional (may be empty)

TileSet sample(const Central& central, const std::vector<std::uint64_t>& seeds, const SampleParams& params, const MakeVelocity& make, const JobContext& ctx) {
    if (params.batch < 1 || params.batch > 4096) throw Error(ErrorCode::BadInput, "the batch of the sampler must be 1 to 4096");
    c10::NoGradGuard no_grad;
    TileSet tiles;
    tiles.size = kTileSize;
    tiles.rgb.resize(seeds.size() * tiles.bytes_per_tile());
    EtaClock clock;
    for (std::size_t begin = 0; begin < seeds.size(); begin += static_cast<std::size_t>(params.batch)) {
        ctx.check_stop();
        const auto count = std::min(static_cast<std::size_t>(params.batch), seeds.size() - begin);
        const auto [conditional, unconditional] = make(begin, count);
        const auto latent = integrate(noise_of(seeds, begin, count, central.device), conditional, unconditional ? &unconditional : nullptr, params, ctx);
        tensor_to_tiles(central.decode(latent), tiles.tile(begin));
        const auto done = static_cast<std::int64_t>(begin + count), total = static_cast<std::int64_t>(seeds.size());
        Progress progress;
        progress.step = "synthesize";
        progress.done = done;
        progress.total = total;
        progress.eta_s = clock.eta_s(done, total);
        progress.memory_bytes = peak_memory_bytes();
        ctx.progress(progress);
    }
    return tiles;
}

}  // namespace

std::string use_device(const ComputeParams& compute) { return describe_device(open_device(compute.device, compute.threads)); }

GenePanel adapter_panel(const std::filesystem::path& adapter) { return Adapter::read_panel(adapter); }

TileSet synthesize(const std::filesystem::path& central_path, const std::filesystem::path& adapter_path, const Matrix& profiles,
                   const std::vector<std::uint64_t>& seeds, const SampleParams& params, const JobContext& ctx) {
    auto central = Central::load(central_path, open_device(params.compute.device, params.compute.threads));
    if (Adapter::read_central_id(adapter_path) != central.id)
        throw Error(ErrorCode::Mismatch, "was adapted from another central model; give that one with --central", adapter_path);
    auto adapter = Adapter::load(adapter_path, central.denoiser);
    adapter.to(central.device);
    if (profiles.rows != static_cast<std::int64_t>(seeds.size()) || profiles.cols != static_cast<std::int64_t>(adapter.panel().genes.size()))
        throw Error(ErrorCode::Mismatch, "the gene profiles do not fit the adapter: it takes " + std::to_string(adapter.panel().genes.size()) + " genes", adapter_path);
    const auto velocity = [&](const at::Tensor& embedding) -> Velocity {
        return [&, modulator = adapter.modulator(embedding)](const at::Tensor& x, const at::Tensor& t) {
            return central.denoiser(x, t, &modulator, central.bf16);
        };
    };
    return sample(
        central, seeds, params,
        [&](std::size_t begin, std::size_t count) {
            const auto n = static_cast<std::int64_t>(count);
            auto part = at::empty({n, profiles.cols}, c10::kFloat);
            std::copy_n(profiles.row(static_cast<std::int64_t>(begin)), n * profiles.cols, part.data_ptr<float>());
            return std::pair{velocity(adapter.embed(part.to(central.device), {})), velocity(adapter.embed_null(n))};
        },
        ctx);
}

TileSet synthesize_central(const std::filesystem::path& central_path, const std::vector<std::uint64_t>& seeds, const SampleParams& params, const JobContext& ctx) {
    const auto central = Central::load(central_path, open_device(params.compute.device, params.compute.threads));
    const Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return central.denoiser(x, t, nullptr, central.bf16); };
    return sample(
        central, seeds, params, [&](std::size_t, std::size_t) { return std::pair{velocity, Velocity()}; }, ctx);
}

}  // namespace c2l
