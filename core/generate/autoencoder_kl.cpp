#include "generate/autoencoder_kl.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/error.h"
#include "nn/attention.h"

namespace c2l::generate {

using namespace nn;

namespace {

// Pixels that go through at once: the widest activations of an SD decoder take about 128 × 4 × 4 bytes of each.
constexpr std::int64_t kPixelsAtOnce = 4 * 256 * 256;

template <typename Part>
at::Tensor in_parts(const at::Tensor& x, std::int64_t pixels_each, const Part& part) {
    const auto step = std::max<std::int64_t>(1, kPixelsAtOnce / std::max<std::int64_t>(1, pixels_each));
    if (x.size(0) <= step) return part(x);
    std::vector<at::Tensor> done;
    for (std::int64_t begin = 0; begin < x.size(0); begin += step) done.push_back(part(x.narrow(0, begin, std::min(step, x.size(0) - begin))));
    return at::cat(done);
}

void check_known(const ModelConfig& config) {
    if (const auto name = config.text("_class_name", "AutoencoderKL"); name != "AutoencoderKL") config.unsupported("_class_name", name);
    if (const auto act = config.text("act_fn", "silu"); act != "silu") config.unsupported("act_fn", act);
    for (const auto& type : config.texts("down_block_types"))
        if (type != "DownEncoderBlock2D") config.unsupported("down_block_types", type);
    for (const auto& type : config.texts("up_block_types"))
        if (type != "UpDecoderBlock2D") config.unsupported("up_block_types", type);
    for (const auto* key : {"in_channels", "out_channels"})
        if (config.integer(key, 3, 1, 1024) != 3) config.refuse(key, "is not 3: tiles are RGB");
    if (config.has("latents_mean") || config.has("latents_std")) config.unsupported("latents_mean", "a normalisation per channel");
}

}  // namespace

AutoencoderKL::Residual AutoencoderKL::residual(ImportedLayers& layers, const std::string& name, int in, int out) const {
    Residual block;
    block.norm1 = layers.group_norm(name + ".norm1", in, groups_);
    block.conv1 = layers.conv(name + ".conv1", in, out, 3);
    block.norm2 = layers.group_norm(name + ".norm2", out, groups_);
    block.conv2 = layers.conv(name + ".conv2", out, out, 3);
    if (in != out) block.shortcut = layers.conv(name + ".conv_shortcut", in, out, 1);
    return block;
}

AutoencoderKL::Attention AutoencoderKL::attention(ImportedLayers& layers, const std::string& name, int channels) const {
    // Files written before diffusers 0.12 use the names on the right; their matrices may be 1×1 convolutions.
    const bool old = layers.source().has(name + ".query.weight");
    const auto linear = [&](const char* now, const char* before) { return layers.linear(name + "." + (old ? before : now), channels, channels); };
    Attention attention;
    attention.norm = layers.group_norm(name + ".group_norm", channels, groups_);
    attention.q = linear("to_q", "query");
    attention.k = linear("to_k", "key");
    attention.v = linear("to_v", "value");
    attention.out = linear("to_out.0", "proj_attn");
    return attention;
}

AutoencoderKL::Middle AutoencoderKL::middle(ImportedLayers& layers, const std::string& name, int channels, bool attend) const {
    Middle middle;
    middle.first = residual(layers, name + ".resnets.0", channels, channels);
    middle.attend = attend;
    if (attend) middle.attention = attention(layers, name + ".attentions.0", channels);
    middle.second = residual(layers, name + ".resnets.1", channels, channels);
    return middle;
}

AutoencoderKL::AutoencoderKL(const ModelConfig& config, TensorSource& weights) {
    check_known(config);
    const auto widths = config.integers("block_out_channels", 1, 8192);
    const int count = static_cast<int>(widths.size()), each = config.integer("layers_per_block", 1, 1, 16);
    latent_channels_ = config.integer("latent_channels", 4, 1, 1024);
    groups_ = config.integer("norm_num_groups", 32, 1, 1024);
    for (const auto width : widths)
        if (width % groups_) config.refuse("norm_num_groups", "does not divide " + std::to_string(width) + " channels");
    scaling_ = config.number("scaling_factor", 0.18215, 1e-6, 1e6);
    shift_ = config.number("shift_factor", 0.0, -1e6, 1e6);
    const bool attend = config.flag("mid_block_add_attention", true);

    ImportedLayers layers(set_, weights);
    const auto at = [](const std::string& name, int i) { return name + "." + std::to_string(i); };
    enc_in_ = layers.conv("encoder.conv_in", 3, widths.front(), 3);
    for (int level = 0, in = widths.front(); level < count; in = widths[static_cast<std::size_t>(level++)]) {
        const int out = widths[static_cast<std::size_t>(level)];
        auto& here = down_.emplace_back();
        const auto name = at("encoder.down_blocks", level);
        for (int i = 0; i < each; ++i) here.blocks.push_back(residual(layers, at(name + ".resnets", i), i ? out : in, out));
        if (level + 1 < count) here.resample = layers.conv(name + ".downsamplers.0.conv", out, out, 3, 2, 0);
    }
    enc_middle_ = middle(layers, "encoder.mid_block", widths.back(), attend);
    enc_norm_ = layers.group_norm("encoder.conv_norm_out", widths.back(), groups_);
    enc_out_ = layers.conv("encoder.conv_out", widths.back(), 2 * latent_channels_, 3);
    if (config.flag("use_quant_conv", true)) quant_ = layers.conv("quant_conv", 2 * latent_channels_, 2 * latent_channels_, 1);
    if (config.flag("use_post_quant_conv", true)) post_quant_ = layers.conv("post_quant_conv", latent_channels_, latent_channels_, 1);
    dec_in_ = layers.conv("decoder.conv_in", latent_channels_, widths.back(), 3);
    dec_middle_ = middle(layers, "decoder.mid_block", widths.back(), attend);
    for (int level = 0, in = widths.back(); level < count; ++level) {
        const int out = widths[static_cast<std::size_t>(count - 1 - level)];
        auto& here = up_.emplace_back();
        const auto name = at("decoder.up_blocks", level);
        for (int i = 0; i <= each; ++i) here.blocks.push_back(residual(layers, at(name + ".resnets", i), i ? out : in, out));
        if (level + 1 < count) here.resample = layers.conv(name + ".upsamplers.0.conv", out, out, 3);
        in = out;
    }
    dec_norm_ = layers.group_norm("decoder.conv_norm_out", widths.front(), groups_);
    dec_out_ = layers.conv("decoder.conv_out", widths.front(), 3, 3);
    weights.check_all_used("AutoencoderKL");
}

at::Tensor AutoencoderKL::Residual::operator()(const at::Tensor& x, bool bf16) const {
    const auto h = conv2(at::silu(norm2(conv1(at::silu(norm1(x)), bf16))), bf16);
    return (shortcut.weight.defined() ? shortcut(x, bf16) : x) + h;
}

at::Tensor AutoencoderKL::Attention::operator()(const at::Tensor& x, bool bf16) const {
    const auto n = x.size(0), c = x.size(1), h = x.size(2), w = x.size(3);
    const auto tokens = norm(x).permute({0, 2, 3, 1}).reshape({n, h * w, c});
    const auto mixed = nn::attention(split_heads(linear(tokens, q, bf16), 1), split_heads(linear(tokens, k, bf16), 1), split_heads(linear(tokens, v, bf16), 1));
    return x + linear(join_heads(mixed), out, bf16).reshape({n, h, w, c}).permute({0, 3, 1, 2});
}

at::Tensor AutoencoderKL::Middle::operator()(const at::Tensor& x, bool bf16) const {
    auto h = first(x, bf16);
    if (attend) h = attention(h, bf16);
    return second(h, bf16);
}

at::Tensor AutoencoderKL::encode_part(const at::Tensor& x, bool bf16) const {
    auto h = enc_in_(x.contiguous(at::MemoryFormat::ChannelsLast), bf16);
    for (const auto& level : down_) {
        for (const auto& block : level.blocks) h = block(h, bf16);
        // Padded on the right and below only, as these networks were trained.
        if (level.resample.weight.defined()) h = level.resample(at::constant_pad_nd(h, {0, 1, 0, 1}), bf16);
    }
    h = enc_out_(at::silu(enc_norm_(enc_middle_(h, bf16))), bf16);
    if (quant_.weight.defined()) h = quant_(h, bf16);
    return (h.narrow(1, 0, latent_channels_) - shift_) * scaling_;  // the second half is the logarithm of the variance
}

at::Tensor AutoencoderKL::decode_part(const at::Tensor& z, bool bf16) const {
    auto h = (z / scaling_ + shift_).contiguous(at::MemoryFormat::ChannelsLast);
    if (post_quant_.weight.defined()) h = post_quant_(h, bf16);
    h = dec_middle_(dec_in_(h, bf16), bf16);
    for (const auto& level : up_) {
        for (const auto& block : level.blocks) h = block(h, bf16);
        if (level.resample.weight.defined()) h = level.resample(at::upsample_nearest2d(h, {2 * h.size(2), 2 * h.size(3)}), bf16);
    }
    return dec_out_(at::silu(dec_norm_(h)), bf16);
}

at::Tensor AutoencoderKL::encode(const at::Tensor& x, bool bf16) const {
    if (x.size(2) % reduction() || x.size(3) % reduction())
        throw Error(ErrorCode::BadInput, "tiles of " + std::to_string(x.size(3)) + " px do not fit an autoencoder that reduces by " + std::to_string(reduction()));
    return in_parts(x, x.size(2) * x.size(3), [&](const at::Tensor& part) { return encode_part(part, bf16); });
}

at::Tensor AutoencoderKL::decode(const at::Tensor& z, bool bf16) const {
    return in_parts(z, z.size(2) * z.size(3) * reduction() * reduction(), [&](const at::Tensor& part) { return decode_part(part, bf16); });
}

}  // namespace c2l::generate
