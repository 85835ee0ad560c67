#include "generate/sit.h"

#include <ATen/ATen.h>

#include "base/error.h"

namespace c2l::generate {

using namespace nn;

namespace {

constexpr int kPatch = 2;
constexpr int kTimeFeatures = 256;
constexpr int kRatio = 4;  // width of the perceptron over that of the tokens

// The product left in bfloat16 on CUDA, where what follows is faster in it; on the CPU it is not.
at::Tensor inner(const at::Tensor& x, const Linear& layer, bool bf16) {
    if (!bf16 || !x.is_cuda()) return linear(x, layer, bf16);
    return at::linear(x.to(c10::kBFloat16), layer.weight.to(c10::kBFloat16), layer.bias.to(c10::kBFloat16));
}

Linear zero_linear(ParameterSet& set, Initialiser& init, const std::string& name, int in, int out) { return Linear(set, init, name, in, out, 0.0); }

}  // namespace

SiT::Block SiT::make_block(Initialiser& init, const std::string& name) {
    const int width = shape_.width;
    Block block;
    block.site = static_cast<int>(sites_.size());
    sites_.push_back(width);
    sites_.push_back(width);
    block.attention_bias = set_.add(name + ".attention.modulation", Initialiser::constant({3 * width}, 0));
    block.qkv = Linear(set_, init, name + ".attention.qkv", width, 3 * width);
    block.out = Linear(set_, init, name + ".attention.out", width, width);
    block.perceptron_bias = set_.add(name + ".perceptron.modulation", Initialiser::constant({3 * width}, 0));
    block.up = Linear(set_, init, name + ".perceptron.up", width, kRatio * width);
    block.down = Linear(set_, init, name + ".perceptron.down", kRatio * width, width);
    return block;
}

SiT::SiT(const SiTShape& shape, std::uint64_t seed) : shape_(shape) {
    if (shape.width % 4 || shape.heads < 1 || shape.width % shape.heads || shape.depth < 1 || shape.channels < 1)
        throw Error(ErrorCode::Internal, "a transformer of this shape cannot be made");
    const int width = shape.width, patch = shape.channels * kPatch * kPatch;
    Initialiser init(seed);
    in_ = Linear(set_, init, "in", patch, width);
    time1_ = Linear(set_, init, "time1", kTimeFeatures, width);
    time2_ = Linear(set_, init, "time2", width, width);
    shared_ = zero_linear(set_, init, "modulation", width, 6 * width);
    for (int i = 0; i < shape.depth; ++i) blocks_.push_back(make_block(init, "block" + std::to_string(i)));
    norm_ = LayerNorm(set_, "norm", width, /*affine=*/false);
    last_modulation_ = zero_linear(set_, init, "out.modulation", width, 2 * width);
    last_ = zero_linear(set_, init, "out", width, patch);
}

const at::Tensor& SiT::position(std::int64_t rows, std::int64_t cols, const c10::Device& device) const {
    if (!position_.defined() || position_.size(1) != rows * cols || position_cols_ != cols || position_.device() != device) {
        position_ = grid_code(static_cast<int>(rows), static_cast<int>(cols), shape_.width).to(device);
        position_cols_ = cols;
    }
    return position_;
}

SiT::Modulation SiT::modulation(int site, const at::Tensor& shared, const at::Tensor& own, const at::Tensor& embedding, const Modulator* modulator) const {
    auto all = shared + own;
    if (modulator)
        if (const auto more = (*modulator)(site, embedding); more.defined()) all = all + more;
    const auto parts = all.unsqueeze(1).chunk(3, 2);
    return {parts[0], parts[1], parts[2]};
}

at::Tensor SiT::run(const Block& block, at::Tensor x, const at::Tensor& shared, const at::Tensor& embedding, const Modulator* modulator, bool bf16) const {
    const auto halves = shared.chunk(2, 1);
    {
        const auto m = modulation(block.site, halves[0], block.attention_bias, embedding, modulator);
        const auto parts = inner(at::addcmul(m.shift, norm_(x), m.scale + 1.0), block.qkv, bf16).chunk(3, 2);
        const auto mixed = attention(split_heads(parts[0], shape_.heads), split_heads(parts[1], shape_.heads), split_heads(parts[2], shape_.heads));
        x = at::addcmul(x, m.gate, linear(join_heads(mixed), block.out, bf16));
    }
    const auto m = modulation(block.site + 1, halves[1], block.perceptron_bias, embedding, modulator);
    const auto h = gelu_tanh(inner(at::addcmul(m.shift, norm_(x), m.scale + 1.0), block.up, bf16));
    return at::addcmul(x, m.gate, linear(h, block.down, bf16));
}

at::Tensor SiT::operator()(const at::Tensor& latent, const at::Tensor& time, const Modulator* modulator, bool bf16) const {
    const auto n = latent.size(0), c = latent.size(1), rows = latent.size(2) / kPatch, cols = latent.size(3) / kPatch;
    const auto embedding = at::silu(time2_(at::silu(time1_(sinusoids(time.mul(1000.0), kTimeFeatures)))));
    const auto shared = shared_(embedding);
    const auto patches = latent.reshape({n, c, rows, kPatch, cols, kPatch}).permute({0, 2, 4, 1, 3, 5}).reshape({n, rows * cols, c * kPatch * kPatch});
    auto x = linear(patches, in_, bf16) + position(rows, cols, latent.device());
    for (const auto& block : blocks_) x = run(block, x, shared, embedding, modulator, bf16);
    const auto m = last_modulation_(embedding).unsqueeze(1).chunk(2, 2);  // scale, shift
    x = linear(at::addcmul(m[1], norm_(x), m[0] + 1.0), last_, bf16);
    return x.reshape({n, rows, cols, c, kPatch, kPatch}).permute({0, 3, 1, 4, 2, 5}).reshape({n, c, kPatch * rows, kPatch * cols});
}

}  // namespace c2l::generate
