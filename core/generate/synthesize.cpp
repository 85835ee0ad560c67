// Sampling: noise and gene profiles to tiles.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/error.h"
#include "generate/adapter.h"
#include "generate/adapter_file.h"
#include "generate/flow.h"
#include "generate/generate.h"
#include "generate/out_of_memory.h"
#include "nn/device.h"
#include "nn/replay.h"

namespace c2l {
namespace {

using namespace generate;
using namespace nn;

constexpr int kCpuBatch = 4;  // see Generator; of the small batches the one that costs least, two passes of guidance together

// What is drawn at once: tiles begin … begin + count, and as many of the last one again as make a full batch.
struct Part {
    std::size_t begin = 0, count = 0, filled = 0;
    std::size_t item(std::size_t i) const { return begin + std::min(i, count - 1); }
};

std::vector<Part> parts_of(std::size_t n, std::size_t size, bool cpu) {
    std::vector<Part> parts;
    for (std::size_t begin = 0; begin < n; begin += size) {
        const std::size_t count = std::min(size, n - begin);
        parts.push_back({begin, count, cpu ? size : count});
    }
    return parts;
}

// Each tile's noise comes from its own seed, so it does not depend on its neighbours in the batch.
at::Tensor noise_of(const Central& central, const std::vector<std::uint64_t>& seeds, const Part& part) {
    const auto side = central.latent_side();
    std::vector<at::Tensor> rows;
    for (std::size_t i = 0; i < part.filled; ++i) {
        Random random(derive_seed(seeds[part.item(i)], "tile"));
        rows.push_back(normal_noise({central.channels(), side, side}, random));
    }
    return at::stack(rows).to(central.device).contiguous(at::MemoryFormat::ChannelsLast);
}

struct Field {
    Velocity conditional;
    VelocityPair both;  // empty: no guidance
};

TileSet sample_in_batches(const Central& central, const std::vector<std::uint64_t>& seeds, const SampleParams& params, int batch, const std::function<Field(const Part&)>& field,
                          const JobContext& ctx) {
    c10::NoGradGuard no_grad;
    TileSet tiles;
    tiles.size = central.tile_px;
    tiles.rgb.resize(seeds.size() * tiles.bytes_per_tile());
    const EtaClock clock;
    const auto total = static_cast<std::int64_t>(seeds.size());
    for (const Part& part : parts_of(seeds.size(), static_cast<std::size_t>(batch), central.device.is_cpu())) {
        ctx.check_stop();
        const Field f = field(part);
        const auto latent = integrate(noise_of(central, seeds, part), f.conditional, f.both ? &f.both : nullptr, params, ctx, central.denoiser->sampling_times(params.steps));
        tensor_to_tiles(central.decode(latent).narrow(0, 0, static_cast<std::int64_t>(part.count)), tiles.tile(part.begin));
        Progress progress;
        progress.step = "synthesize";
        progress.done = static_cast<std::int64_t>(part.begin + part.count);
        progress.total = total;
        progress.eta_s = clock.eta_s(progress.done, total);
        progress.memory_bytes = peak_memory_bytes();
        ctx.progress(progress);
    }
    return tiles;
}

// `batch`: what was found to fit before, 0 for nothing yet; what fits now afterwards.
TileSet sample(const Central& central, const std::vector<std::uint64_t>& seeds, const SampleParams& params, int& batch, const std::function<Field(const Part&)>& field,
               const JobContext& ctx) {
    if (params.batch < 1 || params.batch > 65536) throw Error(ErrorCode::BadInput, "the batch of the sampler must be 1 to 65536");
    const bool cpu = central.device.is_cpu();
    const int most = cpu ? kCpuBatch : batch > 0 ? std::min(batch, params.batch) : params.batch;
    TileSet tiles;
    batch = halve_when_out_of_memory("sampling", most, cpu ? kCpuBatch : 1, ctx, [&](int fitting) { tiles = sample_in_batches(central, seeds, params, fitting, field, ctx); });
    return tiles;
}

// The given rows of the profiles, on the device.
at::Tensor rows_of(const Matrix& profiles, const Part& part, const c10::Device& device) {
    auto rows = at::empty({static_cast<std::int64_t>(part.filled), profiles.cols}, c10::kFloat);
    for (std::size_t i = 0; i < part.filled; ++i)
        std::copy_n(profiles.row(static_cast<std::int64_t>(part.item(i))), profiles.cols, rows.data_ptr<float>() + static_cast<std::int64_t>(i) * profiles.cols);
    return rows.to(device);
}

// Velocities from latents, times, embedded genes and, for guidance, what it leads away from: with the genes …
Replay::Tensors with_genes(const Central& central, const Adapter& adapter, const Replay::Tensors& in) {
    const auto modulator = adapter.modulator(in[2]);
    return {(*central.denoiser)(in[0], in[1], &modulator, central.bf16)};
}

// … and with both, from one pass.
Replay::Tensors with_both(const Central& central, const Adapter& adapter, const Replay::Tensors& in) {
    const auto modulator = adapter.modulator(at::cat({in[2], in[3]}));
    const auto twice = at::cat({in[0], in[0]}).contiguous(at::MemoryFormat::ChannelsLast);
    return (*central.denoiser)(twice, at::cat({in[1], in[1]}), &modulator, central.bf16).chunk(2);
}

}  // namespace

std::string use_device(const ComputeParams& compute) { return describe_device(open_device(compute.device, compute.threads)); }

AdapterInfo adapter_info(const std::filesystem::path& adapter) { return read_adapter_file(adapter).info; }

GenePanel adapter_panel(const std::filesystem::path& adapter) { return adapter_info(adapter).panel; }

Matrix adapter_components(const std::filesystem::path& adapter) {
    const auto components = read_adapter_file(adapter).file.at("genes.components");
    Matrix out(components.size(0), components.size(1));
    std::copy_n(components.data_ptr<float>(), out.values.size(), out.values.begin());
    return out;
}

int default_steps(const std::string& sampler) { return sampler == "heun" ? 10 : 20; }

SampleParams default_sampling(const CentralInfo& central) {
    SampleParams params;
    if (!central.architecture.starts_with("c2l-")) {
        params.sampler = "dpm++2m";
        params.guidance = 2;
    }
    params.steps = default_steps(params.sampler);
    return params;
}

struct Generator::State {
    ComputeParams compute;
    Central central;
    Adapter adapter;
    std::filesystem::path file;  // of the adapter
    int fitting_batch = 0;       // 0: not known yet
    Replay conditional{[this](const Replay::Tensors& in) { return with_genes(central, adapter, in); }};
    Replay both{[this](const Replay::Tensors& in) { return with_both(central, adapter, in); }};

    // Standardised profiles: their mean over the training spots is 0.
    at::Tensor embed_against(const std::string& what, const at::Tensor& profiles) const {
        if (what == "mean") return adapter.embed(at::zeros_like(profiles), {});
        if (what == "none") return adapter.embed_null(profiles.size(0));
        throw Error(ErrorCode::BadInput, "guidance against \"" + what + "\" is not one of mean, none");
    }

    Field field(const at::Tensor& profiles, const SampleParams& params) {
        const auto genes = adapter.embed(profiles, {}), against = embed_against(params.guidance_against, profiles);
        return {[this, genes](const at::Tensor& x, const at::Tensor& t) { return conditional({x, t, genes})[0]; },
                [this, genes, against](const at::Tensor& x, const at::Tensor& t) {
                    const auto v = both({x, t, genes, against});
                    return std::pair{v[0], v[1]};
                }};
    }
};

Generator::Generator(Generator&&) noexcept = default;
Generator& Generator::operator=(Generator&&) noexcept = default;
Generator::~Generator() = default;

Generator::Generator(const std::filesystem::path& central_path, const std::filesystem::path& adapter_path, const ComputeParams& compute) {
    auto central = Central::load(central_path, open_device(compute.device, compute.threads));
    if (adapter_info(adapter_path).central != central.id)
        throw Error(ErrorCode::Mismatch, "was adapted from another central model; give that one with --central", adapter_path);
    auto adapter = Adapter::load(adapter_path, *central.denoiser);
    adapter.to(central.device);
    state_.reset(new State{compute, std::move(central), std::move(adapter), adapter_path});  // stays where it is made
}

const GenePanel& Generator::panel() const { return state_->adapter.panel(); }

TileSet Generator::draw(const Matrix& profiles, const std::vector<std::uint64_t>& seeds, const SampleParams& params, const JobContext& ctx) const {
    const Central& central = state_->central;
    if (profiles.rows != static_cast<std::int64_t>(seeds.size()) || profiles.cols != static_cast<std::int64_t>(panel().genes.size()))
        throw Error(ErrorCode::Mismatch, "the gene profiles do not fit the adapter: it takes " + std::to_string(panel().genes.size()) + " genes", state_->file);
    open_device(state_->compute.device, state_->compute.threads);  // the number of threads belongs to the calling thread
    c10::NoGradGuard no_grad;
    return sample(
        central, seeds, params, state_->fitting_batch, [&](const Part& part) { return state_->field(rows_of(profiles, part, central.device), params); }, ctx);
}

TileSet synthesize(const std::filesystem::path& central, const std::filesystem::path& adapter, const Matrix& profiles, const std::vector<std::uint64_t>& seeds,
                   const SampleParams& params, const JobContext& ctx) {
    return Generator(central, adapter, params.compute).draw(profiles, seeds, params, ctx);
}

TileSet synthesize_central(const std::filesystem::path& central_path, const std::vector<std::uint64_t>& seeds, const SampleParams& params, const JobContext& ctx) {
    const auto central = Central::load(central_path, open_device(params.compute.device, params.compute.threads));
    const Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return (*central.denoiser)(x, t, nullptr, central.bf16); };
    int batch = 0;
    return sample(
        central, seeds, params, batch, [&](const Part&) { return Field{velocity, {}}; }, ctx);
}

}  // namespace c2l
