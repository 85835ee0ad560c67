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
#include "nn/safetensors.h"

using namespace c2l;
using namespace c2l::generate;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr double kTolerance = 1e-4;

fs::path fixtures() { return fs::path(C2L_SOURCE_DIR) / "tests/generate/fixtures"; }

fs::path weights_of(const fs::path& folder) {
    const auto index = folder / "diffusion_pytorch_model.safetensors.index.json";
    return fs::exists(index) ? index : folder / "diffusion_pytorch_model.safetensors";
}

// Greatest deviation over the greatest magnitude.
double error_of(const at::Tensor& mine, const at::Tensor& theirs) {
    if (mine.sizes() != theirs.sizes()) return 1e9;
    return ((mine - theirs).abs().max() / theirs.abs().max()).item<double>();
}

AutoencoderKL autoencoder(const std::string& name) {
    nn::TensorSource source(weights_of(fixtures() / name));
    return AutoencoderKL(ModelConfig(fixtures() / name / "config.json"), source);
}

PixArt pixart(const fs::path& folder, const ScheduleParams& schedule = {}) {
    nn::TensorSource source(weights_of(folder));
    return PixArt(ModelConfig(folder / "config.json"), source, schedule);
}

// A pack of the SD3-like autoencoder and the PixCell-like transformer: tiles of 64 px.
json pack_manifest() {
    return {{"id", "tiny-random"},
            {"kind", "central"},
            {"licence", "CC-BY-NC-ND-4.0"},
            {"attribution", "Random numbers of the tests"},
            {"source", "tests/peers"},
            {"tile_px", 64},
            {"tile_um", 32.0},
            {"autoencoder", {{"config", "vae/config.json"}, {"weights", "vae/diffusion_pytorch_model.safetensors"}}},
            {"denoiser", {{"config", "transformer/config.json"}, {"weights", "transformer/diffusion_pytorch_model.safetensors"}}},
            {"scheduler", {{"beta_start", 1e-4}, {"beta_end", 0.02}, {"schedule", "linear"}, {"steps", 1000}, {"prediction", "epsilon"}}}};
}

void write_manifest(const fs::path& folder, const json& manifest) { write_file(folder / "manifest.json", manifest.dump(2)); }

fs::path make_pack(const fs::path& folder, const json& manifest = pack_manifest()) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    fs::copy(fixtures() / "vae-sd3", folder / "vae", fs::copy_options::recursive);
    fs::copy(fixtures() / "pixcell", folder / "transformer", fs::copy_options::recursive);
    write_manifest(folder, manifest);
    return folder;
}

const std::string kWeights = "diffusion_pytorch_model.safetensors", kIndex = kWeights + ".index.json";
const std::string kShards[] = {"diffusion_pytorch_model-00001-of-00002.safetensors", "diffusion_pytorch_model-00002-of-00002.safetensors"};

json sharded_manifest() {
    auto manifest = pack_manifest();
    manifest["denoiser"]["weights"] = "transformer/" + kIndex;
    return manifest;
}

// The same pack with the transformer's weights in two files and their index.
fs::path make_sharded_pack(const fs::path& folder, const json& manifest = sharded_manifest()) {
    const auto transformer = make_pack(folder, manifest) / "transformer";
    std::map<std::string, at::Tensor> parts[2];
    json map = json::object();
    for (const auto& [name, tensor] : nn::read_safetensors(transformer / kWeights).tensors) {
        const auto part = map.size() % 2;
        parts[part][name] = tensor;
        map[name] = kShards[part];
    }
    for (std::size_t part = 0; part < 2; ++part) nn::write_safetensors(transformer / kShards[part], parts[part], {});
    write_file(transformer / kIndex, json{{"metadata", json::object()}, {"weight_map", map}}.dump());
    fs::remove(transformer / kWeights);
    return folder;
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

// Loads a pack that must be refused; the message, or what went wrong with the refusal.
std::string refusal(const fs::path& pack, ErrorCode code) {
    try {
        Central::load(pack, c10::Device(c10::kCPU));
    } catch (const Error& error) {
        const std::string what = error.what();
        if (error.code() != code) return "WRONG CODE: " + what;
        if (error.path().empty()) return "NAMES NO FILE: " + what;
        if (what.empty() || what.find('\n') != std::string::npos || what.back() == '.') return "NOT ONE SENTENCE: " + what;
        return what;
    }
    return "NOT REFUSED";
}

bool says(const std::string& message, const char* words) {
    const bool found = message.find(words) != std::string::npos;
    if (!found) qWarning("said: %s", message.c_str());
    return found;
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

    // The id follows what the model does, not where it lies or how its licence is worded.
    void pack_ids() {
        const auto first = make_pack(folder_ / "id1"), second = make_pack(folder_ / "id2");
        QCOMPARE(central_id(first), central_id(second));
        auto manifest = pack_manifest();
        manifest["attribution"] = "worded otherwise";
        write_manifest(second, manifest);
        QCOMPARE(central_id(first), central_id(second));
        manifest["tile_um"] = 33.0;
        write_manifest(second, manifest);
        QVERIFY(central_id(first) != central_id(second));
        manifest["tile_um"] = 32.0;
        manifest["denoiser"]["context"] = "context.safetensors";
        nn::write_safetensors(second / "context.safetensors", {{"context", at::ones({1, 32})}}, {});
        write_manifest(second, manifest);
        QVERIFY(central_id(first) != central_id(second));
        const auto a = Central::load(first, c10::Device(c10::kCPU)), b = Central::load(second, c10::Device(c10::kCPU));
        const auto latent = at::ones({1, 16, 8, 8}), time = at::full({1}, 0.5f);
        QVERIFY(error_of((*a.denoiser)(latent, time, nullptr, false), (*b.denoiser)(latent, time, nullptr, false)) > 1e-3);
    }

    void hashes_are_checked() {
        auto manifest = pack_manifest();
        const auto pack = make_pack(folder_ / "hash");
        const auto vae = pack / "vae" / "diffusion_pytorch_model.safetensors";
        manifest["autoencoder"]["sha256"] = sha256_file(vae);
        write_manifest(pack, manifest);
        Central::load(pack, c10::Device(c10::kCPU));
        manifest["autoencoder"]["sha256"] = std::string(64, '0');
        write_manifest(pack, manifest);
        QVERIFY(says(refusal(pack, ErrorCode::Mismatch), "SHA-256"));
        manifest["autoencoder"]["sha256"] = "ABC";
        write_manifest(pack, manifest);
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "64 digits"));
        manifest["autoencoder"]["sha256"] = {{"other.safetensors", std::string(64, '0')}};
        write_manifest(pack, manifest);
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "other.safetensors"));
    }

    void bad_manifests_data() {
        QTest::addColumn<QByteArray>("patch");  // RFC 7386
        QTest::addColumn<int>("code");
        QTest::addColumn<QByteArray>("words");
        const auto row = [](const char* name, const std::string& patch, ErrorCode code, const char* words) {
            QTest::newRow(name) << QByteArray::fromStdString(patch) << static_cast<int>(code) << QByteArray(words);
        };
        row("no id", R"({"id": null})", ErrorCode::BadInput, "\"id\"");
        row("no kind", R"({"kind": null})", ErrorCode::BadInput, "\"kind\"");
        row("an id that is a number", R"({"id": 7})", ErrorCode::BadInput, "\"id\"");
        row("over-long attribution", R"({"attribution": ")" + std::string(4097, 'x') + R"("})", ErrorCode::BadInput, "\"attribution\" must be a plain text of 1 to 4096");
        row("over-long source", R"({"source": ")" + std::string(100000, 'x') + R"("})", ErrorCode::BadInput, "\"source\" must be a plain text of 1 to 4096");
        row("no licence", R"({"licence": null})", ErrorCode::BadInput, "licence");
        row("empty attribution", R"({"attribution": ""})", ErrorCode::BadInput, "attribution");
        row("a control character", R"({"licence": "MIT\u0000"})", ErrorCode::BadInput, "licence");
        row("another kind", R"({"kind": "encoder"})", ErrorCode::Mismatch, "encoder");
        row("unknown field", R"({"code": "run.py"})", ErrorCode::BadInput, "code");
        row("no tile", R"({"tile_px": null})", ErrorCode::BadInput, "tile_px");
        row("huge tile", R"({"tile_px": 1000000})", ErrorCode::BadInput, "tile_px");
        row("odd tile", R"({"tile_px": 72})", ErrorCode::BadInput, "tile_px");
        row("text for a number", R"({"tile_um": "88"})", ErrorCode::BadInput, "tile_um");
        row("no networks", R"({"denoiser": null})", ErrorCode::BadInput, "denoiser");
        row("out by dots", R"({"denoiser": {"weights": "../pack/transformer/diffusion_pytorch_model.safetensors"}})", ErrorCode::BadInput, "outside");
        row("out in between", R"({"denoiser": {"config": "vae/../../x.json"}})", ErrorCode::BadInput, "outside");
        row("absolute", R"({"autoencoder": {"config": "/etc/hostname"}})", ErrorCode::BadInput, "outside");
        row("not there", R"({"autoencoder": {"config": "vae/none.json"}})", ErrorCode::NotFound, "not there");
        row("a pickle by name", R"({"denoiser": {"weights": "transformer/model.bin"}})", ErrorCode::Unsupported, "safetensors");
        row("schedule", R"({"scheduler": {"schedule": "cosine"}})", ErrorCode::BadInput, "cosine");
        row("prediction", R"({"scheduler": {"prediction": 3}})", ErrorCode::BadInput, "prediction");
        row("no schedule", R"({"scheduler": null})", ErrorCode::BadInput, "scheduler");
        row("unknown field of the autoencoder", R"({"autoencoder": {"script": "run.py"}})", ErrorCode::BadInput, "\"autoencoder.script\"");
        row("a context of the autoencoder", R"({"autoencoder": {"context": "vae/config.json"}})", ErrorCode::BadInput, "\"autoencoder.context\"");
        row("unknown field of the denoiser", R"({"denoiser": {"code": 1}})", ErrorCode::BadInput, "\"denoiser.code\"");
        row("unknown field of the scheduler", R"({"scheduler": {"name": "ddim"}})", ErrorCode::BadInput, "\"scheduler.name\"");
        row("weights that are no text", R"({"denoiser": {"weights": 3}})", ErrorCode::BadInput, "\"denoiser.weights\"");
        row("a context that is no text", R"({"denoiser": {"context": ["a"]}})", ErrorCode::BadInput, "\"denoiser.context\"");
        row("a hash that is a number", R"({"denoiser": {"sha256": 5}})", ErrorCode::BadInput, "\"denoiser.sha256\" must be 64 digits, or a table");
        row("hashes in a list", R"({"autoencoder": {"sha256": ["0"]}})", ErrorCode::BadInput, "\"autoencoder.sha256\" must be 64 digits, or a table");
        row("a table of numbers", R"({"denoiser": {"sha256": {"diffusion_pytorch_model.safetensors": 5}}})", ErrorCode::BadInput, "\"denoiser.sha256\" must be 64 digits");
        row("a hash in capitals", R"({"denoiser": {"sha256": ")" + std::string(64, 'A') + R"("}})", ErrorCode::BadInput, "\"denoiser.sha256\" must be 64 digits");
        row("beta below 0", R"({"scheduler": {"beta_start": -0.1}})", ErrorCode::BadInput, "\"beta_start\"");
        row("beta of 0", R"({"scheduler": {"beta_start": 0}})", ErrorCode::BadInput, "0 < beta_start");
        row("beta of 1", R"({"scheduler": {"beta_end": 1}})", ErrorCode::BadInput, "beta_end < 1");
        row("beta above 1", R"({"scheduler": {"beta_end": 2}})", ErrorCode::BadInput, "\"beta_end\"");
        row("falling betas", R"({"scheduler": {"beta_start": 0.5}})", ErrorCode::BadInput, "beta_start <= beta_end");
        row("beta that is no number", R"({"scheduler": {"beta_start": "small"}})", ErrorCode::BadInput, "\"beta_start\"");
        row("one step", R"({"scheduler": {"steps": 1}})", ErrorCode::BadInput, "\"steps\"");
        row("too many steps", R"({"scheduler": {"steps": 100001}})", ErrorCode::BadInput, "\"steps\"");
        row("half a step", R"({"scheduler": {"steps": 10.5}})", ErrorCode::BadInput, "\"steps\"");
        row("rank 0", R"({"adapter_rank": 0})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("rank 257", R"({"adapter_rank": 257})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("a rank of 1.5", R"({"adapter_rank": 1.5})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("a rank in words", R"({"adapter_rank": "four"})", ErrorCode::BadInput, "\"adapter_rank\"");
        row("no field of view", R"({"tile_um": 0})", ErrorCode::BadInput, "\"tile_um\"");
    }
    void bad_manifests() {
        QFETCH(QByteArray, patch);
        QFETCH(int, code);
        QFETCH(QByteArray, words);
        auto manifest = pack_manifest();
        manifest.merge_patch(json::parse(patch.toStdString()));
        const auto pack = make_pack(folder_ / "manifest", manifest);
        QVERIFY(says(refusal(pack, static_cast<ErrorCode>(code)), words.constData()));
    }

    void manifests_that_are_none_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("words");
        const auto row = [](const char* name, const std::string& text, const char* words) { QTest::newRow(name) << QByteArray::fromStdString(text) << QByteArray(words); };
        for (const char* text : {"", "[]", "5", "null", "\"central\"", "{\"id\": ", "{} {}"}) row(("'" + std::string(text) + "'").c_str(), text, "is not a JSON object");
        row("lists nested without end", R"({"id": )" + std::string(200000, '[') + std::string(200000, ']') + "}", "nested deeper");
        row("lists that are never closed", std::string(500000, '['), "nested deeper");
        row("tables nested a little too deep", [] {
            std::string text;
            for (int i = 0; i < 65; ++i) text += R"({"id":)";
            return text + "1" + std::string(65, '}');
        }(), "nested deeper");
        row("above 1 MB", pack_manifest().dump() + std::string(1 << 20, ' '), "larger than any file of its kind");
    }
    void manifests_that_are_none() {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, words);
        const auto pack = folder_ / "none";
        write_file(pack / "manifest.json", text.toStdString());
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), words.constData()));
    }

    void contexts() {
        auto manifest = pack_manifest();
        manifest["denoiser"]["context"] = "context.safetensors";
        const auto pack = make_pack(folder_ / "contexts", manifest);
        const auto file = pack / "context.safetensors";
        const auto with = [&](const std::map<std::string, at::Tensor>& tensors, ErrorCode code) {
            nn::write_safetensors(file, tensors, {});
            return refusal(pack, code);
        };
        QVERIFY(says(refusal(pack, ErrorCode::NotFound), "not there"));
        QVERIFY(says(with({{"context", at::ones({1, 32})}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with({{"context", at::ones({3, 32}, c10::kHalf)}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with({}, ErrorCode::Mismatch), "has no tensor \"context\""));
        QVERIFY(says(with({{"tokens", at::ones({1, 32})}}, ErrorCode::Mismatch), "\"tokens\""));
        QVERIFY(says(with({{"context", at::ones({1, 32})}, {"more", at::ones({1})}}, ErrorCode::Mismatch), "\"more\""));
        QVERIFY(says(with({{"context", at::ones({1, 31})}}, ErrorCode::Mismatch), "32 numbers"));
        QVERIFY(says(with({{"context", at::ones({32})}}, ErrorCode::Mismatch), "not a table of 1 to 65536 tokens"));
        QVERIFY(says(with({{"context", at::ones({1, 1, 32})}}, ErrorCode::Mismatch), "not a table of 1 to 65536 tokens"));
        QVERIFY(says(with({{"context", at::ones({0, 32})}}, ErrorCode::Mismatch), "not a table of 1 to 65536 tokens"));
        QVERIFY(says(with({{"context", at::ones({1, 32}, c10::kInt)}}, ErrorCode::Mismatch), "real numbers"));
        QVERIFY(says(with({{"context", at::full({1, 32}, NAN)}}, ErrorCode::BadInput), "not finite"));
        write_file(file, std::string("\x80\x02}q\x01.", 6));
        QVERIFY(says(refusal(pack, ErrorCode::Unsupported), "pickle"));
        nn::write_safetensors(folder_ / "context.safetensors", {{"context", at::ones({1, 32})}}, {});
        for (const auto& outside : {std::string("../context.safetensors"), (folder_ / "context.safetensors").string(), std::string("vae/../../context.safetensors")}) {
            manifest["denoiser"]["context"] = outside;
            write_manifest(pack, manifest);
            QVERIFY(says(refusal(pack, ErrorCode::BadInput), "outside its folder"));
        }
        // As many tokens as the model has places for.
        manifest["denoiser"]["context"] = "context.safetensors";
        write_manifest(pack, manifest);
        fs::remove_all(pack / "transformer");
        fs::copy(fixtures() / "pixcell-tokens", pack / "transformer", fs::copy_options::recursive);
        QVERIFY(says(with({{"context", at::ones({3, 32})}}, ErrorCode::Mismatch), "4 tokens"));
        QVERIFY(says(with({{"context", at::ones({4, 32})}}, ErrorCode::Internal), "NOT REFUSED"));
    }

    void links_data() {
        QTest::addColumn<QString>("name");
        for (const std::string& name : {std::string("vae/config.json"), "vae/" + kWeights, std::string("transformer/config.json"), "transformer/" + kIndex, "transformer/" + kShards[1],
                                        std::string("context.safetensors"), std::string("vae"), std::string("transformer")})
            QTest::newRow(name.c_str()) << QString::fromStdString(name);
    }
    // A link may point anywhere within the pack, and nowhere else.
    void links() {
        QFETCH(QString, name);
        auto manifest = sharded_manifest();
        manifest["denoiser"]["context"] = "context.safetensors";
        const auto outside = folder_ / "links";
        fs::remove_all(outside);
        const auto pack = make_sharded_pack(outside / "pack", manifest), file = pack / name.toStdString();
        nn::write_safetensors(pack / "context.safetensors", {{"context", at::ones({1, 32})}}, {});
        QVERIFY(says(refusal(pack, ErrorCode::Internal), "NOT REFUSED"));
        const auto moved_to = [&](const fs::path& target) {
            const auto now = fs::is_symlink(file) ? fs::read_symlink(file) : file;
            fs::rename(now, target);
            fs::remove(file);
            fs::create_symlink(target, file);
        };
        moved_to(pack / "elsewhere");
        QVERIFY(says(refusal(pack, ErrorCode::Internal), "NOT REFUSED"));
        moved_to(outside / "elsewhere");
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "link that leads out of the model pack"));
        moved_to(outside / "pack-too");  // a name that begins like the folder's
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "link that leads out of the model pack"));
        fs::remove_all(outside / "pack-too");
        QVERIFY(says(refusal(pack, ErrorCode::NotFound), "not there"));
    }

    void sharded_packs() {
        auto manifest = sharded_manifest();
        const auto pack = make_sharded_pack(folder_ / "sharded"), transformer = pack / "transformer";
        c10::NoGradGuard no_grad;
        const auto one = Central::load(make_pack(folder_ / "unsharded"), c10::Device(c10::kCPU)), two = Central::load(pack, c10::Device(c10::kCPU));
        const auto latent = at::ones({1, 16, 8, 8}), time = at::full({1}, 0.5f);
        QVERIFY((*one.denoiser)(latent, time, nullptr, false).equal((*two.denoiser)(latent, time, nullptr, false)));
        QVERIFY(json::parse(describe_weights(pack)).at("parameters") == json::parse(describe_weights(folder_ / "unsharded")).at("parameters"));

        const auto with_hashes = [&](const json& hashes, ErrorCode code) {
            manifest["denoiser"]["sha256"] = hashes;
            write_manifest(pack, manifest);
            return refusal(pack, code);
        };
        const std::string zeros(64, '0'), first = sha256_file(transformer / kShards[0]), second = sha256_file(transformer / kShards[1]);
        QVERIFY(says(with_hashes({{kShards[0], first}, {kShards[1], second}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with_hashes({{kShards[1], second}}, ErrorCode::Internal), "NOT REFUSED"));
        QVERIFY(says(with_hashes({{kShards[0], first}, {kShards[1], zeros}}, ErrorCode::Mismatch), "SHA-256 differs"));
        QVERIFY(says(with_hashes({{kShards[0], second}, {kShards[1], first}}, ErrorCode::Mismatch), "SHA-256 differs"));
        QVERIFY(says(with_hashes({{kShards[0], first}, {"diffusion_pytorch_model-00003-of-00002.safetensors", zeros}}, ErrorCode::BadInput), "-00003-of-00002.safetensors\", which is not among"));
        QVERIFY(says(with_hashes(first, ErrorCode::Mismatch), "SHA-256 differs"));  // the one file is the index
        QVERIFY(says(with_hashes({{kShards[0], first}, {kShards[1], 5}}, ErrorCode::BadInput), "64 digits"));
        QVERIFY(says(with_hashes(nullptr, ErrorCode::Internal), "NOT REFUSED"));

        const auto sound = read_file(transformer / kShards[1]);
        write_file(transformer / kShards[1], std::string("\x80\x02}q\x01.", 6));
        QVERIFY(says(refusal(pack, ErrorCode::Unsupported), "pickle"));
        write_file(transformer / kShards[1], sound.substr(0, sound.size() - 1));
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "cut short"));
        fs::remove(transformer / kShards[1]);
        QVERIFY(says(refusal(pack, ErrorCode::NotFound), "not there"));
        write_file(transformer / kShards[1], sound);
        auto index = json::parse(read_file(transformer / kIndex));
        index["weight_map"].begin().value() = "../" + kShards[0];
        write_file(transformer / kIndex, index.dump());
        QVERIFY(says(refusal(pack, ErrorCode::BadInput), "not the plain name"));
    }

    // Three levels where four are asked for: the networks of this program that work on latents expect an eighth of the pixels.
    void another_reduction() {
        const auto pack = make_pack(folder_ / "reduction");
        auto config = json::parse(read_file(pack / "vae" / "config.json"));
        config["block_out_channels"] = {8, 8, 16};
        write_file(pack / "vae" / "config.json", config.dump());
        // The fixture's levels are 8, 8, 16, 16 wide: without the encoder's last, and the decoder's second, which goes from 16 to 16.
        const std::string up = "decoder.up_blocks.";
        std::map<std::string, at::Tensor> tensors;
        for (const auto& [name, tensor] : nn::read_safetensors(pack / "vae" / kWeights).tensors) {
            if (name.starts_with("encoder.down_blocks.3.") || name.starts_with("encoder.down_blocks.2.downsamplers.") || name.starts_with(up + "1.")) continue;
            auto renamed = name;
            if (name.starts_with(up) && name[up.size()] > '1') --renamed[up.size()];
            tensors[renamed] = tensor;
        }
        nn::write_safetensors(pack / "vae" / kWeights, tensors, {});
        QVERIFY(says(refusal(pack, ErrorCode::Unsupported), "reduces by 4; this program takes those that reduce by 8"));
    }

    void weights_that_are_not_finite() {
        for (const char* part : {"vae", "transformer"})
            for (const float wrong : {NAN, INFINITY}) {
                const auto pack = make_pack(folder_ / "not-finite");
                auto tensors = nn::read_safetensors(pack / part / kWeights).tensors;
                tensors.rbegin()->second.view(-1)[0] = wrong;
                nn::write_safetensors(pack / part / kWeights, tensors, {});
                QVERIFY(says(refusal(pack, ErrorCode::BadInput), ("\"" + tensors.rbegin()->first + "\" holds numbers that are not finite").c_str()));
            }
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
