#include "generate/pixart.h"

#include <ATen/ATen.h>

#include "base/error.h"

namespace c2l::generate {

using namespace nn;

namespace {

constexpr int kTimeFeatures = 256;
constexpr int kPixelsPerLatent = 8;

void check_known(const ModelConfig& config) {
    const auto name = config.text("_class_name", "PixArtTransformer2DModel");
    // PixArt-α was first stored as a Transformer2DModel.
    if (name != "PixArtTransformer2DModel" && name != "PixCellTransformer2DModel" && name != "Transformer2DModel") config.unsupported("_class_name", name);
    if (const auto norm = config.text("norm_type", "ada_norm_single"); norm != "ada_norm_single") config.unsupported("norm_type", norm);
    if (const auto act = config.text("activation_fn", "gelu-approximate"); act != "gelu-approximate") config.unsupported("activation_fn", act);
    if (const auto type = config.text("attention_type", "default"); type != "default") config.unsupported("attention_type", type);
    for (const auto* key : {"norm_elementwise_affine", "only_cross_attention", "double_self_attention", "use_linear_projection", "qk_norm"})
        if (config.has(key) && config.flag(key, false)) config.unsupported(key, "true");
}

}  // namespace

PixArt::Attention PixArt::attention(ImportedLayers& layers, const std::string& name, int context, bool bias) const {
    return {layers.linear(name + ".to_q", width_, width_, bias), layers.linear(name + ".to_k", context, width_, bias),
            layers.linear(name + ".to_v", context, width_, bias), layers.linear(name + ".to_out.0", width_, width_)};
}

PixArt::PixArt(const ModelConfig& config, TensorSource& weights, const ScheduleParams& schedule) : schedule_(schedule) {
    check_known(config);
    heads_ = config.integer("num_attention_heads", 16, 1, 512);
    width_ = heads_ * config.integer("attention_head_dim", 72, 1, 1024);
    channels_ = config.integer("in_channels", 4, 1, 1024);
    outputs_ = config.integer("out_channels", channels_, 1, 2048);
    if (outputs_ != channels_ && outputs_ != 2 * channels_) config.refuse("out_channels", "is neither in_channels nor twice that");
    patch_ = config.integer("patch_size", 2, 1, 16);
    const int sample = config.integer("sample_size", 32, 1, 4096), depth = config.integer("num_layers", 28, 1, 512);
    if (sample % patch_) config.refuse("sample_size", "is not a multiple of patch_size");
    if (width_ % 4) config.refuse("attention_head_dim", "makes a width that is not a multiple of 4");
    base_ = sample / patch_;
    interpolation_ = config.number("interpolation_scale", std::max(sample / 64, 1), 1e-3, 1e3);
    const bool bias = config.flag("attention_bias", true);
    has_size_ = config.flag("use_additional_conditions", sample == 128);
    if (has_size_ && width_ % 3) config.refuse("use_additional_conditions", "needs a width that is a multiple of 3");

    ImportedLayers layers(set_, weights);
    const auto embedder = [&](const std::string& name, int out) {
        return Embedder{layers.linear(name + ".linear_1", kTimeFeatures, out), layers.linear(name + ".linear_2", out, out)};
    };
    norm_ = LayerNorm(set_, "norm", width_, /*affine=*/false, config.number("norm_eps", 1e-6, 1e-12, 1.0));
    norm_out_ = LayerNorm(set_, "norm_out", width_, /*affine=*/false);
    patches_ = layers.conv("pos_embed.proj", channels_, width_, patch_, patch_, 0);
    weights.skip("pos_embed.pos_embed");  // old files carry the code that position_code makes
    time_ = embedder("adaln_single.emb.timestep_embedder", width_);
    if (has_size_) {
        resolution_ = embedder("adaln_single.emb.resolution_embedder", width_ / 3);
        aspect_ = embedder("adaln_single.emb.aspect_ratio_embedder", width_ / 3);
    }
    modulation_ = layers.linear("adaln_single.linear", width_, 6 * width_);
    read_context(config, layers);
    const int cross = config.integer("cross_attention_dim", 1152, 1, 65536);
    if (cross != (project1_.weight.defined() ? width_ : context_channels_)) config.refuse("cross_attention_dim", "is not the width of the context");
    for (int i = 0; i < depth; ++i) {
        const auto name = "transformer_blocks." + std::to_string(i);
        blocks_.push_back({layers.tensor(name + ".scale_shift_table", {6, width_}), attention(layers, name + ".attn1", width_, bias),
                           attention(layers, name + ".attn2", cross, bias), layers.linear(name + ".ff.net.0.proj", width_, 4 * width_),
                           layers.linear(name + ".ff.net.2", 4 * width_, width_)});
        sites_.insert(sites_.end(), 2, width_);
    }
    out_table_ = layers.tensor("scale_shift_table", {2, width_});
    out_ = layers.linear("proj_out", width_, patch_ * patch_ * outputs_);
    weights.check_all_used("PixArtTransformer2DModel");
}

void PixArt::read_context(const ModelConfig& config, ImportedLayers& layers) {
    auto& source = layers.source();
    const bool projected = config.has("caption_channels");
    context_channels_ = config.integer(projected ? "caption_channels" : "cross_attention_dim", 1152, 1, 65536);
    const int tokens = config.integer("caption_num_tokens", 1, 1, 65536);
    if (!projected) return;
    project1_ = layers.linear("caption_projection.linear_1", context_channels_, width_);
    project2_ = layers.linear("caption_projection.linear_2", width_, width_);
    // PixCell's name for the learnt embedding of "nothing said", and that of PixArt-α.
    for (const auto* name : {"caption_projection.uncond_embedding", "caption_projection.y_embedding"})
        if (source.has(name)) {
            const auto& shape = source.shape(name);
            if (shape.size() != 2 || shape[0] < 1 || shape[0] > 65536)
                throw Error(ErrorCode::Mismatch, "tensor \"" + std::string(name) + "\" is not a table of tokens", source.path());
            context_ = layers.tensor(name, {shape[0], context_channels_});
            break;
        }
    if (source.has("y_pos_embed.y_pos_embed")) context_code_ = source.take("y_pos_embed.y_pos_embed", {1, tokens, context_channels_});
}

void PixArt::set_context(const at::Tensor& context) {
    if (context.dim() != 2 || context.size(1) != context_channels_)
        throw Error(ErrorCode::Mismatch, "the context given for this model is not a table of tokens with " + std::to_string(context_channels_) + " numbers each");
    if (context_code_.defined() && context.size(0) != context_code_.size(1))
        throw Error(ErrorCode::Mismatch, "the context given for this model does not have " + std::to_string(context_code_.size(1)) + " tokens");
    context_ = context.to(patches_.weight.device(), c10::kFloat);
}

at::Tensor PixArt::Embedder::operator()(const at::Tensor& values) const { return second(at::silu(first(sinusoids(values, kTimeFeatures)))); }

at::Tensor PixArt::time_embedding(const at::Tensor& step, std::int64_t height, std::int64_t width) const {
    const auto embedded = time_(step);
    if (!has_size_) return embedded;
    const auto number = [&](double value) { return at::full({1}, value, step.options()); };
    const auto pixels = [&](std::int64_t side) { return resolution_(number(static_cast<double>(side * kPixelsPerLatent))); };
    const auto aspect = aspect_(number(static_cast<double>(height) / static_cast<double>(width)));
    return embedded + at::cat({pixels(height), pixels(width), aspect}, 1);
}

at::Tensor PixArt::context_tokens(const at::Tensor& given, bool bf16) const {
    auto context = given;
    if (!context.defined())
        context = context_.defined() ? context_.unsqueeze(0)
                                     : at::zeros({1, context_code_.defined() ? context_code_.size(1) : 1, context_channels_}, patches_.bias.options().requires_grad(false));
    if (!project1_.weight.defined()) return context;
    if (context_code_.defined()) {
        if (context_code_.device() != context.device()) context_code_ = context_code_.to(context.device());
        context = context + context_code_;
    }
    return linear(gelu_tanh(linear(context, project1_, bf16)), project2_, bf16);
}

const at::Tensor& PixArt::position_code(int rows, int cols, const c10::Device& device) const {
    if (!code_.defined() || code_rows_ != rows || code_cols_ != cols || code_.device() != device) {
        const auto scale = [&](int count) { return static_cast<double>(count) / base_ * interpolation_; };
        code_ = grid_code(rows, cols, width_, scale(rows), scale(cols)).to(device);
        code_rows_ = rows;
        code_cols_ = cols;
    }
    return code_;
}

at::Tensor PixArt::attend(const Attention& a, const at::Tensor& tokens, const at::Tensor& context, bool bf16) const {
    const auto n = tokens.size(0), length = tokens.size(1);
    // With one thing to look at every position sees just that, whatever it asks.
    if (context.size(1) == 1) return linear(linear(context, a.v, bf16), a.out, bf16).expand({n, length, width_});
    const auto spread = [&](const at::Tensor& t) { return split_heads(t, heads_).expand({n, heads_, t.size(1), width_ / heads_}); };
    const auto mixed = nn::attention(split_heads(linear(tokens, a.q, bf16), heads_), spread(linear(context, a.k, bf16)), spread(linear(context, a.v, bf16)));
    return linear(join_heads(mixed), a.out, bf16);
}

at::Tensor PixArt::run(const Block& block, std::size_t index, const at::Tensor& tokens, const at::Tensor& context, const at::Tensor& time,
                       const at::Tensor& embedding, const Modulator* modulator, bool bf16) const {
    // Shift, scale and gate of one half, N × 1 × width each; the modulator tells scale, shift and gate.
    const auto parts = [&](int half) {
        const auto six = block.table.narrow(0, 3 * half, 3) + time.narrow(1, 3 * half, 3);  // N × 3 × width
        std::vector<at::Tensor> three{six.narrow(1, 0, 1), six.narrow(1, 1, 1), six.narrow(1, 2, 1)};
        const auto more = modulator ? (*modulator)(static_cast<int>(2 * index) + half, embedding) : at::Tensor();
        if (more.defined()) {
            const auto add = more.view({-1, 3, width_});
            three[0] = three[0] + add.narrow(1, 1, 1);
            three[1] = three[1] + add.narrow(1, 0, 1);
            three[2] = three[2] + add.narrow(1, 2, 1);
        }
        return three;
    };
    const auto modulated = [&](const at::Tensor& x, const std::vector<at::Tensor>& m) { return at::addcmul(m[0], norm_(x), m[1] + 1.0); };
    const auto first = parts(0);
    const auto seen = modulated(tokens, first);
    auto x = at::addcmul(tokens, first[2], attend(block.own, seen, seen, bf16));
    x = x + attend(block.cross, x, context, bf16);
    const auto second = parts(1);
    return at::addcmul(x, second[2], linear(gelu_tanh(linear(modulated(x, second), block.up, bf16)), block.down, bf16));
}

at::Tensor PixArt::predict(const at::Tensor& latent, const at::Tensor& step, const at::Tensor& context, const Modulator* modulator, bool bf16) const {
    const auto n = latent.size(0), height = latent.size(2), width = latent.size(3);
    if (height % patch_ || width % patch_) throw Error(ErrorCode::BadInput, "the latent's sides are not multiples of the patch");
    const auto rows = height / patch_, cols = width / patch_;
    auto x = patches_(latent.contiguous(at::MemoryFormat::ChannelsLast), bf16).flatten(2).transpose(1, 2);
    x = x + position_code(static_cast<int>(rows), static_cast<int>(cols), latent.device());
    const auto embedded = time_embedding(step, height, width);
    const auto embedding = at::silu(embedded);
    const auto time = modulation_(embedding).view({n, 6, width_});
    const auto tokens = context_tokens(context, bf16);
    for (std::size_t i = 0; i < blocks_.size(); ++i) x = run(blocks_[i], i, x, tokens, time, embedding, modulator, bf16);
    const auto last = out_table_ + embedded.unsqueeze(1);  // N × 2 × width: shift, scale
    x = out_(at::addcmul(last.narrow(1, 0, 1), norm_out_(x), last.narrow(1, 1, 1) + 1.0));
    return x.view({n, rows, cols, patch_, patch_, outputs_}).permute({0, 5, 1, 3, 2, 4}).reshape({n, outputs_, height, width});
}

at::Tensor PixArt::operator()(const at::Tensor& latent, const at::Tensor& time, const Modulator* modulator, bool bf16) const {
    const auto told = predict(schedule_.to_network(latent, time), schedule_.step_of(time), {}, modulator, bf16);
    return schedule_.velocity(latent, time, told.narrow(1, 0, channels_)).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace c2l::generate
