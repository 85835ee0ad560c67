// The inner loops of our networks between the convolutions, on plain memory: no LibTorch in here.
//
// A feature map of one image is `positions` rows of `channels` numbers (channels last). Numbers are fp32 or bfloat16; sums are
// always fp32. Each function handles one image (or one head) on the calling thread and gives the same bits whatever the other
// images of the batch. On x86-64 they are compiled for AVX-512, AVX2 and the baseline; the processor's own is taken at run time.
#pragma once

#include <cstdint>

namespace c2l::nn::kernels {

struct Bf16 {
    std::uint16_t bits;
};

// y = act(norm(x) · weight + bias) · (1 + scale) + shift)), act = SiLU or nothing; norm over groups of neighbouring channels.
struct ModulatedNorm {
    std::int64_t positions = 0, channels = 0, groups = 1;
    float epsilon = 1e-5f;
    bool silu = true;
    const float *weight = nullptr, *bias = nullptr;  // channels
    const float *scale = nullptr, *shift = nullptr;  // channels, or both null
};

// Scratch numbers that forward and backward need.
inline std::int64_t norm_scratch(const ModulatedNorm& f) { return 4 * f.channels; }
inline std::int64_t norm_backward_scratch(const ModulatedNorm& f) { return (f.positions + 6) * f.channels; }

// Writes the groups' means and reciprocal standard deviations too.
void norm_forward(const ModulatedNorm& f, const float* x, float* y, float* mean, float* rstd, float* scratch);
void norm_forward(const ModulatedNorm& f, const Bf16* x, Bf16* y, float* mean, float* rstd, float* scratch);

// What of the loss's gradient falls to one image: dx and, per channel, those of weight, bias, scale and shift (the last two only
// where there is modulation).
struct NormGradients {
    float *weight, *bias, *scale, *shift;
};
void norm_backward(const ModulatedNorm& f, const float* x, const float* dy, const float* mean, const float* rstd, float* dx, const NormGradients& d, float* scratch);
void norm_backward(const ModulatedNorm& f, const Bf16* x, const Bf16* dy, const float* mean, const float* rstd, Bf16* dx, const NormGradients& d, float* scratch);

// y = x + h · (1 + gate); gate: channels. Backward: dh, and dgate (overwritten); dx is dy.
void gated_sum(std::int64_t positions, std::int64_t channels, const float* gate, const float* x, const float* h, float* y);
void gated_sum(std::int64_t positions, std::int64_t channels, const float* gate, const Bf16* x, const Bf16* h, Bf16* y);
void gated_sum_backward(std::int64_t positions, std::int64_t channels, const float* gate, const float* h, const float* dy, float* dh, float* dgate);
void gated_sum_backward(std::int64_t positions, std::int64_t channels, const float* gate, const Bf16* h, const Bf16* dy, Bf16* dh, float* dgate);

// Gradient of doubling a map by repetition: each of rows × columns positions of dx sums four of dy.
void doubled_backward(std::int64_t rows, std::int64_t columns, std::int64_t channels, const float* dy, float* dx);
void doubled_backward(std::int64_t rows, std::int64_t columns, std::int64_t channels, const Bf16* dy, Bf16* dx);

// One head of self-attention over `length` positions: rows of q, k and v lie `stride` apart in one map, their first of `width`
// numbers at the given pointers; rows of the result lie `out_stride` apart. Scores are scaled by 1/√width.
struct Head {
    std::int64_t length = 0, width = 0, stride = 0, out_stride = 0;
};
std::int64_t attention_scratch(const Head& head);
std::int64_t attention_backward_scratch(const Head& head);
void attention_forward(const Head& head, const float* q, const float* k, const float* v, float* out, float* scratch);
void attention_forward(const Head& head, const Bf16* q, const Bf16* k, const Bf16* v, Bf16* out, float* scratch);
void attention_backward(const Head& head, const float* q, const float* k, const float* v, const float* dout, float* dq, float* dk, float* dv, float* scratch);
void attention_backward(const Head& head, const Bf16* q, const Bf16* k, const Bf16* v, const Bf16* dout, Bf16* dq, Bf16* dk, Bf16* dv, float* scratch);


// total += x over `count` numbers.
void accumulate(std::int64_t count, const Bf16* x, float* total);

// One step of nn::AdamW over `count` numbers: gradients g, set to zero afterwards, weights w, moments m and v, the weights' average a.
struct AdamWStep {
    float clip, beta1, beta2, correct1, correct2, epsilon, rate, shrink, keep;  // shrink: 1 − rate · decay; keep: of the average
};
void adamw_step(std::int64_t count, const AdamWStep& step, float* g, float* w, float* m, float* v, float* a);

}  // namespace c2l::nn::kernels
