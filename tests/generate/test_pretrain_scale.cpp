// Larger presets and large training: the transformer, its modulation sites, the latent cache, views, launchers.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <map>
#include <set>

#include "base/cores.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "generate/adapter.h"
#include "generate/ahead.h"
#include "generate/augmented.h"
#include "generate/generate.h"
#include "generate/latent_cache.h"
#include "generate/patch_critic.h"
#include "generate/preset.h"
#include "generate/sit.h"
#include "generate/views.h"
#include "nn/augment.h"
#include "nn/layers.h"

using namespace c2l;
using namespace c2l::generate;
namespace fs = std::filesystem;

namespace {

constexpr SiTShape kSmall{4, 32, 3, 4};

// A transformer whose weights are all away from zero, so that every part of it shows.
std::unique_ptr<SiT> lively(const SiTShape& shape, std::uint64_t seed) {
    auto net = std::make_unique<SiT>(shape, seed);
    c10::NoGradGuard no_grad;
    nn::Initialiser init(seed + 1);
    for (const auto& [name, tensor] : net->parameters().all()) tensor.add_(init.normal(tensor.sizes(), 0.1));
    return net;
}

at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed) { return nn::Initialiser(seed).normal(shape, 1.0); }

ErrorCode code_of(const std::function<void()>& f) {
    try {
        f();
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::Internal;
}

TileSet grain(int n, int size) {
    TileSet tiles;
    for (int i = 0; i < n; ++i) {
        Image image(size, size);
        Random random(static_cast<std::uint64_t>(i));
        for (std::size_t k = 0; k < image.rgb.size(); ++k) image.rgb[k] = static_cast<std::uint8_t>(100 + (i * 7) % 60 + random.below(60) + (k % 3) * 20);
        tiles.append(image);
    }
    return tiles;
}

PretrainParams nano() {
    PretrainParams p;
    p.preset = "nano";
    p.encoder_steps = p.autoencoder_steps = p.decoder_steps = 2;
    p.denoiser_steps = 4;
    p.encoder_pairs = p.autoencoder_batch = p.batch = 4;
    p.seed = 3;
    p.compute.device = "cpu";
    return p;
}

JobContext stop_at(std::stop_source& source, const std::string& stage, std::int64_t done) {
    JobContext ctx;
    ctx.stop = source.get_token();
    ctx.on_progress = [&source, stage, done](const Progress& p) {
        if (p.step == stage && p.done == done) source.request_stop();
    };
    return ctx;
}

class GrainReader : public TileReader {
public:
    Image read(double cx, double, double, int size) const override {
        const auto tiles = grain(1 + static_cast<int>(cx), size);
        return tiles.image(tiles.count() - 1);
    }
};

std::shared_ptr<const PairedTiles> pairs(int n) {
    auto out = std::make_shared<PairedTiles>();
    out->slide_id = "grain";
    out->mpp = 0.6875;
    out->pitch_um = 100;
    out->reader = std::make_shared<GrainReader>();
    Matrix counts(n, 6);
    for (int i = 0; i < n; ++i) {
        out->barcodes.push_back("s" + std::to_string(i));
        out->x.push_back(i);
        out->y.push_back(i);
        for (int g = 0; g < 6; ++g) counts.at(i, g) = static_cast<float>(g % 2 ? 5 + i : 5 + n - i);
    }
    out->expression = ExpressionMatrix::from_dense(counts, {"a", "b", "c", "d", "e", "f"}, ExpressionUnit::Counts);
    out->depth = out->expression.row_sums();
    return out;
}

Launch launched(std::map<std::string, std::string> variables) {
    return launch_from([&](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    });
}

}  // namespace

class TestPretrainScale : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        folder_ = dir_.path().toStdString();
        central_ = folder_ / "nano.safetensors";
        pretrain(grain(24, 80), nano(), folder_ / "work", central_, {});
    }

    // Large would take gigabytes: what a block adds is known from two small depths.
    void presets_have_the_sizes_they_claim() {
        const auto count = [](const Preset& p, int depth) { return SiT({p.latent_channels, p.width, depth, p.heads}, 1).parameters().count(); };
        for (const auto& [name, low, high] : {std::tuple{"base", 90e6, 92e6}, std::tuple{"large", 306e6, 314e6}}) {
            const auto& preset = find_preset(name);
            const auto one = count(preset, 1), two = count(preset, 2);
            const auto all = static_cast<double>(one + (preset.depth - 1) * (two - one));
            QVERIFY2(all > low && all < high, std::to_string(all).c_str());
            // Low-rank updates, what DiffFit tunes, and the gene network, in bfloat16.
            const auto tuned = [&](int depth) {
                const SiT net({preset.latent_channels, preset.width, depth, preset.heads}, 1);
                std::int64_t sum = 0;
                for (const auto& [key, tensor] : net.parameters().all()) sum += tensor.dim() == 1 ? tensor.numel() : 0;
                return sum;
            };
            const std::int64_t numbers = 2LL * preset.depth * 4 * preset.width * preset.adapter_rank + tuned(1) + (preset.depth - 1) * (tuned(2) - tuned(1)) +
                                         256LL * (preset.width + 64) + 2LL * preset.width;
            QVERIFY2(2 * numbers < 5'000'000, std::to_string(2 * numbers).c_str());
            QVERIFY(make_autoencoder(preset, 1)->channels() == 16);
        }
    }

    void transformer_keeps_the_shape_and_starts_at_zero() {
        const SiT net(kSmall, 1);
        QCOMPARE(net.sites().size(), std::size_t{6});
        const auto x = noise({3, 4, 6, 10}, 2), t = at::tensor({0.1f, 0.5f, 0.9f});
        c10::NoGradGuard no_grad;
        QVERIFY(net(x, t, nullptr, false).sizes() == x.sizes());
        QCOMPARE(net(x, t, nullptr, false).abs().max().item<float>(), 0.0f);
    }

    void items_of_a_batch_do_not_mix() {
        const auto net = lively(kSmall, 1);
        c10::NoGradGuard no_grad;
        const auto x = noise({3, 4, 8, 8}, 2), t = at::tensor({0.1f, 0.5f, 0.9f});
        const auto together = (*net)(x, t, nullptr, false);
        QVERIFY(together.abs().max().item<float>() > 0.01f);
        for (int i = 0; i < 3; ++i) QVERIFY((*net)(x.narrow(0, i, 1), t.narrow(0, i, 1), nullptr, false).allclose(together.narrow(0, i, 1), 1e-4, 1e-5));
        const auto rounded = (*net)(x, t, nullptr, true);
        QVERIFY((rounded - together).abs().max().item<float>() < 0.05f * together.abs().max().item<float>());
        QVERIFY(!(*net)(x.flip({3}), t, nullptr, false).flip({3}).allclose(together, 1e-3, 1e-3));  // it knows where a patch lies
    }

    void every_site_modulates() {
        const auto net = lively(kSmall, 1);
        c10::NoGradGuard no_grad;
        const auto x = noise({2, 4, 8, 8}, 2), t = at::tensor({0.3f, 0.6f});
        const auto plain = (*net)(x, t, nullptr, false);
        for (int wanted = 0; wanted < 6; ++wanted)
            for (int part = 0; part < 3; ++part) {
                const Modulator modulator = [&](int site, const at::Tensor& embedding) -> at::Tensor {
                    if (embedding.size(1) != net->embedding()) throw Error(ErrorCode::Internal, "another embedding than announced");
                    if (site != wanted) return {};
                    auto more = at::zeros({2, 3, kSmall.width});
                    more.select(1, part).fill_(0.5);
                    return more.reshape({2, 3 * kSmall.width});
                };
                QVERIFY((*net)(x, t, &modulator, false).sub(plain).abs().max().item<float>() > 1e-4f);
            }
    }

    void a_fresh_adapter_changes_nothing() {
        const auto net = lively(kSmall, 1);
        c10::NoGradGuard no_grad;
        const auto train = Split::whole(pairs(20));
        const auto panel = GenePanel::choose(train, 6, TargetUnit::Log1pCp10k);
        const auto profiles = panel.standardised(train.pairs(), train.rows());
        const Adapter adapter(*net, 4, panel, profiles, 7);
        const auto x = noise({20, 4, 8, 8}, 2), t = at::rand({20});
        auto genes = at::empty({20, 6});
        std::copy(profiles.values.begin(), profiles.values.end(), genes.data_ptr<float>());
        const auto modulator = adapter.modulator(adapter.embed(genes, {}));
        QVERIFY((*net)(x, t, &modulator, false).equal((*net)(x, t, nullptr, false)));
    }

    void nano_resumes_exactly() {
        for (const auto& [stage, done] : {std::pair{"autoencoder", 1}, std::pair{"decoder", 1}, std::pair{"latents", 64}, std::pair{"denoiser", 2}}) {
            const auto work = folder_ / (std::string("resume-") + stage), out = folder_ / (std::string(stage) + ".safetensors");
            std::stop_source source;
            QCOMPARE(code_of([&] { pretrain(grain(24, 80), nano(), work, out, stop_at(source, stage, done)); }), ErrorCode::Stopped);
            pretrain(grain(24, 80), nano(), work, out, {});
            QCOMPARE(sha256_file(out), sha256_file(central_));
            QCOMPARE(read_file(work / "denoiser.losses.tsv"), read_file(folder_ / "work" / "denoiser.losses.tsv"));
        }
    }

    void goes_on_from_a_central_model() {
        auto params = nano();
        params.init = central_;
        params.encoder_steps = params.autoencoder_steps = params.decoder_steps = 0;
        const auto out = folder_ / "on.safetensors";
        pretrain(grain(24, 80), params, folder_ / "on", out, {});
        const auto before = nn::read_safetensors(central_), after = nn::read_safetensors(out);
        bool learnt = false;
        for (const auto& [name, tensor] : before.tensors) {
            const bool same = after.at(name).equal(tensor);
            QVERIFY2(same || name.starts_with("denoiser."), name.c_str());
            learnt = learnt || !same;
        }
        QVERIFY(learnt);
        params.preset = "tiny";
        QCOMPARE(code_of([&] { pretrain(grain(24, 160), params, folder_ / "on2", out, {}); }), ErrorCode::Mismatch);
    }

    // What the denoiser knows, the latents, must not move under it.
    void decoder_learns_texture_and_nothing_else_changes() {
        auto params = nano();
        params.init = central_;
        params.encoder_steps = params.autoencoder_steps = params.denoiser_steps = 0;
        params.decoder_steps = 3;
        const auto out = folder_ / "texture.safetensors";
        pretrain(grain(24, 80), params, folder_ / "texture", out, {});
        const auto before = nn::read_safetensors(central_), after = nn::read_safetensors(out);
        for (const auto& [name, tensor] : before.tensors) {
            const bool of_decoder = name.starts_with("autoencoder.decoder.") || name.starts_with("autoencoder.linear.restore");
            QVERIFY2(of_decoder || after.at(name).equal(tensor), name.c_str());
        }
        QVERIFY(!after.at("autoencoder.decoder.in.weight").equal(before.at("autoencoder.decoder.in.weight")));
    }

    // A step of the decoder leaves no gradient in the critic that judges it; its own lesson does.
    void a_frozen_critic_passes_gradients_on_and_keeps_none() {
        PatchCritic critic(4);
        for (const auto& [name, tensor] : critic.parameters().all()) at::Tensor(tensor).set_requires_grad(true);
        auto x = noise({2, 3, 32, 32}, 5).set_requires_grad(true);
        const auto live = critic(x, false), frozen = critic.frozen()(x, false);
        QCOMPARE(live.logits.sizes().vec(), (std::vector<std::int64_t>{2, 1, 4, 4}));
        QVERIFY(live.logits.equal(frozen.logits));
        frozen.logits.sum().backward();
        QVERIFY(x.grad().defined() && x.grad().abs().max().item<float>() > 0);
        for (const auto& [name, tensor] : critic.parameters().all()) QVERIFY2(!tensor.grad().defined(), name.c_str());
        live.logits.sum().backward();
        for (const auto& [name, tensor] : critic.parameters().all()) QVERIFY2(tensor.grad().defined(), name.c_str());
    }

    void adapts_a_transformer() {
        const auto train = Split::whole(pairs(20));
        const auto panel = GenePanel::choose(train, 6, TargetUnit::Log1pCp10k);
        AdaptParams params;
        params.steps = 5;
        params.batch = 4;
        params.compute.device = "cpu";
        const auto adapter = folder_ / "adapter.safetensors";
        const auto result = adapt(central_, train, {}, panel, params, folder_ / "adapt", adapter, {});
        QVERIFY(result.held_out_best <= result.held_out_before);
        SampleParams sample;
        sample.steps = 2;
        sample.compute.device = "cpu";
        const auto tiles = synthesize(central_, adapter, panel.standardised(train.pairs(), {0, 1}), {1, 2}, sample, {});
        QCOMPARE(tiles.count(), std::size_t{2});
        QCOMPARE(tiles.size, 64);
    }

    void too_large_is_refused_before_it_starts() {
        auto params = nano();
        params.preset = "large";
        params.batch = 4096;
        std::string said;
        try {
            pretrain(grain(16, 320), params, folder_ / "huge", folder_ / "huge.safetensors", {});
        } catch (const Error& error) {
            QVERIFY(error.code() == ErrorCode::Memory);
            said = error.what();
        }
        QVERIFY2(said.find("large") != std::string::npos && said.find("--batch") != std::string::npos, said.c_str());
        QVERIFY(!fs::exists(folder_ / "huge"));
    }

    void latents_are_what_was_encoded() {
        LatentPlan plan;
        plan.folder = folder_ / "cache";
        plan.fingerprint = sha256_hex("one");
        plan.count = LatentCache::kChunk + 40;
        plan.channels = 3;
        plan.side = 2;
        const auto all = noise({plan.count, 3, 2, 2}, 5).mul(2.0).add(at::tensor({1.0f, 0.0f, -3.0f}).view({1, 3, 1, 1}));
        std::int64_t encoded = 0;
        const auto encode = [&](std::int64_t first, std::int64_t n) {
            encoded += n;
            return all.narrow(0, first, n);
        };
        {
            const LatentCache cache(plan, encode, Processes(), {});
            const auto part = cache.rows({5, LatentCache::kChunk + 39, 0});
            cache.release();
            QVERIFY(part.allclose(all.index_select(0, at::tensor({std::int64_t{5}, LatentCache::kChunk + 39, std::int64_t{0}})), 1e-3, 1e-3));
            QVERIFY(cache.rows({5}).equal(part.narrow(0, 0, 1)));
            QVERIFY(cache.mean().allclose(all.mean({0, 2, 3}), 1e-3, 1e-3));
            QVERIFY(cache.sd().allclose(all.transpose(0, 1).reshape({3, -1}).std(1), 1e-3, 1e-3));
        }
        QCOMPARE(encoded, plan.count);
        fs::remove(plan.folder / "000001.latents");
        { const LatentCache cache(plan, encode, Processes(), {}); }
        QCOMPARE(encoded, plan.count + 40);  // only what was missing
        fs::resize_file(plan.folder / "000000.latents", 5000);
        { const LatentCache cache(plan, encode, Processes(), {}); }
        QCOMPARE(encoded, 2 * plan.count);  // a file that was cut off is made again
        plan.fingerprint = sha256_hex("two");
        { const LatentCache cache(plan, encode, Processes(), {}); }
        const auto plan_count = plan.count;
        QCOMPARE(encoded, 3 * plan_count);  // another autoencoder
        plan.count = std::int64_t{1} << 24;  // 8.8 TB
        plan.channels = plan.side = 64;
        plan.folder = folder_ / "far too large";
        QCOMPARE(code_of([&] { const LatentCache cache(plan, encode, Processes(), {}); }), ErrorCode::Io);
        QCOMPARE(encoded, 3 * plan_count);
    }

    // All eight orientations come up, and without jitter a view is a part of the tile, turned.
    void views_are_turned_crops() {
        const auto tiles = grain(2, 20);
        const TileView view(tiles);
        const auto whole = nn::tiles_to_tensor(tiles.tile(1), 1, 20);
        std::set<int> seen;
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
            Random random(seed);
            const auto x = fill_views(1, 20, [&](std::int64_t, float* row) { write_view(view, 1, 20, nullptr, random, row); });
            for (int o = 0; o < 8; ++o)
                if (nn::orient(whole, o).allclose(x, 0, 1e-6)) seen.insert(o);
        }
        QCOMPARE(seen.size(), std::size_t{8});
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            Random random(seed), same(seed);
            const auto x = fill_views(1, 8, [&](std::int64_t, float* row) { write_view(view, 1, 8, nullptr, random, row); });
            const auto x0 = same.below(13), y0 = same.below(13), turn = same.below(8);
            auto expected = whole.slice(2, y0, y0 + 8).slice(3, x0, x0 + 8);
            if (turn & 1) expected = expected.flip({3});
            if (turn & 2) expected = expected.flip({2});
            if (turn & 4) expected = expected.transpose(2, 3);
            QVERIFY(x.allclose(expected, 0, 1e-6));
        }
    }

    // The table of a view gives what the formula on optical densities gives.
    void jitter_is_that_of_optical_densities() {
        TileSet tiles;
        tiles.append(Image(1, 1, 120));
        const nn::Jitter jitter{0.1, 0.05};
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            Random random(seed), same(seed);
            const auto x = fill_views(1, 1, [&](std::int64_t, float* row) { write_view(tiles, 0, 1, &jitter, random, row); });
            for (int draw = 0; draw < 3; ++draw) same.below(draw < 2 ? 1 : 8);
            const auto expected = nn::stain_jitter(nn::tiles_to_tensor(tiles.tile(0), 1, 1), jitter, same);
            QVERIFY(x.allclose(expected, 1e-4, 1e-5));
        }
    }

    void augmented_views_depend_on_their_number_and_seed() {
        const auto tiles = grain(2, 20);
        const TileSet views = augmented_views(tiles, {1, 0, 1}, 16, 5), first = augmented_views(tiles, {1}, 16, 5), other = augmented_views(tiles, {1}, 16, 6);
        QCOMPARE(views.size, 16);
        QCOMPARE(views.count(), std::size_t{3});
        const auto same = [](const TileSet& a, std::size_t i, const TileSet& b, std::size_t k) { return std::equal(a.tile(i), a.tile(i) + a.bytes_per_tile(), b.tile(k)); };
        QVERIFY(same(views, 0, first, 0));
        QVERIFY(!same(views, 0, views, 2) && !same(first, 0, other, 0));
        TileSet grey;
        grey.append(Image(20, 20, 120));
        const TileSet varied = augmented_views(grey, std::vector<std::size_t>(200), 16, 5);
        const auto [least, most] = std::minmax_element(varied.rgb.begin(), varied.rgb.end());
        QVERIFY(*least < 115 && *least > 80 && *most > 125 && *most < 160);  // the stain varies, by about 5 % of its optical density
    }

    void launchers() {
        QCOMPARE(launched({}).world, 1);
        QCOMPARE(launched({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).world, 1);  // the batch script, not a step of srun
        const auto torchrun = launched({{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}, {"MASTER_ADDR", "host"}, {"MASTER_PORT", "1234"}});
        QVERIFY(torchrun.rank == 3 && torchrun.world == 4 && torchrun.local_rank == 1 && torchrun.local_world == 2 && torchrun.address == "host" && torchrun.port == 1234);
        QCOMPARE(launched({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "1234"}, {"TORCHELASTIC_USE_AGENT_STORE", "True"}}).port, 1235);
        const auto srun = launched({{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "1"}, {"SLURM_JOB_NODELIST", "gpu[003-006,9]"}, {"SLURM_JOB_ID", "7654321"}});
        QVERIFY(srun.rank == 5 && srun.world == 8 && srun.local_rank == 1 && srun.address == "gpu003" && srun.port == 24321);
        QCOMPARE(srun.local_world, 1);  // Slurm does not say here
        QCOMPARE(srun.cores, 0);
        QCOMPARE(first_host("a1,b2"), std::string("a1"));
        QCOMPARE(first_host("n[7,9-12].site,b"), std::string("n7.site"));
        QCOMPARE(first_host("single"), std::string("single"));
        for (const auto& bad : std::vector<std::map<std::string, std::string>>{{{"RANK", "0"}},
                                                                             {{"RANK", "4"}, {"WORLD_SIZE", "4"}, {"MASTER_ADDR", "h"}},
                                                                             {{"RANK", "x"}, {"WORLD_SIZE", "4"}},
                                                                             {{"RANK", "0"}, {"WORLD_SIZE", "2"}},
                                                                             {{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "h"}, {"MASTER_PORT", "99999"}}})
            QCOMPARE(code_of([&] { launched(bad); }), ErrorCode::BadInput);
    }

    void slurm_shares_the_cores_of_each_machine() {
        const std::map<std::string, std::string> step = {{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "17"}, {"SLURM_NTASKS", "20"}, {"SLURM_LOCALID", "1"}, {"SLURM_NODEID", "2"}, {"SLURM_JOB_NODELIST", "gpu[3-5]"}};
        const auto with = [&](std::map<std::string, std::string> more) {
            more.insert(step.begin(), step.end());
            return launched(more);
        };
        QCOMPARE(with({{"SLURM_TASKS_PER_NODE", "8(x2),4"}}).local_world, 4);
        QCOMPARE(with({{"SLURM_NTASKS_PER_NODE", "8"}, {"SLURM_TASKS_PER_NODE", "7(x2),6"}}).local_world, 8);
        QCOMPARE(with({{"SLURM_STEP_TASKS_PER_NODE", "7(x2),6"}, {"SLURM_NTASKS_PER_NODE", "8"}}).local_world, 6);
        QCOMPARE(with({{"SLURM_NTASKS_PER_NODE", "8"}, {"SLURM_CPUS_ON_NODE", "96"}}).cores, 12);
        QCOMPARE(with({{"SLURM_NTASKS_PER_NODE", "8"}, {"SLURM_CPUS_ON_NODE", "96"}, {"SLURM_CPUS_PER_TASK", "10"}}).cores, 10);
        for (const char* bad : {"", "8(x", "8(x2),", "eight", "0", "8(x2)", "8,8", "8(x2)4", "-8", "8(x0),8"})  // nonsense, or no third machine
            QCOMPARE(code_of([&] { with({{"SLURM_TASKS_PER_NODE", bad}}); }), ErrorCode::BadInput);

        QCOMPARE(tasks_on_node("8(x2),4", 0), 8);
        QCOMPARE(tasks_on_node("8(x2),4", 1), 8);
        QCOMPARE(tasks_on_node("8(x2),4", 2), 4);
        QCOMPARE(tasks_on_node("8(x2),4", 3), 0);
        QCOMPARE(tasks_on_node("3", 0), 3);

        const auto threads = [](int local_world, int cores) {
            Launch launch;
            launch.world = 20;
            launch.local_world = local_world;
            launch.cores = cores;
            ComputeParams compute;
            compute.device = "cpu";
            return compute_of(launch, compute).threads;
        };
        QCOMPARE(threads(1, 0), usable_cores());
        QCOMPARE(threads(2 * usable_cores(), 0), 1);
        QCOMPARE(threads(8, usable_cores()), usable_cores());  // already its own share
        QCOMPARE(threads(8, usable_cores() + 5), usable_cores());
        QCOMPARE(threads(8, 1), 1);
    }

    void batches_made_ahead_are_the_same() {
        for (const bool enabled : {false, true}) {
            Ahead<std::int64_t> ahead([](std::int64_t step) { return step == 7 ? throw Error(ErrorCode::Io, "seven") : 10 * step; }, enabled);
            for (const std::int64_t step : {3, 4, 5, 2, 3}) QCOMPARE(ahead.get(step, 10), 10 * step);
            QCOMPARE(ahead.get(6, 10), std::int64_t{60});
            QCOMPARE(code_of([&] { ahead.get(7, 10); }), ErrorCode::Io);
            QCOMPARE(ahead.get(9, 10), std::int64_t{90});
        }
    }

    void one_process_needs_no_network() {
        const Processes alone;
        auto t = at::ones({3});
        alone.sum(t);
        QVERIFY(t.equal(at::ones({3})) && alone.first() && alone.count() == 1 && !alone.any(false) && alone.any(true));
        QVERIFY(alone.gather(t).sizes() == at::IntArrayRef({1, 3}));
    }

private:
    QTemporaryDir dir_;
    fs::path folder_, central_;
};

QTEST_GUILESS_MAIN(TestPretrainScale)
#include "test_pretrain_scale.moc"
