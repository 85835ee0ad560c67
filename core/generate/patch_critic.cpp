#include "generate/patch_critic.h"

#include <ATen/ATen.h>

namespace c2l::generate {

using namespace nn;

PatchCritic::PatchCritic(std::uint64_t seed) {
    Initialiser init(seed);
    in_ = Conv(set_, init, "in", 3, 32, 3, 2);
    middle_ = Conv(set_, init, "middle", 32, 64, 3, 2);
    middle_norm_ = GroupNorm(set_, "middle_norm", 64, 8);
    top_ = Conv(set_, init, "top", 64, 128, 3, 2);
    top_norm_ = GroupNorm(set_, "top_norm", 128, 8);
    out_ = Conv(set_, init, "out", 128, 1, 3);
}

PatchCritic::Opinion PatchCritic::operator()(const at::Tensor& x, bool bf16) const {
    Opinion out;
    out.features.push_back(at::silu(in_(activations(x, bf16), bf16)));
    out.features.push_back(middle_norm_.silu(middle_(out.features.back(), bf16)));
    out.features.push_back(top_norm_.silu(top_(out.features.back(), bf16)));
    out.logits = out_(out.features.back(), bf16).to(c10::kFloat);
    return out;
}

PatchCritic PatchCritic::frozen() const {
    PatchCritic out = *this;
    const auto freeze = [](auto&... layers) { ((layers.weight = layers.weight.detach(), layers.bias = layers.bias.detach()), ...); };
    freeze(out.in_, out.middle_, out.top_, out.out_, out.middle_norm_, out.top_norm_);
    return out;
}

}  // namespace c2l::generate
