// Each kernel against the composition it stands for, forward and backward: odd sizes, one image, other layouts, both types.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <QTest>
#include <cmath>
#include <functional>

#include "nn/adamw.h"
#include "nn/attention.h"
#include "nn/device.h"
#include "nn/encoder_net.h"
#include "nn/fused.h"
#include "nn/layers.h"
#include "nn/parameters.h"

using namespace c2l;
using nn::seeded_generator;

namespace {

using Tensors = std::vector<at::Tensor>;
using Operation = std::function<at::Tensor(const Tensors&)>;

// LibTorch adds up in bfloat16 too where the processor has none (and the program then computes in fp32).
double half_bound(double bound) { return nn::bf16_pays(c10::Device(c10::kCPU)) ? bound : 2 * bound; }

at::Tensor random(at::IntArrayRef shape, std::uint64_t seed, double mean = 0) { return at::empty(shape, at::kFloat).normal_(mean, 1.0, seeded_generator(seed)); }

double distance(const at::Tensor& a, const at::Tensor& b) {
    const auto reference = b.to(at::kDouble);
    return ((a.to(at::kDouble) - reference).abs().max() / reference.abs().max().clamp_min(1e-6)).item<double>();
}

// Largest difference, relative to the largest value, of the result and of every gradient from the composition in double precision.
// Inputs of `maps` go in as bfloat16 when `half`.
double difference(const Operation& ours, const Operation& plain, const Tensors& inputs, std::size_t maps, bool half) {
    Tensors mine, reference;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto rounded = half && i < maps ? inputs[i].to(at::kBFloat16) : inputs[i];
        mine.push_back(rounded.detach().clone().requires_grad_(true));
        reference.push_back(rounded.detach().to(at::kDouble).requires_grad_(true));
    }
    const auto y = ours(mine), expected = plain(reference);
    if (y.sizes() != expected.sizes() || y.scalar_type() != mine[0].scalar_type()) return 1e9;
    double worst = distance(y, expected);
    {
        c10::NoGradGuard no_grad;  // the other way through
        worst = std::max(worst, ours(mine).equal(y) ? 0.0 : 1e9);
    }
    const auto dy = random(expected.sizes(), 99).to(y.scalar_type());
    y.backward(dy);
    expected.backward(dy.to(at::kDouble));
    for (std::size_t i = 0; i < inputs.size(); ++i) worst = std::max(worst, mine[i].grad().defined() ? distance(mine[i].grad(), reference[i].grad()) : 1e9);
    return worst;
}

struct Size {
    std::int64_t n, c, h, w, groups;
};
const Size kSizes[] = {{1, 16, 1, 1, 4}, {1, 3, 5, 7, 1}, {2, 12, 3, 5, 3}, {3, 48, 4, 4, 16}, {5, 64, 16, 16, 16}, {2, 130, 2, 9, 13}};

at::Tensor plain_norm(const Tensors& t, std::int64_t groups, bool silu) {
    auto y = at::group_norm(t[0], groups, t[1], t[2]);
    if (t.size() > 3) {
        const auto parts = t[3].unsqueeze(-1).unsqueeze(-1).chunk(2, 1);
        y = y * (parts[0] + 1) + parts[1];
    }
    return silu ? at::silu(y) : y;
}

// Of gradients that are zero but for rounding the composition's own are no measure.
bool has_spread(const Size& s) { return s.c / s.groups * s.h * s.w > 4; }

}  // namespace

class TestFused : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void norm() {
        for (const auto& s : kSizes)
            for (const bool silu : {false, true})
                for (const bool modulated : {false, true})
                    for (const bool half : {false, true}) {
                        if (!has_spread(s)) continue;
                        Tensors inputs{random({s.n, s.c, s.h, s.w}, 1, 0.5), random({s.c}, 2, 1), random({s.c}, 3)};
                        if (modulated) inputs.push_back(random({s.n, 2 * s.c}, 4));
                        const auto ours = [&](const Tensors& t) { return nn::modulated_norm(t[0], t[1], t[2], s.groups, silu, t.size() > 3 ? t[3] : at::Tensor()); };
                        const auto plain = [&](const Tensors& t) { return plain_norm(t, s.groups, silu); };
                        const double d = difference(ours, plain, inputs, 1, half);
                        QVERIFY2(d < (half ? 2e-2 : 2e-5), qPrintable(QString("%1 channels, silu %2, modulated %3, half %4: %5").arg(s.c).arg(silu).arg(modulated).arg(half).arg(d)));
                    }
    }

    void norm_of_one_pixel_and_of_nothing_but_a_constant() {
        const auto one = at::ones({8}), zero = at::zeros({8});
        for (const std::int64_t side : {1, 5}) QVERIFY(nn::modulated_norm(at::full({2, 8, side, side}, 3.0f), one, zero, 4, false).abs().max().item<double>() < 1e-3);
    }

    void norm_does_not_cancel_far_from_zero() {
        const auto x = random({2, 8, 6, 6}, 5, 3000), one = at::ones({8}), zero = at::zeros({8});
        QVERIFY(distance(nn::modulated_norm(x, one, zero, 4, false), at::group_norm(x.to(at::kDouble), 4, one.to(at::kDouble), zero.to(at::kDouble))) < 1e-3);
    }

    void norm_passes_not_a_number_on() {
        auto x = random({1, 8, 4, 4}, 6);
        x[0][3][1][1] = std::nan("");
        for (const auto type : {at::kFloat, at::kBFloat16}) QVERIFY(nn::modulated_norm(x.to(type), at::ones({8}), at::zeros({8}), 4, true).isnan().any().item<bool>());
        // The last of all NaNs, as in a file of nothing but ones: rounding must not carry it over to 0.
        const auto plain = random({1, 8, 4, 4}, 6).to(at::kBFloat16);
        const auto last = at::full({8}, -1, at::kInt).view(at::kFloat);
        QVERIFY(nn::modulated_norm(plain, last, at::zeros({8}), 4, true).isnan().all().item<bool>());
    }

    void norm_saturates() {
        const auto x = random({1, 8, 4, 4}, 6), y = nn::modulated_norm(x, at::full({8}, 1e6f), at::zeros({8}), 4, true);
        QVERIFY(y.isfinite().all().item<bool>());
        QVERIFY(y.min().item<double>() > -1e-3);
    }

    void gated_sum() {
        for (const auto& s : kSizes)
            for (const bool half : {false, true}) {
                const Tensors inputs{random({s.n, s.c, s.h, s.w}, 1), random({s.n, s.c, s.h, s.w}, 2), random({s.n, s.c}, 3)};
                const double d = difference([](const Tensors& t) { return nn::gated_sum(t[0], t[1], t[2]); },
                                            [](const Tensors& t) { return t[0] + t[1] * (t[2] + 1).unsqueeze(-1).unsqueeze(-1); }, inputs, 2, half);
                QVERIFY2(d < (half ? 1e-2 : 1e-5), qPrintable(QString::number(d)));
            }
    }

    void attention() {
        struct Case {
            std::int64_t n, c, h, w;
            int heads;
        };
        for (const auto& s : {Case{1, 4, 1, 1, 2}, Case{2, 12, 3, 5, 3}, Case{3, 128, 8, 8, 4}, Case{2, 64, 4, 4, 4}, Case{1, 20, 5, 7, 1}})
            for (const bool half : {false, true}) {
                const auto plain = [&](const Tensors& t) {
                    const auto d = s.c / s.heads;
                    const auto parts = t[0].flatten(2).reshape({s.n, 3, s.heads, d, s.h * s.w}).transpose(3, 4);  // N, 3, heads, L, d
                    const auto weights = at::matmul(parts.select(1, 0), parts.select(1, 1).transpose(-1, -2)).div(std::sqrt(static_cast<double>(d))).softmax(-1);
                    return at::matmul(weights, parts.select(1, 2)).transpose(2, 3).reshape({s.n, s.c, s.h, s.w});
                };
                const double d = difference([&](const Tensors& t) { return nn::map_attention(t[0], s.heads); }, plain, {random({s.n, 3 * s.c, s.h, s.w}, 1)}, 1, half);
                QVERIFY2(d < (half ? 2e-2 : 2e-5), qPrintable(QString("%1 channels: %2").arg(s.c).arg(d)));
            }
    }

    void joining_and_doubling() {
        for (const auto& s : kSizes)
            for (const bool half : {false, true}) {
                const Tensors inputs{random({s.n, s.c, s.h, s.w}, 1), random({s.n, s.c + 3, s.h, s.w}, 2)};
                const double bound = half ? 1e-2 : 1e-6;
                QVERIFY(difference([](const Tensors& t) { return nn::join_channels(t[0], t[1]); }, [](const Tensors& t) { return at::cat({t[0], t[1]}, 1); }, inputs, 2, half) < bound);
                QVERIFY(difference([](const Tensors& t) { return nn::doubled(t[0]); },
                                   [](const Tensors& t) { return at::upsample_nearest2d(t[0], {2 * t[0].size(2), 2 * t[0].size(3)}); }, {inputs[0]}, 1, half) < bound);
            }
    }

    void other_layouts_and_types_give_the_same() {
        const auto x = random({3, 16, 6, 5}, 1), weight = random({16}, 2), bias = random({16}, 3);
        const auto expected = nn::modulated_norm(x.contiguous(at::MemoryFormat::ChannelsLast), weight, bias, 4, true);
        QVERIFY(nn::modulated_norm(x, weight, bias, 4, true).equal(expected));
        QVERIFY(nn::modulated_norm(at::cat({x, x}, 3).narrow(3, 0, 5), weight, bias, 4, true).equal(expected));
        QVERIFY(expected.is_contiguous(at::MemoryFormat::ChannelsLast));
        const auto composed = nn::modulated_norm(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), 4, true);  // no kernel for double
        QVERIFY(composed.scalar_type() == at::kDouble && distance(expected, composed) < 1e-5);
        // A gradient that autograd hands over expanded (that of a sum has no strides).
        auto learns = x.clone().requires_grad_(true);
        nn::modulated_norm(learns, weight, bias, 4, true).sum().backward();
        auto reference = x.to(at::kDouble).requires_grad_(true);
        at::silu(at::group_norm(reference, 4, weight.to(at::kDouble), bias.to(at::kDouble))).sum().backward();
        QVERIFY(distance(learns.grad(), reference.grad()) < 1e-4);
    }

    void results_depend_on_neither_batch_nor_threads() {
        const auto x = random({7, 32, 9, 9}, 1).to(at::kBFloat16), modulation = random({7, 64}, 2), gate = random({7, 32}, 3);
        const auto weight = random({32}, 4), bias = random({32}, 5);
        const auto run = [&](std::int64_t begin, std::int64_t count) {
            const auto part = x.narrow(0, begin, count);
            const auto y = nn::modulated_norm(part, weight, bias, 8, true, modulation.narrow(0, begin, count));
            return nn::gated_sum(part, y, gate.narrow(0, begin, count));
        };
        const auto all = run(0, 7);
        for (int i = 0; i < 7; ++i) QVERIFY(run(i, 1).equal(all.narrow(0, i, 1)));
        const int threads = at::get_num_threads();
        at::set_num_threads(threads == 1 ? 2 : 1);
        QVERIFY(run(0, 7).equal(all));
        at::set_num_threads(threads);
    }

    void convolution_in_bfloat16() {
        struct Case {
            std::int64_t n, in, out, side, kernel;
            int stride;
        };
        for (const auto& s : {Case{1, 8, 64, 16, 3, 1}, Case{3, 64, 32, 9, 3, 2}, Case{2, 48, 96, 5, 1, 1}, Case{1, 3, 5, 7, 3, 1}}) {
            const int padding = static_cast<int>(s.kernel / 2);
            const auto weight = random({s.out, s.in, s.kernel, s.kernel}, 2).mul(0.1).to(at::kBFloat16).to(at::kFloat), bias = random({s.out}, 3);
            nn::HalfConv layer;
            const auto plain = [&](const Tensors& t) { return at::conv2d(t[0], t[1], t[2], s.stride, padding); };
            const auto ours = [&](const Tensors& t) { return layer(t[0], t[1], t[2], s.stride, padding); };
            const double d = difference(ours, plain, {random({s.n, s.in, s.side, s.side}, 1), weight, bias}, 1, true);
            QVERIFY2(d < half_bound(3e-2), qPrintable(QString("%1 → %2: %3").arg(s.in).arg(s.out).arg(d)));
            // By LibTorch alone: what is not row-major is not for oneDNN.
            const auto other = [&](const Tensors& t) { return layer(t[0], t[1].contiguous(at::MemoryFormat::ChannelsLast), t[2], s.stride, padding); };
            QVERIFY(difference(other, plain, {random({s.n, s.in, s.side, s.side}, 1), weight, bias}, 1, true) < half_bound(3e-2));
        }
    }

    // Only biases learn in adaptation.
    void convolution_whose_weights_are_frozen() {
        const auto x = random({2, 16, 6, 6}, 1).to(at::kBFloat16), weight = random({8, 16, 3, 3}, 2);
        auto bias = random({8}, 3).requires_grad_(true);
        nn::HalfConv layer;
        layer(x, weight, bias, 1, 1).to(at::kFloat).sum().backward();
        QVERIFY((bias.grad() - 72.0).abs().max().item<double>() < 0.5);
        QVERIFY(!weight.grad().defined());
    }

    void convolution_sees_new_weights() {
        auto weight = random({8, 16, 3, 3}, 2), bias = at::zeros({8});
        const auto x = random({1, 16, 6, 6}, 1).to(at::kBFloat16);
        nn::AdamW optimiser({{{{"w", weight}, {"b", bias}}, 1.0}}, {});
        nn::HalfConv layer;
        c10::NoGradGuard no_grad;
        const auto fresh = [&] { return at::conv2d(x.to(at::kFloat), weight.to(at::kBFloat16).to(at::kFloat), bias, 1, 1); };
        const auto agrees = [&] { return distance(layer(x, weight, bias, 1, 1), fresh()) < half_bound(2e-2); };
        const auto first = layer(x, weight, bias, 1, 1);
        weight.mul_(2.0);  // in place
        QVERIFY(agrees() && !first.equal(layer(x, weight, bias, 1, 1)));
        weight.grad().fill_(1.0);
        optimiser.step(1e3);
        QVERIFY(agrees());
        optimiser.swap_averaged();
        QVERIFY(agrees());
        weight.set_data(random({8, 16, 3, 3}, 9));  // another memory
        QVERIFY(agrees());
    }

    void weight_gradients_add_up_in_the_optimisers_buffer() {
        auto weight = random({8, 16, 3, 3}, 2), bias = at::zeros({8});
        const auto x = random({2, 16, 6, 6}, 1).to(at::kBFloat16);
        nn::HalfConv layer;
        auto free = weight.clone().requires_grad_(true);
        layer(x, free, bias, 1, 1).to(at::kFloat).square().sum().backward();
        const auto once = free.grad().clone();
        nn::AdamW optimiser({{{{"w", weight}, {"b", bias}}, 1.0}}, {});
        const auto* home = weight.grad().data_ptr();
        for (int i = 0; i < 2; ++i) layer(x, weight, bias, 1, 1).to(at::kFloat).square().sum().backward();
        QVERIFY(weight.grad().data_ptr() == home);
        QVERIFY(distance(weight.grad(), once * 2) < 1e-3);
        optimiser.step(1.0);
        QVERIFY(weight.grad().abs().max().item<double>() == 0);
    }

    // One gradient that is not finite would spoil every weight, and the checkpoint with them.
    void the_optimiser_takes_no_step_that_is_not_finite() {
        for (const bool fused : {true, false}) {
            auto weight = random({4, 4}, 1);
            nn::AdamWParams params;
            params.fused = fused;
            nn::AdamW optimiser({{{{"w", weight}}, 1.0}}, params);
            weight.grad().fill_(0.1);
            QVERIFY(optimiser.step(1.0) && optimiser.is_finite());
            const auto before = weight.clone();
            weight.grad()[1][2] = std::nanf("");
            if (fused)
                QVERIFY(!optimiser.step(1.0) && weight.equal(before) && optimiser.is_finite() && optimiser.steps() == 1);
            else
                QVERIFY(optimiser.step(1.0) && !optimiser.is_finite());
        }
    }

    // More weights than are held at once: the rows are taken in parts, and are the same.
    void attention_of_many_rows() {
        c10::NoGradGuard no_grad;
        const auto q = random({1, 1, 6000, 4}, 1), k = random({1, 1, 6000, 4}, 2), v = random({1, 1, 6000, 4}, 3);
        const auto all = nn::attention(q, k, v);
        QCOMPARE(all.sizes().vec(), q.sizes().vec());
        for (const std::int64_t from : {0, 2990, 5980})
            QVERIFY(distance(all.narrow(2, from, 20), nn::attention(q.narrow(2, from, 20), k, v)) < 1e-5);
    }

    void convolution_by_winograd() {
        const auto plain = [](const Tensors& t) { return at::conv2d(t[0], t[1], t[2], 1, 1); };
        struct Case {
            std::int64_t n, in, out, h, w;
        };
        // One tile and many; sides that are no multiple of a tile's; more tiles than a run holds.
        for (const auto& s : {Case{1, 16, 16, 1, 1}, Case{3, 48, 16, 4, 4}, Case{2, 16, 64, 5, 7}, Case{5, 64, 32, 16, 16}, Case{1, 128, 256, 3, 9}, Case{2, 16, 16, 130, 120}}) {
            const Tensors inputs{random({s.n, s.in, s.h, s.w}, 1), random({s.out, s.in, 3, 3}, 2).mul(0.1), random({s.out}, 3)};
            if (!nn::WinogradConv::can(inputs[0], inputs[1], inputs[2], 1, 1)) QSKIP("this processor has no AVX2");
            const nn::WinogradConv layer;
            const double d = difference([&](const Tensors& t) { return layer(t[0], t[1], t[2]); }, plain, inputs, 0, false);
            QVERIFY2(d < 5e-5, qPrintable(QString("%1 → %2 of %3 × %4: %5").arg(s.in).arg(s.out).arg(s.h).arg(s.w).arg(d)));
        }
    }

    void winograd_is_for_what_it_can() {
        const auto can = [](std::int64_t in, std::int64_t out, int kernel, int stride, at::ScalarType type) {
            return nn::WinogradConv::can(random({1, in, 8, 8}, 1).to(type), random({out, in, kernel, kernel}, 2), random({out}, 3), stride, kernel / 2);
        };
        if (!can(16, 16, 3, 1, at::kFloat)) QSKIP("this processor has no AVX2");
        QVERIFY(!can(8, 16, 3, 1, at::kFloat) && !can(16, 8, 3, 1, at::kFloat) && !can(16, 16, 3, 2, at::kFloat) && !can(16, 16, 1, 1, at::kFloat) && !can(16, 16, 3, 1, at::kBFloat16));
        QVERIFY(!can(512, 512, 3, 1, at::kFloat));  // its points would be four times 9 MB
    }

    void winograd_gives_each_image_its_own() {
        c10::NoGradGuard no_grad;
        const auto x = random({9, 32, 16, 16}, 1), weight = random({48, 32, 3, 3}, 2), bias = random({48}, 3);
        if (!nn::WinogradConv::can(x, weight, bias, 1, 1)) QSKIP("this processor has no AVX2");
        const nn::WinogradConv layer;
        const auto all = layer(x, weight, bias);
        for (const std::int64_t i : {0, 4, 8}) QVERIFY(layer(x.narrow(0, i, 1), weight, bias).equal(all.narrow(0, i, 1)));
        const int threads = at::get_num_threads();
        at::set_num_threads(threads == 1 ? 2 : 1);
        QVERIFY(layer(x, weight, bias).equal(all));
        at::set_num_threads(threads);
    }

    void winograd_sees_new_weights() {
        auto weight = random({16, 32, 3, 3}, 2), bias = at::zeros({16});
        const auto x = random({2, 32, 6, 6}, 1);
        if (!nn::WinogradConv::can(x, weight, bias, 1, 1)) QSKIP("this processor has no AVX2");
        nn::AdamW optimiser({{{{"w", weight}, {"b", bias}}, 1.0}}, {});
        const nn::WinogradConv layer;
        const auto step = [&] {  // the gradient of the map and of the weights by the weights of now
            auto free = x.clone().requires_grad_(true);
            layer(free, weight, bias).square().sum().backward();
            auto other = x.clone().requires_grad_(true), copy = weight.detach().clone().requires_grad_(true);
            at::conv2d(other, copy, bias, 1, 1).square().sum().backward();
            return std::max(distance(free.grad(), other.grad()), distance(weight.grad(), copy.grad()));
        };
        const auto* home = weight.grad().data_ptr();
        for (int i = 0; i < 3; ++i) {
            QVERIFY2(step() < 2e-5, qPrintable(QString::number(i)));
            optimiser.step(1e3);
        }
        QVERIFY(weight.grad().data_ptr() == home);
    }

    // The same network in bfloat16 and in fp32 (where the processor has no bfloat16 this still must agree).
    void networks_agree_in_both_types() {
        c10::NoGradGuard no_grad;
        nn::EncoderNet net(3);
        const auto x = random({3, 3, 64, 64}, 1).clamp(-1, 1);
        const auto fine = net.features(x, false), half = net.features(x, true);
        QVERIFY(half.scalar_type() == at::kFloat);
        QVERIFY2(distance(half, fine) < 3e-2, qPrintable(QString::number(distance(half, fine))));
    }
};

QTEST_GUILESS_MAIN(TestFused)
#include "test_fused.moc"
