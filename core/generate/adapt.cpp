// Local adaptation: a central denoiser learns the tissue and the genes of a few spots.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/png.h"
#include "base/provenance.h"
#include "generate/adapter.h"
#include "generate/flow.h"
#include "generate/generate.h"
#include "generate/inner_split.h"
#include "generate/out_of_memory.h"
#include "generate/training.h"
#include "nn/augment.h"
#include "nn/device.h"

namespace c2l {
namespace {

using namespace generate;
using namespace nn;
using nlohmann::json;

constexpr int kLeastBatch = 4;                 // one tile without genes beside three with
constexpr int kPriorTiles = 64;                // central tiles that keep the prior
constexpr std::int64_t kCheckEvery = 25;       // steps between looks at the inner held-out spots
constexpr std::int64_t kDrawsPerSpot = 16;     // noise draws per held-out spot: the same at every look
constexpr std::int64_t kPreviewEvery = 150;
constexpr std::int64_t kMostAtOnce = 64;       // tiles in a pass without gradients

struct Data {
    TileSet learn, check, tissue;              // with their margin; the last one has no genes
    at::Tensor learn_profiles, check_profiles;  // n × G, standardised
    Matrix all_profiles;
};

double mean(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size()); }

at::Tensor rows_tensor(const Matrix& m, const std::vector<std::int64_t>& rows) {
    auto t = at::empty({static_cast<std::int64_t>(rows.size()), m.cols}, c10::kFloat);
    for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(m.row(rows[i]), m.cols, t.data_ptr<float>() + static_cast<std::int64_t>(i) * m.cols);
    return t;
}

Data read_data(const Central& central, const TrainTiles& train, const Places& tissue, const GenePanel& panel, std::uint64_t seed, const JobContext& ctx) {
    const auto n = static_cast<std::int64_t>(train.size());
    if (n < 8) throw Error(ErrorCode::BadInput, "adaptation needs at least 8 training spots, there are " + std::to_string(n));
    const auto& pairs = train.pairs();
    const double clear = clear_of_learnt_um(central.tile_um) / pairs.mpp;
    const auto [learn, check] = inner_split(train, clear, seed, ctx);
    Data data;
    const auto read = [&](double x, double y, TileSet& out) {
        ctx.check_stop();
        out.append(pairs.reader->read(x, y, central.tile_um * kAdaptMargin, static_cast<int>(central.tile_px * kAdaptMargin)));
    };
    const auto read_spots = [&](const std::vector<std::int64_t>& positions, TileSet& out) {
        for (const auto p : positions) {
            const auto row = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(p)]);
            read(pairs.x[row], pairs.y[row], out);
        }
    };
    read_spots(learn, data.learn);
    read_spots(check, data.check);
    for (std::size_t i = 0; i < tissue.x.size(); ++i) {
        const auto shows = [&, &check = check](std::int64_t position) {
            const auto row = static_cast<std::size_t>(train.rows()[static_cast<std::size_t>(position)]);
            return std::abs(pairs.x[row] - tissue.x[i]) < clear && std::abs(pairs.y[row] - tissue.y[i]) < clear;
        };
        if (std::none_of(check.begin(), check.end(), shows)) read(tissue.x[i], tissue.y[i], data.tissue);
    }
    data.all_profiles = panel.standardised(pairs, train.rows());
    data.learn_profiles = rows_tensor(data.all_profiles, learn);
    data.check_profiles = rows_tensor(data.all_profiles, check);
    return data;
}

std::string fingerprint_of(const Central& central, const TrainTiles& train, const Places& tissue, const GenePanel& panel, const AdaptParams& params) {
    json j{{"central", central.id}, {"genes", panel.genes}, {"mean", panel.mean}, {"sd", panel.sd}, {"steps", params.steps}, {"batch", params.batch},
           {"rate", params.learning_rate}, {"dropout", params.gene_dropout}, {"patience", params.patience}, {"full", params.full}, {"seed", params.seed},
           {"slide", train.pairs().slide_id}, {"rows", train.rows()}, {"tissue_x", tissue.x}, {"tissue_y", tissue.y}, {"kept", "within a standard error"}, {"inner", "clear of what is learnt"}};
    return sha256_hex(j.dump());
}

class Adaptation {
public:
    Adaptation(Central& central, Adapter& adapter, const Data& data, const AdaptParams& params, const std::filesystem::path& work, const JobContext& ctx)
        : central_(central), adapter_(adapter), data_(data), params_(params), work_(work), ctx_(ctx) {
        AdamW::Group fresh, tuned;
        for (const auto& [name, tensor] : adapter.parameters().all()) fresh.parameters.emplace_back("adapter." + name, tensor);
        for (const auto& [name, tensor] : Adapter::tuned(*central.denoiser, params.full)) tuned.parameters.emplace_back("denoiser." + name, tensor);
        tuned.rate = 0.2;  // what the central model knows moves slower than what is new
        AdamWParams options;
        options.learning_rate = params.learning_rate;
        options.ema = 0.99;
        optimiser_ = std::make_unique<AdamW>(std::vector<AdamW::Group>{fresh, tuned}, options);
        if (data.tissue.count() == 0) make_prior();
        make_check();
    }

    AdaptResult run(const std::string& fingerprint);
    // Without gradients, twice as many fit as in a training step; fewer after a halving.
    std::int64_t at_once() const { return std::min<std::int64_t>(kMostAtOnce, 2 * params_.batch); }
    std::map<std::string, at::Tensor> best() const { return read_safetensors(best_path()).tensors; }

private:
    std::filesystem::path best_path() const { return work_ / "best.safetensors"; }
    void make_prior();
    void make_check();
    Replay::Tensors batch(std::int64_t step) const;  // latents, noise, times, profiles and where there are none
    at::Tensor loss(const Replay::Tensors& batch) const;
    std::vector<double> held_out_losses();
    bool after(std::int64_t step, double loss);
    void write_preview(std::int64_t step);
    Velocity velocity(const at::Tensor& embedding) const {
        return [this, modulator = adapter_.modulator(embedding)](const at::Tensor& x, const at::Tensor& t) {
            return (*central_.denoiser)(x, t, &modulator, central_.bf16);
        };
    }

    Central& central_;
    Adapter& adapter_;
    const Data& data_;
    const AdaptParams& params_;
    std::filesystem::path work_;
    const JobContext& ctx_;
    std::unique_ptr<AdamW> optimiser_;
    at::Tensor prior_;                               // latents of central tiles, where there is no tissue without genes
    at::Tensor check_latent_, check_noise_, check_time_, check_profile_;
    AdaptResult result_;
    std::vector<double> least_;  // losses of the held-out spots where their mean was least
    int without_gain_ = 0;
};

void Adaptation::make_prior() {
    c10::NoGradGuard no_grad;
    const auto side = central_.latent_side();
    Random random(derive_seed(params_.seed, "prior"));
    const auto noise = normal_noise({kPriorTiles, central_.channels(), side, side}, random).to(central_.device).contiguous(at::MemoryFormat::ChannelsLast);
    const Velocity velocity = [&](const at::Tensor& x, const at::Tensor& t) { return (*central_.denoiser)(x, t, nullptr, central_.bf16); };
    SampleParams sample;
    sample.sampler = "euler";
    sample.steps = 16;
    std::vector<at::Tensor> parts;
    for (const auto& part : noise.split(at_once())) parts.push_back(integrate(part, velocity, nullptr, sample, ctx_, central_.denoiser->sampling_times(sample.steps)));
    prior_ = at::cat(parts);
}

void Adaptation::make_check() {
    c10::NoGradGuard no_grad;
    const auto n = static_cast<std::int64_t>(data_.check.count());
    auto pixels = at::empty({n, central_.tile_px, central_.tile_px, 3}, c10::kFloat);
    const int corner = (data_.check.size - central_.tile_px) / 2;
    for (std::int64_t i = 0; i < n; ++i)
        copy_crop(data_.check, static_cast<std::size_t>(i), corner, corner, central_.tile_px, pixels.data_ptr<float>() + i * central_.tile_px * central_.tile_px * 3);
    std::vector<at::Tensor> parts;
    for (const auto& part : pixels.permute({0, 3, 1, 2}).split(at_once())) parts.push_back(central_.encode(part.to(central_.device)));
    const auto latent = at::cat(parts);
    check_latent_ = latent.repeat({kDrawsPerSpot, 1, 1, 1}).contiguous(at::MemoryFormat::ChannelsLast);
    check_profile_ = data_.check_profiles.repeat({kDrawsPerSpot, 1}).to(central_.device);
    Random random(derive_seed(params_.seed, "check"));
    check_noise_ = normal_noise(check_latent_.sizes(), random).to(central_.device).contiguous(at::MemoryFormat::ChannelsLast);
    auto time = at::empty({n * kDrawsPerSpot}, c10::kFloat);
    for (std::int64_t i = 0; i < time.numel(); ++i)  // even over (0, 1): less noise than drawing
        time.data_ptr<float>()[i] = (static_cast<float>(i / n) + 0.5f) / static_cast<float>(kDrawsPerSpot);
    check_time_ = time.to(central_.device);
}

Replay::Tensors Adaptation::batch(std::int64_t step) const {
    c10::NoGradGuard no_grad;
    Random random(derive_seed(params_.seed, "adapt", static_cast<std::uint64_t>(step)));
    const std::int64_t without_genes = params_.batch / 4, local = params_.batch - without_genes;
    std::vector<std::int64_t> chosen;
    auto pixels = random_crops(data_.learn, local, central_.tile_px, random, &chosen);
    if (!prior_.defined()) pixels = at::cat({pixels, random_crops(data_.tissue, without_genes, central_.tile_px, random, nullptr)});
    pixels = random_orientation(pixels, random);
    auto latent = central_.encode(stain_jitter(pixels, {}, random).to(central_.device));
    if (prior_.defined()) {
        auto rows = at::empty({without_genes}, c10::kLong);
        for (std::int64_t i = 0; i < without_genes; ++i) rows.data_ptr<std::int64_t>()[i] = random.below(prior_.size(0));
        latent = at::cat({latent, prior_.index_select(0, rows.to(central_.device))});
    }
    latent = latent.contiguous(at::MemoryFormat::ChannelsLast);
    auto profiles = at::zeros({params_.batch, data_.learn_profiles.size(1)}, c10::kFloat);
    auto null = at::ones({params_.batch}, c10::kBool);
    for (std::int64_t i = 0; i < local; ++i) {
        profiles[i].copy_(data_.learn_profiles[chosen[static_cast<std::size_t>(i)]]);
        null.data_ptr<bool>()[i] = random.uniform() < params_.gene_dropout;
    }
    const auto noise = normal_noise(latent.sizes(), random).to(central_.device).contiguous(at::MemoryFormat::ChannelsLast);
    const auto time = logit_normal_times(params_.batch, random).to(central_.device);
    return {latent, noise, time, profiles.to(central_.device), null.to(central_.device)};
}

at::Tensor Adaptation::loss(const Replay::Tensors& batch) const {
    const auto& time = batch[2];
    return flow_loss(batch[0], batch[1], time, velocity(adapter_.embed(batch[3], batch[4])), central_.denoiser->loss_weight(time));
}

// Of each held-out spot, the mean over its draws.
std::vector<double> Adaptation::held_out_losses() {
    c10::NoGradGuard no_grad;
    const std::int64_t n = check_latent_.size(0), batch = at_once(), spots = data_.check_profiles.size(0);
    std::vector<double> out(static_cast<std::size_t>(spots));
    for (std::int64_t begin = 0; begin < n; begin += batch) {  // a second or so; a stop in here would lose the step before it
        const auto count = std::min(batch, n - begin);
        const auto part = [&](const at::Tensor& t) { return t.narrow(0, begin, count); };
        const auto losses = flow_losses(part(check_latent_), part(check_noise_), part(check_time_), velocity(adapter_.embed(part(check_profile_), {})), central_.denoiser->loss_weight(part(check_time_)))
                                .to(c10::kCPU, c10::kDouble)
                                .contiguous();
        for (std::int64_t i = 0; i < count; ++i) out[static_cast<std::size_t>((begin + i) % spots)] += losses.data_ptr<double>()[i] / static_cast<double>(kDrawsPerSpot);
    }
    return out;
}

bool Adaptation::after(std::int64_t step, double loss) {
    AdaptCurvePoint point{step + 1, loss, std::numeric_limits<double>::quiet_NaN()};
    if ((step + 1) % kCheckEvery == 0 || step + 1 == params_.steps) {
        optimiser_->swap_averaged();
        const auto losses = held_out_losses();
        point.held_out = mean(losses);
        optimiser_->swap_averaged();
        ctx_.progress({"adapt", step + 1, params_.steps, std::numeric_limits<double>::quiet_NaN(), point.held_out, true, peak_memory_bytes(), {}});
        const bool least = point.held_out < mean(least_);
        if (least) {
            least_ = losses;
            result_.held_out_best = point.held_out;
        }
        without_gain_ = least ? 0 : without_gain_ + 1;
        if (least || as_good_as(losses, least_)) {
            result_.best_step = step + 1;
            write_safetensors(best_path(), optimiser_->averaged(), {});
        }
    }
    result_.curve.push_back(point);
    if ((step + 1) % kPreviewEvery == 0) write_preview(step + 1);
    return without_gain_ < params_.patience;
}

void Adaptation::write_preview(std::int64_t step) {
    c10::NoGradGuard no_grad;
    const auto n = std::min<std::int64_t>(8, data_.check_profiles.size(0)), side = static_cast<std::int64_t>(central_.latent_side());
    Random random(derive_seed(params_.seed, "preview"));
    const auto noise = normal_noise({n, central_.channels(), side, side}, random).to(central_.device).contiguous(at::MemoryFormat::ChannelsLast);
    optimiser_->swap_averaged();
    SampleParams sample;
    sample.sampler = "euler";
    JobContext quiet;
    quiet.stop = ctx_.stop;
    const auto latent = integrate(noise, velocity(adapter_.embed(data_.check_profiles.narrow(0, 0, n).to(central_.device), {})), nullptr, sample, quiet, central_.denoiser->sampling_times(sample.steps));
    optimiser_->swap_averaged();
    TileSet tiles;
    tiles.size = central_.tile_px;
    tiles.rgb.resize(static_cast<std::size_t>(n) * tiles.bytes_per_tile());
    tensor_to_tiles(central_.decode(latent), tiles.rgb.data());
    const auto path = work_ / ("preview-" + std::to_string(step) + ".png");
    write_file(path, encode_png(contact_sheet(tiles, static_cast<int>(n))));
    ctx_.preview({"adapt", step, {path.string()}});
}

json curve_json(const std::vector<AdaptCurvePoint>& curve) {
    json out = json::array();
    for (const auto& p : curve) out.push_back(std::isnan(p.held_out) ? json{p.step, p.loss} : json{p.step, p.loss, p.held_out});
    return out;
}

// [step, training loss, held-out loss] at each look at the held-out spots.
json looks_json(const std::vector<AdaptCurvePoint>& curve) {
    json out = json::array();
    for (const auto& p : curve)
        if (!std::isnan(p.held_out)) out.push_back({p.step, p.loss, p.held_out});
    return out;
}

AdaptResult Adaptation::run(const std::string& fingerprint) {
    EtaClock clock;
    least_ = held_out_losses();
    result_.held_out_before = result_.held_out_best = mean(least_);  // the adapter starts at zero: this is the central model
    Stage stage;
    stage.name = "adapt";
    stage.steps = params_.steps;
    stage.warmup = 30;
    stage.work = work_;
    stage.fingerprint = fingerprint;
    stage.learn = replayed([&](std::int64_t step) { return batch(step); }, [&](const Replay::Tensors& given) { return loss(given); });
    stage.after = [&](std::int64_t step, double value) { return after(step, value); };
    stage.save_state = [&] {
        return json{{"best_step", result_.best_step}, {"best", result_.held_out_best}, {"least", least_}, {"without_gain", without_gain_}, {"curve", curve_json(result_.curve)}}.dump();
    };
    stage.load_state = [&](const std::string& text) {
        const auto state = json::parse(text);
        result_.best_step = state.at("best_step");
        result_.held_out_best = state.at("best");
        least_ = state.at("least").get<std::vector<double>>();
        without_gain_ = state.at("without_gain");
        result_.curve.clear();
        for (const auto& p : state.at("curve"))
            result_.curve.push_back({p[0], p[1], p.size() > 2 ? p[2].get<double>() : std::numeric_limits<double>::quiet_NaN()});
    };
    std::filesystem::create_directories(work_);
    if (!std::filesystem::exists(best_path())) write_safetensors(best_path(), optimiser_->averaged(), {});
    write_preview(0);  // the central model, before it has seen this section; anew for whoever watches a training that goes on
    run_stage(stage, *optimiser_, ctx_);
    result_.held_out_kept = result_.held_out_before;
    for (const auto& point : result_.curve)
        if (point.step == result_.best_step) result_.held_out_kept = point.held_out;
    result_.seconds = clock.elapsed_s();
    return result_;
}

void check(const AdaptParams& params, const GenePanel& panel) {
    if (params.steps < 1 || params.steps > 1000000) throw Error(ErrorCode::BadInput, "the number of adaptation steps must be 1 to 1,000,000");
    if (params.batch < kLeastBatch || params.batch > 1024) throw Error(ErrorCode::BadInput, "the batch of the adaptation must be 4 to 1024");
    if (panel.genes.empty()) throw Error(ErrorCode::BadInput, "no genes to condition on; choose at least one");
}

AdaptResult adapt_with_batch(const std::filesystem::path& central_path, const TrainTiles& train, const Places& tissue, const GenePanel& panel, const AdaptParams& params,
                             const std::filesystem::path& work, const std::filesystem::path& out, const JobContext& ctx) {
    auto central = Central::load(central_path, open_device(params.compute.device, params.compute.threads));
    const auto data = read_data(central, train, tissue, panel, params.seed, ctx);
    Adapter adapter(*central.denoiser, central.adapter_rank, panel, data.all_profiles, derive_seed(params.seed, "adapter weights"));
    adapter.to(central.device);
    Adaptation adaptation(central, adapter, data, params, work, ctx);
    auto result = adaptation.run(fingerprint_of(central, train, tissue, panel, params));
    result.tissue_tiles = static_cast<std::int64_t>(data.tissue.count());
    // What another institution may know of the training: figures, no names and no places.
    const json record{{"spots", train.size()},         {"tissue_tiles", data.tissue.count()}, {"steps", params.steps},
                      {"best_step", result.best_step}, {"batch", params.batch},
                      {"rate", params.learning_rate},  {"held_out_before", result.held_out_before},
                      {"seed", params.seed},           {"held_out_best", result.held_out_best},
                      {"held_out_kept", result.held_out_kept}, {"full", params.full},
                      {"gene_dropout", params.gene_dropout}, {"losses", looks_json(result.curve)}, {"program_version", program_version()}};
    adapter.save(out, adaptation.best(), central, params.full, record.dump());
    return result;
}

}  // namespace

AdaptResult adapt(const std::filesystem::path& central, const TrainTiles& train, const Places& tissue, const GenePanel& panel, const AdaptParams& params,
                  const std::filesystem::path& work, const std::filesystem::path& out, const JobContext& ctx) {
    check(params, panel);
    AdaptResult result;
    AdaptParams fitting = params;
    halve_when_out_of_memory("adaptation", params.batch, kLeastBatch, ctx, [&](int batch) {
        fitting.batch = batch;
        // A checkpoint belongs to its batch.
        const auto own_work = batch == params.batch ? work : work / ("batch-" + std::to_string(batch));
        result = adapt_with_batch(central, train, tissue, panel, fitting, own_work, out, ctx);
        result.work = own_work;
    });
    result.batch = fitting.batch;
    return result;
}

}  // namespace c2l
