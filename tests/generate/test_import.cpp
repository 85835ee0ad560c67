// Networks of other projects: equal to diffusers on small random configurations (fixtures made by tests/peers/diffusers_fixtures.py),
// usable as central models, and refused with one sentence when something is wrong with them.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "generate/autoencoder_kl.h"
#include "generate/flow.h"
#include "generate/generate.h"
#include "generate/model_pack.h"
#include "generate/pixart.h"
#include "model_packs.h"
#include "nn/safetensors.h"

using namespace c2l;
using namespace c2l::generate;
using namespace c2l::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr double kTolerance = 1e-4;

fs::path weights_of(const fs::path& folder) {
    const auto index = folder / "diffusion_pytorch_model.safetensors.index.json";
    return fs::exists(index) ? index : folder / "diffusion_pytorch_model.safetensors";
}

AutoencoderKL autoencoder(const std::string& name) {
    nn::TensorSource source(weights_of(fixtures() / name));
    return AutoencoderKL(ModelConfig(fixtures() / name / "config.json"), source);
}

PixArt pixart(const fs::path& folder, const ScheduleParams& schedule = {}) {
    nn::TensorSource source(weights_of(folder));
    return PixArt(ModelConfig(folder / "config.json"), source, schedule);
}

class StripeReader : public TileReader {
public:
    Image read(double cx, double cy, double, int size) const override {
        Image image(size, size, 220);
        for (int y = 0; y < size; ++y)
            for (int x = 0; x < size; ++x)
                if ((x + y * (1 + static_cast<int>(cx) % 3) + static_cast<int>(cy)) / 6 % 2) image.at(x, y)[1] = 90;
        return image;
    }
};

std::shared_ptr<const PairedTiles> stripes(int n) {
    auto pairs = std::make_shared<PairedTiles>();
    pairs->slide_id = "stripes";
    pairs->mpp = 0.5;
    pairs->pitch_um = 200;
    pairs->reader = std::make_shared<StripeReader>();
    Matrix counts(n, 4);
    for (int i = 0; i < n; ++i) {
        pairs->barcodes.push_back("s" + std::to_string(i));
        pairs->x.push_back(i);
        pairs->y.push_back(i * 7.0);
        for (int g = 0; g < 4; ++g) counts.at(i, g) = static_cast<float>(g % 2 ? 5 + i : 5 + n - i);
    }
    pairs->expression = ExpressionMatrix::from_dense(counts, {"a", "b", "c", "d"}, ExpressionUnit::Counts);
    pairs->depth = pairs->expression.row_sums();
    return pairs;
}

}  // namespace

class TestImport : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { folder_ = dir_.path().toStdString(); }

    void autoencoders_equal_diffusers_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"vae-sd", "vae-sd-old", "vae-sdxl", "vae-sd3"}) QTest::newRow(name) << name;
    }
    void autoencoders_equal_diffusers() {
        QFETCH(QString, name);
        c10::NoGradGuard no_grad;
        const auto model = autoencoder(name.toStdString());
        const auto reference = nn::read_safetensors(fixtures() / name.toStdString() / "reference.safetensors");
        const double encoded = error_of(model.encode(reference.at("tile"), false), reference.at("latent"));
        const double decoded = error_of(model.decode(reference.at("decode_latent"), false), reference.at("decode_tile"));
        qInfo("encode %.1e, decode %.1e", encoded, decoded);
        QVERIFY(encoded <= kTolerance);
        QVERIFY(decoded <= kTolerance);
        QCOMPARE(model.reduction(), 8);
        // Rounded products stay near.
        QVERIFY(error_of(model.decode(reference.at("decode_latent"), true), reference.at("decode_tile")) < 0.1);
        QVERIFY(error_of(model.encode(reference.at("tile"), true), reference.at("latent")) < 0.1);
    }

    void transformers_equal_diffusers_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"pixart", "pixart-sizes", "pixart-larger-tile", "pixcell", "pixcell-tokens"}) QTest::newRow(name) << name;
    }
    void transformers_equal_diffusers() {
        QFETCH(QString, name);
        c10::NoGradGuard no_grad;
        const auto folder = fixtures() / name.toStdString();
        const auto model = pixart(folder);
        const auto reference = nn::read_safetensors(folder / "reference.safetensors");
        const auto answer = model.predict(reference.at("latent"), reference.at("step"), reference.at("context"), nullptr, false);
        const auto free = model.predict(reference.at("latent"), reference.at("step"), {}, nullptr, false);
        const double told = error_of(answer, reference.at("answer")), untold = error_of(free, reference.at("answer_unconditional"));
        qInfo("with context %.1e, unconditional %.1e", told, untold);
        QVERIFY(told <= kTolerance);
        QVERIFY(untold <= kTolerance);
        QVERIFY(error_of(free, reference.at("answer")) > 1e-2);  // the context matters
        QVERIFY(error_of(model.predict(reference.at("latent"), reference.at("step"), {}, nullptr, true), reference.at("answer_unconditional")) < 0.1);
    }

    void a_context_can_be_set() {
        c10::NoGradGuard no_grad;
        auto model = pixart(fixtures() / "pixcell");
        const auto reference = nn::read_safetensors(fixtures() / "pixcell" / "reference.safetensors");
        const auto latent = reference.at("latent"), step = reference.at("step"), context = reference.at("context").select(0, 1);
        model.set_context(context);
        QVERIFY(error_of(model.predict(latent, step, {}, nullptr, false)[1], reference.at("answer")[1]) <= kTolerance);
        QVERIFY_EXCEPTION_THROWN(model.set_context(at::zeros({1, 31})), Error);
        QVERIFY_EXCEPTION_THROWN(pixart(fixtures() / "pixcell-tokens").set_context(at::zeros({3, 32})), Error);
    }

    void velocities_follow_ddim_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"linear_epsilon", "scaled_epsilon", "linear_v"}) QTest::newRow(name) << name;
    }
    // What the straight path makes of a told noise is what diffusers' DDIM makes of it: the image, and the latent of the next step.
    void velocities_follow_ddim() {
        QFETCH(QString, name);
        const auto kind = name.toStdString();
        ScheduleParams params;
        if (kind == "scaled_epsilon") params = {0.00085, 0.012, "scaled_linear", 1000, "epsilon"};
        if (kind == "linear_v") params.prediction = "v";
        const NoiseSchedule schedule(params);
        const auto reference = nn::read_safetensors(fixtures() / "schedules.safetensors");
        const auto noisy = reference.at(kind + ".latent"), told = reference.at(kind + ".told");
        for (const int step : {0, 100, 300, 700, 900}) {
            const auto prefix = kind + "." + std::to_string(step) + ".";
            const double t = schedule.time_of_step(step), norm = std::sqrt(t * t + (1 - t) * (1 - t));
            const double alpha2 = reference.at(prefix + "alpha_squared").item<double>();
            QVERIFY(std::abs(t * t / (norm * norm) / alpha2 - 1) < 1e-4);
            const auto time = at::full({1}, t, c10::kFloat);
            QVERIFY(std::abs(schedule.step_of(time).item<double>() - step) < 0.01);
            const auto straight = noisy * norm;
            QVERIFY(error_of(schedule.to_network(straight, time), noisy) < 1e-5);
            const auto velocity = schedule.velocity(straight, time, told);
            QVERIFY(error_of(straight + (1 - t) * velocity, reference.at(prefix + "image")) <= kTolerance);
            const double next = schedule.time_of_step(std::max(0, step - 100)), next_norm = std::sqrt(next * next + (1 - next) * (1 - next));
            QVERIFY(error_of((straight + (next - t) * velocity) / next_norm, reference.at(prefix + "next")) <= kTolerance);
        }
    }

    // Interpolated steps fall steadily with time; the ends are held.
    void steps_of_times() {
        const NoiseSchedule schedule({});
        const auto times = at::linspace(0, 1, 501);
        const auto steps = schedule.step_of(times);
        QVERIFY((steps.diff() <= 0).all().item<bool>());
        QCOMPARE(steps[0].item<double>(), 999.0);
        QCOMPARE(steps[500].item<double>(), 0.0);
        for (const double step : {0.5, 17.25, 998.5}) {
            const auto time = at::full({1}, schedule.time_of_step(step), c10::kDouble);
            QVERIFY(std::abs(schedule.step_of(time).item<double>() - step) < 1e-3);
        }
        const auto latent = at::randn({2, 4, 2, 2});
        QVERIFY(schedule.velocity(latent, at::zeros({2}), at::randn({2, 4, 2, 2})).isfinite().all().item<bool>());
        for (const auto& bad : {ScheduleParams{0, 0.02}, ScheduleParams{0.02, 0.01}, ScheduleParams{1e-4, 1.0}, ScheduleParams{1e-4, 0.02, "cosine"},
                                ScheduleParams{1e-4, 0.02, "linear", 1}, ScheduleParams{1e-4, 0.02, "linear", 1000, "sample"}})
            QVERIFY_EXCEPTION_THROWN(NoiseSchedule{bad}, Error);
    }

    // A network that is 2 % wrong: spaced evenly in log(a/s), the steps end much nearer to where the exact ones do. Data are N(0, 0.5²), so that
    // the exact answer is the posterior mean.
    void sampling_times_forgive_the_first_steps() {
        const NoiseSchedule schedule({});
        const auto times = schedule.sampling_times(20);
        QCOMPARE(times.size(), std::size_t{21});
        QVERIFY(std::abs(times.front() - schedule.first_time()) < 1e-12);
        QCOMPARE(times.back(), 1.0);
        QVERIFY(std::is_sorted(times.begin(), times.end()));
        const auto noise = at::linspace(-2, 2, 41, c10::kDouble).view({41, 1, 1, 1});
        const auto end = [&](double wrong, const std::vector<double>& at_times) {
            const Velocity velocity = [&](const at::Tensor& x, const at::Tensor& time) {
                const auto t = schedule.clamp(time).view({-1, 1, 1, 1});
                const auto image = x * (0.25 * t / (0.25 * t.square() + (1 - t).square()));
                const auto told = (x - t * image) / (1 - t);
                const auto norm = (t.square() + (1 - t).square()).sqrt();
                return schedule.velocity(x, time, told * (1 + wrong * (3 * x / norm + 40 * t).sin()));
            };
            SampleParams params;
            params.sampler = "dpm++2m";
            params.steps = 20;
            return integrate(noise, velocity, nullptr, params, {}, at_times);
        };
        QVERIFY((end(0, times) - 0.5 * noise).abs().max().item<double>() < 0.05);
        const double even = (end(0.02, {}) - 0.5 * noise).square().mean().sqrt().item<double>(), spaced = (end(0.02, times) - 0.5 * noise).square().mean().sqrt().item<double>();
        qInfo("equal times %.3f, spaced %.3f", even, spaced);
        QVERIFY(spaced < 0.5 * even);
    }

    // The weighted error of the velocity is the error of what the network was trained to tell.
    void loss_weights_even_the_target() {
        for (const char* prediction : {"epsilon", "v"}) {
            ScheduleParams params;
            params.prediction = prediction;
            const NoiseSchedule schedule(params);
            const auto time = at::tensor({0.02, 0.3, 0.9, 0.999}, c10::kDouble), latent = at::randn({4, 3, 2, 2}, c10::kDouble);
            const auto told = at::randn({4, 3, 2, 2}, c10::kDouble), truth = at::randn({4, 3, 2, 2}, c10::kDouble);
            const auto error = (schedule.velocity(latent, time, told) - schedule.velocity(latent, time, truth)).square().mean({1, 2, 3});
            QVERIFY((error * schedule.loss_weight(time)).allclose((told - truth).square().mean({1, 2, 3}), 1e-9));
        }
    }

    // A modulator's (scale, shift, gate) adds to the network's own (shift, scale, gate) of that half of the block.
    void modulation_sites() {
        c10::NoGradGuard no_grad;
        auto model = pixart(fixtures() / "pixcell");
        QCOMPARE(model.sites().size(), std::size_t{4});
        QCOMPARE(model.sites()[0], 24);
        QCOMPARE(model.embedding(), 24);
        const auto latent = at::randn({2, 16, 8, 8}), time = at::tensor({0.2f, 0.7f});
        const auto plain = model(latent, time, nullptr, false);
        for (int wanted = 0; wanted < 4; ++wanted) {
            const auto scale = at::randn({24}), shift = at::randn({24}), gate = at::randn({24});
            const Modulator modulator = [&](int site, const at::Tensor& embedding) {
                return site == wanted ? at::cat({scale, shift, gate}).unsqueeze(0).expand({embedding.size(0), 72}) : at::Tensor();
            };
            const auto modulated = model(latent, time, &modulator, false);
            auto rows = model.parameters().get("transformer_blocks." + std::to_string(wanted / 2) + ".scale_shift_table").narrow(0, wanted % 2 * 3, 3);
            const auto before = rows.clone();
            rows.add_(at::stack({shift, scale, gate}));
            const auto edited = model(latent, time, nullptr, false);
            rows.copy_(before);
            QVERIFY(error_of(modulated, edited) < 1e-5);
            QVERIFY(error_of(modulated, plain) > 1e-3);
        }
    }

    void a_denoiser_tells_velocities() {
        c10::NoGradGuard no_grad;
        const auto model = pixart(fixtures() / "pixcell");
        const auto latent = at::randn({2, 16, 8, 8}), time = at::tensor({0.4f, 0.8f});
        const auto& schedule = model.schedule();
        const auto told = model.predict(schedule.to_network(latent, time), schedule.step_of(time), {}, nullptr, false).narrow(1, 0, 16);
        QVERIFY(error_of(model(latent, time, nullptr, false), schedule.velocity(latent, time, told)) < 1e-6);
        QVERIFY(model.loss_weight(time).allclose(time.square()));
    }

    void a_pack_adapts_and_synthesises() {
        const auto pack = make_pack(folder_ / "pack");
        const auto info = central_info(pack);
        QCOMPARE(info.tile_px, 64);
        QCOMPARE(info.tile_um, 32.0);
        QCOMPARE(QString::fromStdString(info.licence), QString("CC-BY-NC-ND-4.0"));
        QCOMPARE(QString::fromStdString(info.architecture), QString("PixCellTransformer2DModel"));
        const auto shown = json::parse(describe_weights(pack));
        QCOMPARE(QString::fromStdString(shown.at("kind").get<std::string>()), QString("weights"));
        QCOMPARE(QString::fromStdString(shown.at("licence").get<std::string>()), QString("CC-BY-NC-ND-4.0"));
        QCOMPARE(QString::fromStdString(shown.at("attribution").get<std::string>()), QString("Random numbers of the tests"));
        QVERIFY(shown.at("parameters").get<std::int64_t>() > 50'000);

        const auto train = Split::whole(stripes(16));
        const auto panel = GenePanel::choose(train, 4, TargetUnit::Log1pCp10k);
        AdaptParams params;
        params.steps = 4;
        params.batch = 4;
        params.compute.device = "cpu";
        const auto adapter = folder_ / "adapter.safetensors";
        const auto result = adapt(pack, train, {}, panel, params, folder_ / "work", adapter, {});
        QCOMPARE(result.curve.size(), std::size_t{4});
        for (const auto& point : result.curve) QVERIFY(std::isfinite(point.loss));
        const auto header = nn::read_safetensors_header(adapter);
        QCOMPARE(header.metadata.at("central_licence"), std::string("CC-BY-NC-ND-4.0"));
        QCOMPARE(header.metadata.at("central_attribution"), std::string("Random numbers of the tests"));
        QCOMPARE(header.metadata.at("central"), central_id(pack));

        SampleParams sample;
        sample.steps = 3;
        sample.compute.device = "cpu";
        const auto tiles = synthesize(pack / "manifest.json", adapter, Matrix(3, 4), {1, 2, 1}, sample, {});
        QCOMPARE(tiles.size, 64);
        QCOMPARE(tiles.count(), std::size_t{3});
        QVERIFY(tiles.image(0).rgb != tiles.image(1).rgb);
        QCOMPARE(synthesize_central(pack, {5}, sample, {}).size, 64);
        QVERIFY_EXCEPTION_THROWN(synthesize(make_pack(folder_ / "other", [] {
                                                auto m = pack_manifest();
                                                m["scheduler"]["beta_end"] = 0.012;
                                                return m;
                                            }()),
                                            adapter, Matrix(1, 4), {1}, sample, {}),
                                 Error);
    }

    void bad_files() {
        const auto cpu = c10::Device(c10::kCPU);
        QVERIFY_EXCEPTION_THROWN(Central::load(folder_, cpu), Error);  // a folder without a manifest
        auto fresh = [&, n = 0]() mutable { return make_pack(folder_ / ("bad" + std::to_string(n++))); };
        const std::string name = "diffusion_pytorch_model.safetensors";

        auto pack = fresh();
        write_file(pack / "manifest.json", "{\"id\": ");
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "JSON"));

        pack = fresh();
        fs::rename(pack / "vae" / name, folder_ / "outside.safetensors");
        fs::create_symlink(folder_ / "outside.safetensors", pack / "vae" / name);
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "link"));

        pack = fresh();
        write_file(pack / "transformer" / name, std::string("\x80\x02}q\x01.", 6));
        QVERIFY(says(refusal(pack, ErrorCode::Unsupported), "pickle"));

        pack = fresh();  // one tensor less
        auto tensors = nn::read_safetensors(pack / "transformer" / name).tensors;
        const auto taken = tensors.extract("transformer_blocks.1.attn2.to_v.bias");
        nn::write_safetensors(pack / "transformer" / name, tensors, {});
        QVERIFY(says(refusal(pack, ErrorCode::Mismatch), "transformer_blocks.1.attn2.to_v.bias"));
        tensors[taken.key()] = taken.mapped();  // one more
        tensors["transformer_blocks.1.attn1.norm_q.weight"] = at::ones({12});
        nn::write_safetensors(pack / "transformer" / name, tensors, {});
        QVERIFY(says(refusal(pack, ErrorCode::Mismatch), "transformer_blocks.1.attn1.norm_q.weight"));
        tensors.erase("transformer_blocks.1.attn1.norm_q.weight");
        tensors[taken.key()] = at::ones({25});  // one of another shape
        nn::write_safetensors(pack / "transformer" / name, tensors, {});
        QVERIFY(says(refusal(pack, ErrorCode::Mismatch), "25"));
        tensors[taken.key()] = at::ones({24}, c10::kLong);  // of another dtype
        nn::write_safetensors(pack / "transformer" / name, tensors, {});
        QVERIFY(says(refusal(pack, ErrorCode::Mismatch), "I64"));

        pack = fresh();
        fs::remove_all(pack / "vae");
        fs::copy(fixtures() / "vae-sdxl", pack / "vae", fs::copy_options::recursive);
        QVERIFY(says(refusal(pack, ErrorCode::Mismatch), "16 channels"));
    }

    void bad_configurations_data() {
        QTest::addColumn<QByteArray>("part");
        QTest::addColumn<QByteArray>("patch");  // RFC 7386
        QTest::addColumn<int>("code");
        QTest::addColumn<QByteArray>("words");
        const auto row = [](const char* part, const char* patch, ErrorCode code, const char* words) {
            QTest::newRow(patch) << QByteArray(part) << QByteArray(patch) << static_cast<int>(code) << QByteArray(words);
        };
        const auto transformer = [&](const char* patch, ErrorCode code, const char* words) { row("transformer", patch, code, words); };
        transformer(R"({"num_layers": 100000000})", ErrorCode::BadInput, "\"num_layers\" is not a whole number from 1 to 512");
        transformer(R"({"num_layers": 3})", ErrorCode::Mismatch, "has no tensor \"transformer_blocks.2.");
        transformer(R"({"num_layers": 1})", ErrorCode::Mismatch, "has tensor \"transformer_blocks.1.");
        transformer(R"({"num_attention_heads": 0})", ErrorCode::BadInput, "\"num_attention_heads\" is not a whole number");
        transformer(R"({"attention_head_dim": -4})", ErrorCode::BadInput, "\"attention_head_dim\" is not a whole number");
        transformer(R"({"attention_head_dim": 13})", ErrorCode::BadInput, "\"attention_head_dim\" makes a width that is not a multiple of 4");
        transformer(R"({"out_channels": 17})", ErrorCode::BadInput, "\"out_channels\" is neither in_channels nor twice that");
        transformer(R"({"patch_size": 3})", ErrorCode::BadInput, "is not a multiple of patch_size");
        transformer(R"({"norm_type": "ada_norm_zero"})", ErrorCode::Unsupported, "\"norm_type\" is \"ada_norm_zero\"");
        transformer(R"({"activation_fn": "geglu"})", ErrorCode::Unsupported, "\"activation_fn\" is \"geglu\"");
        transformer(R"({"qk_norm": true})", ErrorCode::Unsupported, "\"qk_norm\"");
        transformer(R"({"caption_channels": 33})", ErrorCode::Mismatch, "\"caption_projection.linear_1.weight\" is 24 x 32 where its configuration needs 24 x 33");
        transformer(R"({"interpolation_scale": 0})", ErrorCode::BadInput, "\"interpolation_scale\" is not a number in its range");
        transformer(R"({"use_additional_conditions": true})", ErrorCode::Mismatch, "has no tensor \"adaln_single.emb.resolution_embedder.");
        transformer(R"({"_class_name": "SD3Transformer2DModel"})", ErrorCode::Unsupported, "\"_class_name\" is \"SD3Transformer2DModel\"");
        transformer(R"({"norm_eps": "small"})", ErrorCode::BadInput, "\"norm_eps\" is not a number in its range");
        transformer(R"({"cross_attention_dim": 25})", ErrorCode::BadInput, "\"cross_attention_dim\" is not the width of the context");
        const auto vae = [&](const char* patch, ErrorCode code, const char* words) { row("vae", patch, code, words); };
        vae(R"({"block_out_channels": []})", ErrorCode::BadInput, "\"block_out_channels\" is not a list of 1 to 16 numbers");
        vae(R"({"block_out_channels": [8, 8, 16]})", ErrorCode::Mismatch, "\"decoder.up_blocks.1.resnets.0.conv1.weight\" is 16 x 16 x 3 x 3 where its configuration needs 8 x 16 x 3 x 3");
        vae(R"({"block_out_channels": [8, 8, 16, 999999]})", ErrorCode::BadInput, "\"block_out_channels\" has an item that is not a whole number from 1 to 8192");
        vae(R"({"block_out_channels": "8"})", ErrorCode::BadInput, "\"block_out_channels\" is not a list");
        vae(R"({"layers_per_block": 2})", ErrorCode::Mismatch, "has no tensor \"encoder.down_blocks.0.resnets.1.");
        vae(R"({"norm_num_groups": 3})", ErrorCode::BadInput, "\"norm_num_groups\" does not divide 8 channels");
        vae(R"({"use_quant_conv": true})", ErrorCode::Mismatch, "has no tensor \"quant_conv.weight\"");
        vae(R"({"mid_block_add_attention": false})", ErrorCode::Mismatch, "has tensor \"decoder.mid_block.attentions.0.");
        vae(R"({"act_fn": "relu"})", ErrorCode::Unsupported, "\"act_fn\" is \"relu\"");
        vae(R"({"_class_name": "VQModel"})", ErrorCode::Unsupported, "\"_class_name\" is \"VQModel\"");
        vae(R"({"latent_channels": 8})", ErrorCode::Mismatch, "\"encoder.conv_out.weight\"");
        vae(R"({"scaling_factor": 0})", ErrorCode::BadInput, "\"scaling_factor\" is not a number in its range");
        vae(R"({"in_channels": 4})", ErrorCode::BadInput, "\"in_channels\" is not 3");
        vae(R"({"down_block_types": ["AttnDownEncoderBlock2D"]})", ErrorCode::Unsupported, "\"down_block_types\" is \"AttnDownEncoderBlock2D\"");
    }
    void bad_configurations() {
        QFETCH(QByteArray, part);
        QFETCH(QByteArray, patch);
        QFETCH(int, code);
        QFETCH(QByteArray, words);
        const auto pack = make_pack(folder_ / "config"), file = pack / part.toStdString() / "config.json";
        auto config = json::parse(read_file(file));
        config.merge_patch(json::parse(patch.toStdString()));
        write_file(file, config.dump());
        QVERIFY(says(refusal(pack, static_cast<ErrorCode>(code)), words.constData()));
    }

    void shard_indices() {
        const auto from = fixtures() / "pixart-sizes";
        const std::string index = "diffusion_pytorch_model.safetensors.index.json";
        const auto good = json::parse(read_file(from / index));
        nn::TensorSource whole(from / index);
        QVERIFY(whole.files().size() > 2);
        const auto refused = [&](const json& changed) {
            static int n = 0;
            const auto folder = folder_ / ("index" + std::to_string(n++));
            fs::copy(from, folder);
            write_file(folder / index, changed.dump());
            try {
                nn::TensorSource source(folder / index);
            } catch (const Error& error) {
                return std::string(error.what()).find('\n') == std::string::npos;
            }
            return false;
        };
        QVERIFY(!refused(good));
        const auto first = good.at("weight_map").begin().key();
        for (const json& file : {json("../index0/a.safetensors"), json("/etc/passwd"), json("a\\b.safetensors"), json("none.safetensors"), json(3), json(""),
                                 json("x.bin"), json(".safetensors")}) {
            auto changed = good;
            changed["weight_map"][first] = file;
            QVERIFY2(refused(changed), file.dump().c_str());
        }
        auto changed = good;
        changed["weight_map"].erase(first);  // in a shard, but not in the index
        QVERIFY(refused(changed));
        changed = good;
        changed["weight_map"]["not.there"] = good.at("weight_map").at(first);
        QVERIFY(refused(changed));
        changed = good;
        for (const auto& [name, file] : good.at("weight_map").items())
            if (file != good.at("weight_map").at(first)) changed["weight_map"][first] = file;  // in another shard than it says
        QVERIFY(refused(changed));
        for (const json& none : {json::object(), json::array(), json{{"weight_map", json::object()}}, json{{"weight_map", 1}}}) QVERIFY(refused(none));
        // One tensor in two shards.
        const auto twice = folder_ / "twice";
        fs::copy(from, twice);
        for (const auto& file : fs::directory_iterator(from)) {
            const auto plain = file.path().filename().string();
            if (!plain.starts_with("diffusion") || plain.ends_with(".json")) continue;
            auto tensors = nn::read_safetensors(file.path()).tensors;
            tensors["again"] = at::ones({1});
            nn::write_safetensors(twice / plain, tensors, {});
        }
        QVERIFY_EXCEPTION_THROWN(nn::TensorSource{twice / index}, Error);
    }

private:
    QTemporaryDir dir_;
    fs::path folder_;
};

QTEST_GUILESS_MAIN(TestImport)
#include "test_import.moc"
