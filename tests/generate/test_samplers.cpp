// Samplers against flows whose solution is known, and tiles that depend on nothing but their seed.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "generate/adapter.h"
#include "generate/flow.h"
#include "generate/generate.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

const char* const kSamplers[] = {"euler", "heun", "dpm++2m"};

SampleParams with(const std::string& sampler, int steps) {
    SampleParams params;
    params.sampler = sampler;
    params.steps = steps;
    params.compute.device = "cpu";
    return params;
}

at::Tensor numbers(const std::vector<double>& values) {
    auto t = at::empty({static_cast<std::int64_t>(values.size()), 1, 1, 1}, at::kDouble);
    std::copy(values.begin(), values.end(), t.data_ptr<double>());
    return t;
}

// E[image − noise | latent] for images from a mixture of Gaussians: the velocity that a perfect network would give.
struct Mixture {
    std::vector<double> weight, mean, sd;

    at::Tensor operator()(const at::Tensor& x, const at::Tensor& time) const {
        auto v = at::empty_like(x);
        const double t = time[0].item<double>();
        for (std::int64_t i = 0; i < x.numel(); ++i) {
            const double at_x = x.data_ptr<double>()[i];
            double total = 0, image = 0;
            for (std::size_t k = 0; k < weight.size(); ++k) {
                const double variance = t * t * sd[k] * sd[k] + (1 - t) * (1 - t), off = at_x - t * mean[k];
                const double share = weight[k] / std::sqrt(variance) * std::exp(-off * off / (2 * variance));
                total += share;
                image += share * (mean[k] + t * sd[k] * sd[k] / variance * off);
            }
            v.data_ptr<double>()[i] = (image / total - at_x) / (1 - t);
        }
        return v;
    }
};

// Largest error on one Gaussian, where noise z must become mean + sd · z.
double gaussian_error(const std::string& sampler, int steps) {
    const auto z = numbers({-2, -0.5, 0, 0.3, 1, 2.5});
    const generate::Velocity velocity = Mixture{{1}, {1.5}, {0.4}};
    return (generate::integrate(z, velocity, nullptr, with(sampler, steps), {}) - (1.5 + 0.4 * z)).abs().max().item<double>();
}

}  // namespace

class TestSamplers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void straight_paths_are_exact() {
        const auto noise = at::zeros({2, 8, 16, 16}), target = at::ones({2, 8, 16, 16});
        const generate::Velocity constant = [&](const at::Tensor&, const at::Tensor&) { return target; };
        for (const auto* sampler : kSamplers)
            for (const int steps : {1, 2, 3, 7}) QVERIFY2(generate::integrate(noise, constant, nullptr, with(sampler, steps), {}).allclose(target, 1e-5, 1e-6), sampler);
    }

    // Over noise that becomes one Gaussian, for which the flow is known in closed form.
    void errors_fall_with_the_order() {
        const auto ratio = [](const char* sampler, int steps) { return gaussian_error(sampler, steps) / gaussian_error(sampler, 2 * steps); };
        for (const int steps : {20, 40, 80}) {
            QVERIFY2(std::abs(ratio("euler", steps) - 2) < 0.25, qPrintable(QString::number(ratio("euler", steps))));
            QVERIFY2(ratio("heun", steps) > 3.5, qPrintable(QString::number(ratio("heun", steps))));
        }
        for (const int steps : {160, 320})  // h² log 1/h comes near to h² late
            QVERIFY2(ratio("dpm++2m", steps) > 3.2, qPrintable(QString::number(ratio("dpm++2m", steps))));
        QVERIFY(gaussian_error("dpm++2m", 20) < 0.2 * gaussian_error("euler", 20));  // for the same number of evaluations
    }

    // Numbers of diffusers 0.42's DPMSolverMultistepScheduler, see tests/peers/dpm_solver.py.
    void dpm_solver_agrees_with_diffusers() {
        const generate::Velocity velocity = Mixture{{0.3, 0.7}, {-2, 1}, {0.5, 0.8}};
        const auto noise = numbers({-2, -1, -0.25, 0.5, 1.5});
        for (const auto& [steps, image] : {std::pair{6, std::vector{-2.601907478, -1.943445508, 0.227923173, 1.096901839, 1.943266910}},
                                           std::pair{20, std::vector{-2.715370364, -1.956326231, 0.151923555, 1.115859532, 2.045195485}}}) {
            const auto off = (generate::integrate(noise, velocity, nullptr, with("dpm++2m", steps), {}) - numbers(image)).abs().max().item<double>();
            QVERIFY2(off < 1e-5, qPrintable(QString::number(off)));
        }
    }

    // One or two steps touch both ends, where λ is infinite.
    void few_steps_are_euler() {
        const generate::Velocity velocity = Mixture{{0.3, 0.7}, {-2, 1}, {0.5, 0.8}};
        const auto noise = numbers({-2, 0.1, 1.5});
        for (const int steps : {1, 2, 3})
            QVERIFY(generate::integrate(noise, velocity, nullptr, with("dpm++2m", steps), {}).allclose(generate::integrate(noise, velocity, nullptr, with("euler", steps), {})));
    }

    void guidance_keeps_to_its_interval() {
        for (const auto* sampler : kSamplers) {
            auto params = with(sampler, 10);
            params.guidance = 3;
            params.guidance_low = 0.25;
            params.guidance_high = 0.65;
            std::vector<double> plain, guided;
            const generate::Velocity conditional = [&](const at::Tensor& x, const at::Tensor& t) {
                plain.push_back(t[0].item<double>());
                return at::ones_like(x);
            };
            const generate::VelocityPair both = [&](const at::Tensor& x, const at::Tensor& t) {
                guided.push_back(t[0].item<double>());
                return std::pair{at::ones_like(x), at::zeros_like(x)};
            };
            const auto end = generate::integrate(numbers({0}), conditional, &both, params, {}).item<double>();
            QVERIFY(std::all_of(guided.begin(), guided.end(), [](double t) { return t >= 0.25 && t <= 0.65; }));
            QVERIFY(std::none_of(plain.begin(), plain.end(), [](double t) { return t >= 0.25 && t <= 0.65; }));
            QVERIFY(end > 1.3 && end < 2.2);  // 3 for about four tenths of the way
            params.guidance = 1;
            guided.clear();
            generate::integrate(numbers({0}), conditional, &both, params, {});
            QVERIFY(guided.empty());
        }
    }

    void mistakes_are_refused() {
        const generate::Velocity velocity = [](const at::Tensor& x, const at::Tensor&) { return x; };
        QVERIFY_EXCEPTION_THROWN(generate::integrate(numbers({0}), velocity, nullptr, with("magic", 5), {}), Error);
        QVERIFY_EXCEPTION_THROWN(generate::integrate(numbers({0}), velocity, nullptr, with("heun", 0), {}), Error);
    }

    void defaults_follow_the_model() {
        CentralInfo info;
        info.architecture = "c2l-central-tiny";
        QCOMPARE(default_sampling(info).sampler, std::string("heun"));
        QCOMPARE(default_sampling(info).steps, 10);
        info.architecture = "PixArtTransformer2DModel";
        QCOMPARE(default_sampling(info).sampler, std::string("dpm++2m"));
        QCOMPARE(default_sampling(info).steps, 20);
        QCOMPARE(default_sampling(info).guidance, 2.0);
    }

    // To the byte, with the shipped weights and genes at work: in any batch, at any place in it, beside any other tiles.
    void a_seed_is_a_tile() {
        const fs::path central = C2L_SOURCE_DIR "/resources/models/central-tiny/central-tiny.safetensors", adapter = make_adapter(central);
        const Generator generator(central, adapter, {"cpu", 0});
        const auto n = static_cast<std::int64_t>(kTiles);
        Matrix profiles(n, kGenes);
        Random random(4);
        for (float& v : profiles.values) v = static_cast<float>(random.normal());
        std::vector<std::uint64_t> seeds;
        for (int i = 0; i < kTiles; ++i) seeds.push_back(100 + static_cast<std::uint64_t>(i));
        auto params = with("heun", 3);
        const TileSet together = generator.draw(profiles, seeds, params, {});
        QVERIFY(together.image(0).rgb != together.image(1).rgb);
        for (int i = kTiles - 1; i >= 0; i -= 2) {  // alone
            Matrix one(1, kGenes);
            std::copy_n(profiles.row(i), kGenes, one.row(0));
            QVERIFY(generator.draw(one, {seeds[static_cast<std::size_t>(i)]}, params, {}).image(0).rgb == together.image(static_cast<std::size_t>(i)).rgb);
        }
        Matrix turned(n, kGenes);
        for (std::int64_t i = 0; i < n; ++i) std::copy_n(profiles.row(n - 1 - i), kGenes, turned.row(i));
        params.batch = 3;
        const TileSet backwards = synthesize(central, adapter, turned, {seeds.rbegin(), seeds.rend()}, params, {});
        for (std::size_t i = 0; i < kTiles; ++i) QVERIFY(backwards.image(kTiles - 1 - i).rgb == together.image(i).rgb);
        // Genes do something at the same seed.
        std::fill(profiles.values.begin(), profiles.values.end(), 2.f);
        QVERIFY(generator.draw(profiles, seeds, params, {}).image(0).rgb != together.image(0).rgb);
        params.batch = 0;
        QVERIFY_EXCEPTION_THROWN(generator.draw(profiles, seeds, params, {}), Error);
    }

private:
    static constexpr int kGenes = 6, kTiles = 6;

    // An adapter that has learnt something: random modulation.
    fs::path make_adapter(const fs::path& central_path) {
        c10::NoGradGuard no_grad;
        const auto central = generate::Central::load(central_path, c10::Device(c10::kCPU));
        GenePanel panel;
        for (int g = 0; g < kGenes; ++g) panel.genes.push_back("g" + std::to_string(g));
        panel.mean.assign(kGenes, 1.f);
        panel.sd.assign(kGenes, 0.5f);
        Random random(8);
        Matrix profiles(30, kGenes);
        for (float& v : profiles.values) v = static_cast<float>(random.normal());
        generate::Adapter adapter(*central.denoiser, central.adapter_rank, panel, profiles, 5);
        std::map<std::string, at::Tensor> tensors;
        for (const auto& [name, tensor] : adapter.parameters().all()) {
            tensor.add_(generate::normal_noise(tensor.sizes(), random).mul(0.05));
            tensors["adapter." + name] = tensor;
        }
        for (const auto& [name, tensor] : generate::Adapter::tuned(*central.denoiser, false)) tensors["denoiser." + name] = tensor;
        const fs::path path = fs::path(dir_.path().toStdString()) / "adapter.safetensors";
        adapter.save(path, tensors, central, false, "{}");
        return path;
    }

    QTemporaryDir dir_;
};

QTEST_GUILESS_MAIN(TestSamplers)
#include "test_samplers.moc"
