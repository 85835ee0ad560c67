#include "generate/train_autoencoder.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "base/hash.h"
#include "generate/patch_critic.h"
#include "generate/views.h"

namespace c2l::generate {
namespace {

using namespace nn;

constexpr double kColourWeight = 2.0, kFeatureWeight = 1.0, kCriticWeight = 0.1;  // beside the likeness of a decoded tile to its original
constexpr double kDecoderRate = 0.3, kCriticRate = 1.0;                           // of the learning rate
constexpr std::int64_t kCriticWarmup = 200;                                       // steps in which the critic's word comes to count

// Local contrast: root mean square of the detail above a 5-px blur, in 8-px neighbourhoods. Keeps texture that L1 would smooth away.
at::Tensor local_contrast(const at::Tensor& x) {
    const auto detail = x - at::avg_pool2d(x, 5, 1, 2, false, false);
    return at::avg_pool2d(detail.square(), 8, 4).add(1e-4).sqrt();
}

at::Tensor autoencoder_views(const Run& run, const char* purpose, std::int64_t step) {
    run.release(step);
    const Jitter jitter;
    const int batch = run.params.autoencoder_batch;
    return fill_views(batch, run.preset.tile_px, [&](std::int64_t i, float* row) {
               auto random = run.random(purpose, step, batch, i);
               const auto tile = run.draw_tile(random);
               write_view(run.tiles, tile, run.preset.tile_px, &jitter, random, row);
           }).to(run.device);
}

// Decoders meet latents that a denoiser drew: a little noise makes them bear that.
at::Tensor noised(const Run& run, const at::Tensor& z, const std::string& purpose, std::int64_t step) {
    const auto noise = fill_items(z.size(0), z.sizes().slice(1), [&](std::int64_t i, float* row, std::int64_t numbers) {
        auto random = run.random(purpose + " noise", step, static_cast<int>(z.size(0)), i);
        write_normal(random, row, numbers);
    });
    return z + noise.to(run.device).mul(0.05);
}

at::Tensor likeness_loss(const at::Tensor& y, const at::Tensor& x) {
    const auto error = y - x;
    const auto gradient = error.diff(1, 2).abs().mean() + error.diff(1, 3).abs().mean();
    return error.abs().mean() + 0.5 * gradient + 0.2 * (local_contrast(y) - local_contrast(x)).abs().mean();
}

at::Tensor autoencoder_loss(const Run& run, const PatchAutoencoder& net, std::int64_t step) {
    const auto x = autoencoder_views(run, "autoencoder", step);
    const auto z = net.encode(x, run.bf16);
    return likeness_loss(net.decode(noised(run, z, "autoencoder", step), run.bf16), x) + 1e-4 * z.square().mean();
}

// Colours over 8 px, as large as what a latent stands for: texture may be invented, they may not.
at::Tensor colour_loss(const at::Tensor& y, const at::Tensor& x) { return at::avg_pool2d(y - x, 8).abs().mean(); }

// The decoder's part of the loss and the critic's in one sum: they share no trainable weight, because the decoder is judged by a frozen copy of the
// critic, and the critic learns from decoded tiles as they are.
at::Tensor decoder_loss(const Run& run, const PatchAutoencoder& net, const PatchCritic& critic, std::int64_t step) {
    const auto x = autoencoder_views(run, "decoder", step);
    at::Tensor z;
    {
        c10::NoGradGuard no_grad;
        z = noised(run, net.encode(x, run.bf16), "decoder", step);
    }
    const auto y = net.decode(z, run.bf16);
    const auto real = critic(x, run.bf16);
    const auto lesson = at::softplus(real.logits.neg()).mean() + at::softplus(critic(y.detach(), run.bf16).logits).mean();
    const auto opinion = critic.frozen()(y, run.bf16);
    auto features = at::zeros({}, x.options());
    for (std::size_t i = 0; i < opinion.features.size(); ++i) features = features + (opinion.features[i] - real.features[i].detach()).to(c10::kFloat).abs().mean();
    const double trust = std::min(1.0, static_cast<double>(step) / kCriticWarmup);  // a critic knows nothing at first
    return likeness_loss(y, x) + kColourWeight * colour_loss(y, x) + trust * (kFeatureWeight * features + kCriticWeight * at::softplus(opinion.logits.neg()).mean()) + lesson;
}

}  // namespace

void train_autoencoder(const Run& run, PatchAutoencoder& net) {
    if (run.params.init.empty())
        net.init_linear(fill_views(256, run.preset.tile_px, [&](std::int64_t i, float* row) {
            auto random = run.item_random("linear", i);
            const auto tile = run.draw_tile(random);
            write_view(run.tiles, tile, run.preset.tile_px, nullptr, random, row);
        }));
    net.parameters().to(run.device);
    AdamW optimiser({{net.parameters().all(), 1.0}}, run.optimiser(0.998));
    run_stage(run.stage("autoencoder", run.params.autoencoder_steps, run.params.autoencoder_batch,
                        backward_of([&](std::int64_t step) { return autoencoder_loss(run, net, step); })),
              optimiser, run.ctx);
    optimiser.swap_averaged();
}

void train_decoder(const Run& run, PatchAutoencoder& net) {
    if (run.params.decoder_steps == 0) return;
    PatchCritic critic(derive_seed(run.params.seed, "critic weights"));
    critic.parameters().to(run.device);
    AdamW optimiser({{net.decoder_parameters(), kDecoderRate}, {critic.parameters().all(), kCriticRate}}, run.optimiser(0.998));
    auto stage = run.stage("decoder", run.params.decoder_steps, run.params.autoencoder_batch, backward_of([&](std::int64_t step) { return decoder_loss(run, net, critic, step); }));
    stage.fingerprint = sha256_hex(stage.fingerprint + run.latents_fingerprint());
    run_stage(stage, optimiser, run.ctx);
    optimiser.swap_averaged();
}

}  // namespace c2l::generate
