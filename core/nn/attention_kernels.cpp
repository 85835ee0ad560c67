#include <algorithm>
#include <cmath>
#include <cstring>

#include "nn/kernel_math.h"

namespace c2l::nn::kernels {
namespace {

constexpr std::int64_t kLane = 16;
typedef float Lane __attribute__((vector_size(kLane * sizeof(float))));  // GNU vectors: split where the processor's are shorter

std::int64_t padded(std::int64_t n) { return (n + kLane - 1) / kLane * kLane; }

// c = a · b of row-major matrices; `n` and the rows of b and c in whole lanes.
C2L_INLINE void product(std::int64_t m, std::int64_t n, std::int64_t k, const float* __restrict a, std::int64_t lda, const float* __restrict b, float* __restrict c) {
    for (std::int64_t i = 0; i < m; i += 4) {
        const std::int64_t rows = std::min<std::int64_t>(4, m - i);
        // A short last block repeats its last row rather than branch.
        const float *a0 = a + i * lda, *a1 = a0 + (rows > 1 ? lda : 0), *a2 = a1 + (rows > 2 ? lda : 0), *a3 = a2 + (rows > 3 ? lda : 0);
        for (std::int64_t j = 0; j < n; j += kLane) {
            Lane s0{}, s1{}, s2{}, s3{};
            for (std::int64_t l = 0; l < k; ++l) {
                Lane v;
                std::memcpy(&v, b + l * n + j, sizeof v);
                s0 += a0[l] * v;
                s1 += a1[l] * v;
                s2 += a2[l] * v;
                s3 += a3[l] * v;
            }
            float* to = c + i * n + j;
            std::memcpy(to, &s0, sizeof s0);
            if (rows > 1) std::memcpy(to + n, &s1, sizeof s1);
            if (rows > 2) std::memcpy(to + 2 * n, &s2, sizeof s2);
            if (rows > 3) std::memcpy(to + 3 * n, &s3, sizeof s3);
        }
    }
}

// rows × columns numbers from rows `stride` apart, into rows of `width`, the rest zero.
template <class T>
C2L_INLINE void gather(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t stride, float factor, float* to, std::int64_t width) {
    for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < columns; ++j) to[i * width + j] = load(from[i * stride + j]) * factor;
        for (std::int64_t j = columns; j < width; ++j) to[i * width + j] = 0;
    }
}
template <class T>
C2L_INLINE void scatter(std::int64_t rows, std::int64_t columns, const float* from, std::int64_t width, float factor, T* to, std::int64_t stride) {
    for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j) store(to[i * stride + j], from[i * width + j] * factor);
}
// to: columns rows of `width`, the rest zero.
C2L_INLINE void transpose(std::int64_t rows, std::int64_t columns, const float* from, std::int64_t from_width, float* to, std::int64_t width) {
    for (std::int64_t j = 0; j < columns; ++j) {
        for (std::int64_t i = 0; i < rows; ++i) to[j * width + i] = from[i * from_width + j];
        for (std::int64_t i = rows; i < width; ++i) to[j * width + i] = 0;
    }
}

// Sums of rows in lanes: the order is fixed by the length alone.
C2L_INLINE float total(const Lane& lane) {
    float sum = 0;
    for (std::int64_t i = 0; i < kLane; ++i) sum += lane[i];
    return sum;
}
C2L_INLINE float row_sum(const float* row, std::int64_t n) {
    Lane sums{};
    std::int64_t j = 0;
    for (; j + kLane <= n; j += kLane) {
        Lane v;
        std::memcpy(&v, row + j, sizeof v);
        sums += v;
    }
    float sum = total(sums);
    for (; j < n; ++j) sum += row[j];
    return sum;
}
C2L_INLINE float row_product(const float* a, const float* b, std::int64_t n) {
    Lane sums{};
    std::int64_t j = 0;
    for (; j + kLane <= n; j += kLane) {
        Lane v, w;
        std::memcpy(&v, a + j, sizeof v);
        std::memcpy(&w, b + j, sizeof w);
        sums += v * w;
    }
    float sum = total(sums);
    for (; j < n; ++j) sum += a[j] * b[j];
    return sum;
}

C2L_INLINE void softmax_rows(std::int64_t length, std::int64_t width, float* s) {
    for (std::int64_t i = 0; i < length; ++i) {
        float* row = s + i * width;
        float top = row[0];
        for (std::int64_t j = 1; j < length; ++j) top = row[j] > top ? row[j] : top;
        for (std::int64_t j = 0; j < length; ++j) row[j] = exponential(row[j] - top);
        const float share = 1.0f / row_sum(row, length);
        for (std::int64_t j = 0; j < length; ++j) row[j] *= share;
        for (std::int64_t j = length; j < width; ++j) row[j] = 0;
    }
}

// q, k, v in fp32, q scaled; kᵀ; the weights of each position.
struct Parts {
    float *q, *k, *v, *turned, *weights, *rest;
};

template <class T>
C2L_INLINE Parts prepare(const Head& head, const T* q, const T* k, const T* v, float* scratch) {
    const auto l = padded(head.length), d = padded(head.width);
    Parts s{scratch, scratch + head.length * d, scratch + 2 * head.length * d, scratch + 3 * head.length * d, nullptr, nullptr};
    s.weights = s.turned + d * l;
    s.rest = s.weights + head.length * l;
    gather(head.length, head.width, q, head.stride, static_cast<float>(1.0 / std::sqrt(static_cast<double>(head.width))), s.q, d);
    gather(head.length, head.width, k, head.stride, 1.0f, s.k, d);
    gather(head.length, head.width, v, head.stride, 1.0f, s.v, d);
    transpose(head.length, head.width, s.k, d, s.turned, l);
    product(head.length, l, head.width, s.q, d, s.turned, s.weights);
    softmax_rows(head.length, l, s.weights);
    return s;
}

template <class T>
C2L_INLINE void forward(const Head& head, const T* q, const T* k, const T* v, T* out, float* scratch) {
    const auto l = padded(head.length), d = padded(head.width);
    const auto s = prepare(head, q, k, v, scratch);
    product(head.length, d, head.length, s.weights, l, s.v, s.rest);
    scatter(head.length, head.width, s.rest, d, 1.0f, out, head.out_stride);
}

template <class T>
C2L_INLINE void backward(const Head& head, const T* q, const T* k, const T* v, const T* dout, T* dq, T* dk, T* dv, float* scratch) {
    const auto n = head.length, l = padded(n), d = padded(head.width);
    const auto s = prepare(head, q, k, v, scratch);
    float *dy = s.rest, *result = dy + n * d, *dweights = result + n * d, *turned = dweights + n * l;  // turned: n × l
    gather(n, head.width, dout, head.out_stride, 1.0f, dy, d);
    transpose(n, n, s.weights, l, turned, l);
    product(n, d, n, turned, l, dy, result);
    scatter(n, head.width, result, d, 1.0f, dv, head.stride);
    transpose(n, head.width, s.v, d, s.turned, l);
    product(n, l, head.width, dy, d, s.turned, dweights);
    for (std::int64_t i = 0; i < n; ++i) {  // through the softmax
        float *p = s.weights + i * l, *dp = dweights + i * l;
        const float mean = row_product(p, dp, n);
        for (std::int64_t j = 0; j < n; ++j) dp[j] = p[j] * (dp[j] - mean);
    }
    product(n, d, n, dweights, l, s.k, result);
    scatter(n, head.width, result, d, static_cast<float>(1.0 / std::sqrt(static_cast<double>(head.width))), dq, head.stride);
    transpose(n, n, dweights, l, turned, l);
    product(n, d, n, turned, l, s.q, result);
    scatter(n, head.width, result, d, 1.0f, dk, head.stride);
}

}  // namespace

std::int64_t attention_scratch(const Head& head) {
    const auto l = padded(head.length), d = padded(head.width);
    return 4 * head.length * d + d * l + head.length * l;
}
std::int64_t attention_backward_scratch(const Head& head) {
    const auto l = padded(head.length), d = padded(head.width);
    return attention_scratch(head) + head.length * d + 2 * head.length * l;
}

C2L_PER_PROCESSOR void attention_forward(const Head& head, const float* q, const float* k, const float* v, float* out, float* scratch) {
    forward(head, q, k, v, out, scratch);
}
C2L_PER_PROCESSOR void attention_forward(const Head& head, const Bf16* q, const Bf16* k, const Bf16* v, Bf16* out, float* scratch) {
    forward(head, q, k, v, out, scratch);
}
C2L_PER_PROCESSOR void attention_backward(const Head& head, const float* q, const float* k, const float* v, const float* dout, float* dq, float* dk, float* dv,
                                          float* scratch) {
    backward(head, q, k, v, dout, dq, dk, dv, scratch);
}
C2L_PER_PROCESSOR void attention_backward(const Head& head, const Bf16* q, const Bf16* k, const Bf16* v, const Bf16* dout, Bf16* dq, Bf16* dk, Bf16* dv, float* scratch) {
    backward(head, q, k, v, dout, dq, dk, dv, scratch);
}

}  // namespace c2l::nn::kernels
