// The generator at its real size, for a few steps: resume is exact, seeds are tiles, adapters belong to their model.
#include <ATen/ATen.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "generate/adapter.h"
#include "generate/generate.h"
#include "generate/inner_split.h"
#include "generate/out_of_memory.h"
#include "generate/preset.h"
#include "nn/safetensors.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

// Discs on a ground whose number and darkness follow the first "gene".
Image disc_tile(double cells, std::uint64_t seed, int size) {
    Image image(size, size, 230);
    Random random(seed);
    for (int n = 0; n < static_cast<int>(4 + 30 * cells); ++n) {
        const int cx = static_cast<int>(random.below(size)), cy = static_cast<int>(random.below(size)), r = 4;
        for (int y = std::max(0, cy - r); y < std::min(size, cy + r); ++y)
            for (int x = std::max(0, cx - r); x < std::min(size, cx + r); ++x)
                if ((x - cx) * (x - cx) + (y - cy) * (y - cy) < r * r) {
                    image.at(x, y)[0] = 90;
                    image.at(x, y)[1] = 60;
                    image.at(x, y)[2] = 140;
                }
    }
    return image;
}

class DiscReader : public TileReader {
public:
    Image read(double cx, double cy, double, int size) const override { return disc_tile(cx / 1000.0, static_cast<std::uint64_t>(cy), size); }
};

std::shared_ptr<const PairedTiles> disc_pairs(int n) {
    auto pairs = std::make_shared<PairedTiles>();
    pairs->slide_id = "discs";
    pairs->mpp = 0.6875;
    pairs->pitch_um = 200;
    pairs->reader = std::make_shared<DiscReader>();
    Matrix counts(n, 6);
    for (int i = 0; i < n; ++i) {
        pairs->barcodes.push_back("s" + std::to_string(i));
        pairs->x.push_back(1000.0 * i / n);
        pairs->y.push_back(i * 300.0);
        for (int g = 0; g < 6; ++g) counts.at(i, g) = static_cast<float>(g % 2 ? 5 + i : 5 + n - i);
    }
    pairs->expression = ExpressionMatrix::from_dense(counts, {"a", "b", "c", "d", "e", "f"}, ExpressionUnit::Counts);
    pairs->depth = pairs->expression.row_sums();
    return pairs;
}

PretrainParams few_steps() {
    PretrainParams p;
    p.encoder_steps = 2;
    p.autoencoder_steps = 2;
    p.decoder_steps = 2;
    p.denoiser_steps = 3;
    p.encoder_pairs = 4;
    p.autoencoder_batch = 4;
    p.batch = 4;
    p.seed = 11;
    p.compute.device = "cpu";
    return p;
}

TileSet disc_tiles(int n) {
    TileSet tiles;
    for (int i = 0; i < n; ++i) tiles.append(disc_tile(i / static_cast<double>(n), static_cast<std::uint64_t>(i), 160));
    return tiles;
}

// Asks for a stop once `step` of `stage` is done.
JobContext stop_at(std::stop_source& source, const std::string& stage, std::int64_t step) {
    JobContext ctx;
    ctx.stop = source.get_token();
    ctx.on_progress = [&source, stage, step](const Progress& p) {
        if (p.step == stage && p.done == step) source.request_stop();
    };
    return ctx;
}

}  // namespace

class TestGenerate : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        folder_ = dir_.path().toStdString();
        central_ = folder_ / "central.safetensors";
        pretrain(disc_tiles(24), few_steps(), folder_ / "work", central_, {});
        QVERIFY(fs::exists(central_));
        QVERIFY(fs::file_size(central_) <= 30'000'000);
    }

    void pretraining_resumes_exactly() {
        for (const auto& [stage, step] : {std::pair{"encoder", 1}, std::pair{"autoencoder", 1}, std::pair{"decoder", 1}, std::pair{"denoiser", 2}}) {
            const auto work = folder_ / (std::string("resume-") + stage), out = folder_ / (std::string(stage) + ".safetensors");
            std::stop_source source;
            try {
                pretrain(disc_tiles(24), few_steps(), work, out, stop_at(source, stage, step));
                QFAIL("was not stopped");
            } catch (const Error& error) {
                QVERIFY(error.code() == ErrorCode::Stopped);
            }
            QVERIFY(!fs::exists(out));
            pretrain(disc_tiles(24), few_steps(), work, out, {});
            QCOMPARE(sha256_file(out), sha256_file(central_));
        }
    }

    // Spots that decide when to stop are not to be learnt from by way of their neighbours' pixels.
    void deciding_spots_are_clear_of_those_learnt_from() {
        using namespace generate;
        const auto grid = [](int side, double pitch_px) {
            auto pairs = std::make_shared<PairedTiles>();
            pairs->mpp = 1;
            pairs->pitch_um = pitch_px;
            for (int i = 0; i < side * side; ++i) {
                pairs->barcodes.push_back(std::to_string(i));
                pairs->x.push_back(pitch_px * (i % side));
                pairs->y.push_back(pitch_px * (i / side));
            }
            return Split::whole(pairs);
        };
        int issues = 0;
        JobContext ctx;
        ctx.on_issue = [&](const Issue&) { ++issues; };
        const auto apart = [](const TrainTiles& train, const InnerSplit& s, double clear) {
            const auto& p = train.pairs();
            for (const auto a : s.learn)
                for (const auto c : s.check)
                    if (std::abs(p.x[static_cast<std::size_t>(a)] - p.x[static_cast<std::size_t>(c)]) < clear && std::abs(p.y[static_cast<std::size_t>(a)] - p.y[static_cast<std::size_t>(c)]) < clear) return false;
            return true;
        };
        const auto sparse = grid(10, 200), dense = grid(30, 90), few = grid(3, 20);
        const auto of_sparse = inner_split(sparse, 99, 1, ctx);
        QCOMPARE(of_sparse.check.size(), std::size_t{10});
        QCOMPARE(of_sparse.learn.size(), std::size_t{90});  // none lost
        const auto of_dense = inner_split(dense, 99, 1, ctx);
        QCOMPARE(of_dense.check.size(), std::size_t{64});
        QVERIFY(of_dense.learn.size() >= 627 && of_dense.learn.size() < 836 && apart(dense, of_dense, 99));
        QCOMPARE(issues, 0);
        const auto of_few = inner_split(few, 99, 1, ctx);
        QCOMPARE(of_few.learn.size() + of_few.check.size(), std::size_t{9});
        QCOMPARE(issues, 1);
    }

    void other_settings_do_not_resume() {
        auto params = few_steps();
        params.seed = 12;
        QVERIFY_EXCEPTION_THROWN(pretrain(disc_tiles(24), params, folder_ / "work", folder_ / "no.safetensors", {}), Error);
        QVERIFY(!fs::exists(folder_ / "no.safetensors"));
    }

    void adaptation_resumes_exactly_and_keeps_the_best() {
        const auto train = Split::whole(disc_pairs(20));
        const auto panel = GenePanel::choose(train, 6, TargetUnit::Log1pCp10k);
        AdaptParams params;
        params.steps = 26;
        params.batch = 4;
        params.seed = 5;
        params.compute.device = "cpu";
        const auto whole = folder_ / "adapter.safetensors", resumed = folder_ / "resumed.safetensors";
        const Places tissue{{40, 300, 560, 820}, {500, 500, 500, 500}};
        const auto result = adapt(central_, train, tissue, panel, params, folder_ / "adapt", whole, {});
        QCOMPARE(result.curve.size(), std::size_t{26});
        QVERIFY(result.held_out_best <= result.held_out_before);
        QVERIFY(result.held_out_kept >= result.held_out_best && std::isfinite(result.held_out_kept));
        std::stop_source source;
        QVERIFY_EXCEPTION_THROWN(adapt(central_, train, tissue, panel, params, folder_ / "adapt2", resumed, stop_at(source, "adapt", 13)), Error);
        QVERIFY(!fs::exists(resumed));
        QVERIFY_EXCEPTION_THROWN(adapt(central_, train, {}, panel, params, folder_ / "adapt2", resumed, {}), Error);  // a checkpoint of other tissue
        const auto again = adapt(central_, train, tissue, panel, params, folder_ / "adapt2", resumed, {});
        QCOMPARE(sha256_file(resumed), sha256_file(whole));
        QCOMPARE(again.best_step, result.best_step);
        QCOMPARE(adapter_panel(whole).genes, panel.genes);
        QVERIFY(fs::file_size(whole) < 5'000'000);

        // A tenth of the spots decides when to stop: tissue that shows one of them is left out.
        params.steps = 1;
        const auto& pairs = train.pairs();
        QCOMPARE(adapt(central_, train, {pairs.x, pairs.y}, panel, params, folder_ / "adapt3", folder_ / "over.safetensors", {}).tissue_tiles, std::int64_t{18});
    }

    void seeds_are_tiles_whatever_the_batch() {
        const auto adapter = folder_ / "adapter.safetensors";
        const auto panel = adapter_panel(adapter);
        Matrix profiles(5, static_cast<std::int64_t>(panel.genes.size()));
        for (std::size_t i = 0; i < profiles.values.size(); ++i) profiles.values[i] = static_cast<float>(i % 3) - 1.0f;
        const std::vector<std::uint64_t> seeds{1, 2, 3, 2, 9};
        SampleParams params;
        params.steps = 3;
        params.compute.device = "cpu";
        const auto together = synthesize(central_, adapter, profiles, seeds, params, {});
        QCOMPARE(together.count(), std::size_t{5});
        for (std::int64_t i = 0; i < profiles.rows; ++i) {  // four at once, or one
            Matrix one(1, profiles.cols);
            std::copy_n(profiles.row(i), profiles.cols, one.row(0));
            const auto alone = synthesize(central_, adapter, one, {seeds[static_cast<std::size_t>(i)]}, params, {});
            QVERIFY2(together.image(static_cast<std::size_t>(i)).rgb == alone.rgb, std::to_string(i).c_str());
        }
        QVERIFY(together.image(0).rgb != together.image(1).rgb);
    }

    // What the copy gate compares besides the tile encoder's features.
    void latents_tell_tiles_apart() {
        ComputeParams compute;
        compute.device = "cpu";
        const auto latents = latent_features(central_, compute);
        QCOMPARE(latents->dims(), 8 * 8 * 8);
        QCOMPARE(latents->id(), latent_features_id(central_id(central_)));
        QVERIFY(latents->id() != central_id(central_));  // else a yardstick of the one would be taken for one of the other
        TileSet tiles;
        for (int i = 0; i < 40; ++i) tiles.append(disc_tile(i % 39 % 4 / 4.0, static_cast<std::uint64_t>(i % 39), kTileSize));  // the last one is the first again
        const Matrix features = latents->encode(tiles, {});
        QCOMPARE(features.rows, std::int64_t{40});
        const auto apart = [&](std::int64_t a, std::int64_t b) {
            double square = 0;
            for (std::int64_t c = 0; c < features.cols; ++c) square += std::pow(features.at(a, c) - features.at(b, c), 2);
            return std::sqrt(square);
        };
        QVERIFY(apart(0, 39) == 0 || apart(0, 39) < 1e-3 * apart(0, 1));  // in another batch
        QVERIFY(apart(0, 4) > 0.1 * apart(0, 1));                         // as many discs elsewhere
        TileSet large;
        large.append(disc_tile(0.5, 1, 160));
        QVERIFY_EXCEPTION_THROWN(latents->encode(large, {}), Error);
    }

    void adapters_belong_to_their_model() {
        const auto other = folder_ / "other.safetensors";
        auto params = few_steps();
        params.seed = 99;
        params.encoder_steps = params.autoencoder_steps = params.decoder_steps = params.denoiser_steps = 1;
        pretrain(disc_tiles(24), params, folder_ / "other", other, {});
        const Matrix profiles(1, 6);
        QVERIFY_EXCEPTION_THROWN(synthesize(other, folder_ / "adapter.safetensors", profiles, {1}, {}, {}), Error);
        QVERIFY_EXCEPTION_THROWN(synthesize(central_, central_, profiles, {1}, {}, {}), Error);
        QVERIFY_EXCEPTION_THROWN(synthesize(central_, folder_ / "adapter.safetensors", Matrix(1, 5), {1}, {}, {}), Error);
    }

    void a_batch_that_does_not_fit_is_halved_and_said() {
        std::vector<int> tried;
        std::vector<Issue> issues;
        JobContext ctx;
        ctx.on_issue = [&](const Issue& issue) { issues.push_back(issue); };
        const auto fits_below = [&](int most) {
            return [&tried, most](int batch) {
                tried.push_back(batch);
                // What LibTorch throws on a CPU: an allocation that no machine has.
                if (batch > most) at::empty({std::int64_t{1} << 46}, c10::kFloat);
            };
        };
        QCOMPARE(generate::halve_when_out_of_memory("adaptation", 32, 4, ctx, fits_below(10)), 8);
        QCOMPARE(tried, (std::vector<int>{32, 16, 8}));
        QCOMPARE(issues.size(), std::size_t{2});
        QVERIFY(issues[0].text.find("32") != std::string::npos && issues[0].text.find("16") != std::string::npos);
        try {
            generate::halve_when_out_of_memory("adaptation", 32, 4, ctx, fits_below(3));
            QFAIL("was not refused");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::Memory);
        }
        // What is not a lack of memory is not tried again.
        tried.clear();
        QVERIFY_EXCEPTION_THROWN(generate::halve_when_out_of_memory("adaptation", 32, 4, ctx, [&](int batch) { tried.push_back(batch); throw std::runtime_error("other"); }),
                                 std::runtime_error);
        QCOMPARE(tried.size(), std::size_t{1});
    }

    // The whole adaptation where memory runs out at some step: it starts again with half the batch, and the result is that of a run with this batch.
    void adaptation_starts_again_with_half_the_batch() {
        const auto train = Split::whole(disc_pairs(20));
        const auto panel = GenePanel::choose(train, 6, TargetUnit::Log1pCp10k);
        AdaptParams params;
        params.steps = 4;
        params.batch = 16;
        params.seed = 5;
        params.compute.device = "cpu";
        std::vector<Issue> issues;
        int failures = 0;
        JobContext ctx;
        ctx.on_issue = [&](const Issue& issue) { issues.push_back(issue); };
        ctx.on_progress = [&](const Progress& p) {
            if (p.step == "adapt" && p.done == 3 && failures < 2) {
                ++failures;
                at::empty({std::int64_t{1} << 46}, c10::kFloat);  // what no machine has
            }
        };
        const auto work = folder_ / "halved";
        const auto result = adapt(central_, train, {}, panel, params, work, folder_ / "halved.safetensors", ctx);
        QCOMPARE(failures, 2);
        QCOMPARE(issues.size(), std::size_t{2});
        QCOMPARE(result.batch, 4);
        QCOMPARE(result.work, work / "batch-4");
        QCOMPARE(result.curve.size(), std::size_t{4});
        QVERIFY(fs::exists(result.work / "adapt.checkpoint.safetensors"));
        params.batch = 4;
        const auto plain = adapt(central_, train, {}, panel, params, folder_ / "plain", folder_ / "plain.safetensors", {});
        QCOMPARE(plain.work, folder_ / "plain");
        QCOMPARE(sha256_file(folder_ / "halved.safetensors"), sha256_file(folder_ / "plain.safetensors"));
        // Never enough, whatever the batch.
        failures = -1000;
        try {
            adapt(central_, train, {}, panel, params, folder_ / "never", folder_ / "never.safetensors", ctx);
            QFAIL("there was memory after all");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::Memory);
        }
        QVERIFY(!fs::exists(folder_ / "never.safetensors"));
    }

    // Every weight tuned, for comparison: all of them are learnt, kept and drawn with.
    void full_adaptation() {
        const auto train = Split::whole(disc_pairs(20));
        const auto panel = GenePanel::choose(train, 6, TargetUnit::Log1pCp10k);
        AdaptParams params;
        params.steps = 26;
        params.batch = 4;
        params.seed = 5;
        params.full = true;
        params.compute.device = "cpu";
        const auto path = folder_ / "full.safetensors";
        const auto result = adapt(central_, train, {}, panel, params, folder_ / "full", path, {});
        QVERIFY(result.best_step > 0);
        QVERIFY(adapter_info(path).full && adapter_info(path).training_json.find("\"full\":true") != std::string::npos);
        const auto central = generate::Central::load(central_, c10::Device(c10::kCPU));
        const auto file = nn::read_safetensors(path);
        std::size_t matrices = 0, moved = 0;
        for (const auto& [name, tensor] : central.denoiser->parameters().all()) {
            matrices += tensor.dim() > 1;
            moved += tensor.dim() > 1 && !tensor.equal(file.at("denoiser." + name).to(c10::kFloat));
        }
        QVERIFY(matrices > 20 && moved == matrices);
        SampleParams sample;
        sample.steps = 2;
        sample.compute.device = "cpu";
        const auto drawn = synthesize(central_, path, Matrix(2, 6, 1.f), {1, 2}, sample, {});
        QVERIFY(drawn.rgb == synthesize(central_, path, Matrix(2, 6, 1.f), {1, 2}, sample, {}).rgb);
        QVERIFY(drawn.rgb != synthesize(central_, folder_ / "adapter.safetensors", Matrix(2, 6, 1.f), {1, 2}, sample, {}).rgb);
    }

    // The figure that too little memory is told by follows the network.
    void memory_of_the_preset() {
        const auto& tiny = generate::find_preset("tiny");
        const double counted = static_cast<double>(generate::make_denoiser(tiny, 0)->parameters().count()) * 20;  // weight, gradient, two moments, average
        const double told = static_cast<double>(generate::training_memory(tiny, 0));
        QVERIFY2(std::abs(told / counted - 1) < 0.02, qPrintable(QString::number(told / counted)));
    }

    void bad_arguments() {
        QVERIFY_EXCEPTION_THROWN(pretrain(disc_tiles(4), few_steps(), folder_ / "w", folder_ / "n", {}), Error);
        auto base = few_steps();
        base.preset = "large";
        QVERIFY_EXCEPTION_THROWN(pretrain(disc_tiles(24), base, folder_ / "w", folder_ / "n", {}), Error);
        const auto train = Split::whole(disc_pairs(4));
        QVERIFY_EXCEPTION_THROWN(adapt(central_, train, {}, GenePanel::choose(train, 3, TargetUnit::Log1pCp10k), {}, folder_ / "w", folder_ / "n", {}), Error);
        QVERIFY(describe_weights(central_).find("c2l-central-tiny") != std::string::npos);
    }

private:
    QTemporaryDir dir_;
    fs::path folder_, central_;
};

QTEST_GUILESS_MAIN(TestGenerate)
#include "test_generate.moc"
