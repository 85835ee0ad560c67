// PixArt (arXiv 2310.00426, 2403.04692): a diffusion transformer with cross-attention to a context and one modulation of time for all
// blocks (adaLN-single), as diffusers stores it in PixArtTransformer2DModel; and PixCell (arXiv 2506.05127), the same network with
// pathology embeddings (UNI2-h, 1536 numbers) for context.
//
// Trained to tell the noise in DDPM latents; NoiseSchedule makes a velocity of that. Where the network also tells a variance, the second
// half of its channels, it is left aside. Two modulation sites a block: self-attention and MLP.
#pragma once

#include <vector>

#include "generate/denoiser.h"
#include "generate/imported.h"
#include "generate/noise_schedule.h"
#include "nn/attention.h"

namespace c2l::generate {

class PixArt : public Denoiser {
public:
    // Takes every tensor that the configuration asks for. Throws as AutoencoderKL does.
    PixArt(const ModelConfig& config, nn::TensorSource& weights, const ScheduleParams& schedule);

    at::Tensor operator()(const at::Tensor& latent, const at::Tensor& time, const Modulator* modulator, bool bf16) const override;
    int embedding() const override { return width_; }
    at::Tensor loss_weight(const at::Tensor& time) const override { return schedule_.loss_weight(time); }

    std::vector<double> sampling_times(int steps) const override { return schedule_.sampling_times(steps); }

    // The network as its authors trained it: latent N×C×H×W with noise, DDPM step N (0 … 999, fractions allowed), context N or 1 × tokens ×
    // context_channels() → N×outputs×H×W. An undefined context is the unconditional one.
    at::Tensor predict(const at::Tensor& latent, const at::Tensor& step, const at::Tensor& context, const Modulator* modulator, bool bf16) const;

    // What the tissue is told to be when used as a denoiser: tokens × context_channels(), for example the embedding of a typical tile.
    // Undefined: the learnt unconditional embedding where the weights have one, zeros otherwise. Throws Error(Mismatch).
    void set_context(const at::Tensor& context);

    int channels() const { return channels_; }
    int patch() const { return patch_; }
    int context_channels() const { return context_channels_; }
    const NoiseSchedule& schedule() const { return schedule_; }

private:
    struct Attention {
        nn::Linear q, k, v, out;
    };
    struct Block {
        at::Tensor table;  // 6 × width: shift, scale, gate of attention; the same of the MLP
        Attention own, cross;
        nn::Linear up, down;
    };
    struct Embedder {  // of one number
        nn::Linear first, second;
        at::Tensor operator()(const at::Tensor& values) const;
    };
    Attention attention(ImportedLayers& layers, const std::string& name, int context, bool bias) const;
    void read_context(const ModelConfig& config, ImportedLayers& layers);
    at::Tensor run(const Block& block, std::size_t index, const at::Tensor& tokens, const at::Tensor& context, const at::Tensor& time, const at::Tensor& embedding,
                   const Modulator* modulator, bool bf16) const;
    at::Tensor attend(const Attention& attention, const at::Tensor& tokens, const at::Tensor& context, bool bf16) const;
    at::Tensor time_embedding(const at::Tensor& step, std::int64_t height, std::int64_t width) const;
    at::Tensor context_tokens(const at::Tensor& context, bool bf16) const;
    const at::Tensor& position_code(int rows, int cols, const c10::Device& device) const;

    NoiseSchedule schedule_;
    int width_ = 0, heads_ = 0, channels_ = 0, outputs_ = 0, patch_ = 2, base_ = 0, context_channels_ = 0;
    double interpolation_ = 1;
    nn::LayerNorm norm_, norm_out_;
    nn::Conv patches_;
    Embedder time_, resolution_, aspect_;
    bool has_size_ = false;  // resolution and aspect of the picture are told too
    nn::Linear modulation_, project1_, project2_, out_;
    at::Tensor out_table_;   // 2 × width
    at::Tensor context_;     // 1 × tokens × context_channels: what predict takes for an undefined one
    mutable at::Tensor context_code_, code_;  // position codes, on the device of the last call
    mutable int code_rows_ = 0, code_cols_ = 0;
    std::vector<Block> blocks_;
};

}  // namespace c2l::generate
