// Optimiser against the textbook formula, encoders, orientations.
#include <ATen/ATen.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "base/error.h"
#include "nn/adamw.h"
#include "nn/augment.h"
#include "nn/device.h"
#include "nn/encoder_net.h"
#include "nn/tile_encoder.h"
#include "real_data.h"

using namespace c2l;

namespace {

TileSet noise_tiles(int n, int size, std::uint64_t seed) {
    TileSet tiles;
    tiles.size = size;
    tiles.rgb.resize(static_cast<std::size_t>(n) * tiles.bytes_per_tile());
    Random random(seed);
    for (auto& v : tiles.rgb) v = static_cast<std::uint8_t>(random.below(256));
    return tiles;
}

}  // namespace

class TestNetworks : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void adamw_follows_the_formula() {
        nn::AdamWParams p;
        p.learning_rate = 0.1;
        p.clip_norm = 0;
        auto w = at::full({2, 2}, 1.0), b = at::full({2}, 0.5);
        nn::AdamW optimiser({{{{"w", w}, {"b", b}}, 1.0}}, p);
        double x = 1.0, m = 0, v = 0;
        for (int n = 1; n <= 5; ++n) {
            (w.square().sum() + b.sum()).backward();
            optimiser.step(1.0);
            const double g = 2 * x;
            m = p.beta1 * m + (1 - p.beta1) * g;
            v = p.beta2 * v + (1 - p.beta2) * g * g;
            x = x * (1 - p.learning_rate * p.weight_decay) - p.learning_rate * (m / (1 - std::pow(p.beta1, n))) / (std::sqrt(v / (1 - std::pow(p.beta2, n))) + p.epsilon);
            QVERIFY(std::abs(w[0][0].item<double>() - x) < 1e-5);
        }
        QVERIFY(std::abs(b[0].item<double>() - (0.5 - 5 * 0.1)) < 1e-4);  // a constant gradient moves by the rate; no decay on vectors
        const auto average = optimiser.averaged().at("w");
        optimiser.swap_averaged();
        QVERIFY(w.detach().allclose(average));
        optimiser.swap_averaged();
        QVERIFY(std::abs(w[0][0].item<double>() - x) < 1e-5);
    }

    // What a GPU computes and the loop of the CPU: the same steps, clipped and not, with rates and decay of their own.
    void adamw_takes_the_same_steps_on_every_path() {
        std::vector<at::Tensor> matrices, vectors, averages;
        for (const bool fused : {true, false}) {
            nn::AdamWParams p;
            p.learning_rate = 0.05;
            p.weight_decay = 0.1;
            p.fused = fused;
            auto w = nn::Initialiser(1).normal({5, 7}, 1.0), b = nn::Initialiser(2).normal({9}, 1.0);
            nn::AdamW optimiser({{{{"w", w}}, 1.0}, {{{"b", b}}, 0.3}}, p);
            for (int n = 0; n < 6; ++n) {
                ((w * w).sum() * (n % 2 ? 3.0 : 0.02) + b.exp().mean()).backward();  // norms above and below that of the clip
                optimiser.step(1.0 / (1 + n));
                QVERIFY(w.grad().abs().max().item<float>() == 0);
            }
            matrices.push_back(w.detach());
            vectors.push_back(b.detach());
            averages.push_back(optimiser.averaged().at("w"));
        }
        QVERIFY(matrices[0].allclose(matrices[1], 1e-5, 1e-6));
        QVERIFY(vectors[0].allclose(vectors[1], 1e-5, 1e-6));
        QVERIFY(averages[0].allclose(averages[1], 1e-5, 1e-6));
    }

    void adamw_keeps_channels_last_layout() {
        auto w = at::arange(2 * 3 * 2 * 2, at::kFloat).view({2, 3, 2, 2}).contiguous(at::MemoryFormat::ChannelsLast);
        const auto before = w.clone();
        nn::AdamW optimiser({{{{"w", w}}, 1.0}}, {});
        QVERIFY(w.is_contiguous(at::MemoryFormat::ChannelsLast));
        QVERIFY(w.detach().equal(before));
    }

    void orientations_are_a_group() {
        const auto x = at::arange(3 * 4 * 4, at::kFloat).view({1, 3, 4, 4});
        for (int i = 0; i < 8; ++i) {
            for (int j = 0; j < i; ++j) QVERIFY(!nn::orient(x, i).equal(nn::orient(x, j)));
            bool closed = false;
            for (int j = 0; j < 8; ++j) closed = closed || nn::orient(nn::orient(x, i), j).equal(x);
            QVERIFY(closed);
        }
    }

    void tiles_and_tensors_are_inverse() {
        const auto tiles = noise_tiles(3, 16, 5);
        auto back = tiles;
        std::fill(back.rgb.begin(), back.rgb.end(), 0);
        nn::tensor_to_tiles(nn::tiles_to_tensor(tiles.rgb.data(), 3, 16), back.rgb.data());
        QCOMPARE(back.rgb, tiles.rgb);
    }

    void jitter_is_small_and_seeded() {
        const auto tiles = noise_tiles(4, 16, 6);
        const auto x = nn::tiles_to_tensor(tiles.rgb.data(), 4, 16);
        Random a(1), b(1);
        const auto first = nn::stain_jitter(x, {}, a);
        QVERIFY(first.equal(nn::stain_jitter(x, {}, b)));
        QVERIFY((first - x).abs().mean().item<double>() < 0.1);
        QVERIFY((first - x).abs().mean().item<double>() > 1e-4);
    }

    void encoder_file_round_trip() {
        QTemporaryDir dir;
        const std::filesystem::path path = dir.filePath("e.safetensors").toStdString();
        nn::EncoderNet net(3);
        nn::write_safetensors(path, net.parameters().state(), {{"architecture", "c2l-encoder"}});
        const auto encoder = TileEncoder::load(path);
        QCOMPARE(encoder->dims(), 256);
        const auto tiles = noise_tiles(40, 64, 7);  // more than one batch
        const auto all = encoder->encode(tiles, {});
        QCOMPARE(all.rows, std::int64_t{40});
        TileSet last;
        last.append(tiles.image(39));
        const auto one = encoder->encode(last, {});
        for (int d = 0; d < 256; ++d) QVERIFY(std::abs(one.at(0, d) - all.at(39, d)) < 2e-2 * (1 + std::abs(one.at(0, d))));
    }

    void encoder_stops() {
        QTemporaryDir dir;
        const std::filesystem::path path = dir.filePath("e.safetensors").toStdString();
        nn::EncoderNet net(3);
        nn::write_safetensors(path, net.parameters().state(), {});
        std::stop_source source;
        source.request_stop();
        JobContext ctx;
        ctx.stop = source.get_token();
        QVERIFY_EXCEPTION_THROWN(TileEncoder::load(path)->encode(noise_tiles(2, 64, 1), ctx), Error);
    }

    void foreign_weights_are_refused() {
        QTemporaryDir dir;
        const std::filesystem::path path = dir.filePath("x.safetensors").toStdString();
        nn::write_safetensors(path, {{"something", at::zeros({2})}}, {});
        QVERIFY_EXCEPTION_THROWN(TileEncoder::load(path), Error);
    }

    void devices() {
        QVERIFY_EXCEPTION_THROWN(nn::open_device("gpu", 1), Error);
        QVERIFY_EXCEPTION_THROWN(nn::open_device("cuda:x", 1), Error);
        QVERIFY(nn::open_device("cpu", 1).is_cpu());
        QVERIFY(nn::open_device("auto", 0).is_cpu() || nn::open_device("auto", 0).is_cuda());
    }

    void squeezenet_sees_colour() {
        C2L_REAL_DATA(path, "weights/squeezenet1_0_dc/squeezenet1_0_rgb01.safetensors");
        const auto encoder = TileEncoder::load(path);
        QCOMPARE(encoder->dims(), 512);
        TileSet tiles;
        tiles.append(Image(128, 128, 250));
        tiles.append(Image(128, 128, 60));
        const auto f = encoder->encode(tiles, {});
        double difference = 0;
        for (int d = 0; d < 512; ++d) difference += std::abs(f.at(0, d) - f.at(1, d));
        QVERIFY(difference > 1);
    }
};

QTEST_GUILESS_MAIN(TestNetworks)
#include "test_networks.moc"
