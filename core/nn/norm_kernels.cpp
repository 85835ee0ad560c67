#include <algorithm>
#include <cmath>

#include "nn/kernel_math.h"

namespace c2l::nn::kernels {
namespace {

// Sums over positions of the distances from the first row, and of their squares: no cancellation where a mean is far from zero.
template <class T>
C2L_INLINE void channel_sums(std::int64_t positions, std::int64_t channels, const T* __restrict x, float* __restrict first, float* __restrict sum,
                             float* __restrict square) {
    for (std::int64_t c = 0; c < channels; ++c) first[c] = load(x[c]), sum[c] = square[c] = 0;
    std::int64_t p = 0;
    for (; p + 4 <= positions; p += 4) {
        const T *x0 = x + p * channels, *x1 = x0 + channels, *x2 = x1 + channels, *x3 = x2 + channels;
        for (std::int64_t c = 0; c < channels; ++c) {
            const float d0 = load(x0[c]) - first[c], d1 = load(x1[c]) - first[c], d2 = load(x2[c]) - first[c], d3 = load(x3[c]) - first[c];
            sum[c] += (d0 + d1) + (d2 + d3);
            square[c] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3);
        }
    }
    for (; p < positions; ++p)
        for (std::int64_t c = 0; c < channels; ++c) {
            const float d = load(x[p * channels + c]) - first[c];
            sum[c] += d;
            square[c] += d * d;
        }
}

// Mean and spread of each group from its channels' sums (Chan, Golub & LeVeque 1979).
C2L_INLINE void group_moments(const ModulatedNorm& f, const float* first, const float* sum, const float* square, float* mean, float* rstd) {
    const std::int64_t width = f.channels / f.groups;
    const double n = static_cast<double>(f.positions), share = 1.0 / n;  // a division for each channel would cost more than a small map's sums
    for (std::int64_t g = 0; g < f.groups; ++g) {
        double total = 0, spread = 0;
        for (std::int64_t c = g * width; c < (g + 1) * width; ++c) total += first[c] + sum[c] * share;
        const double m = total / static_cast<double>(width);
        for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
            const double off = first[c] + sum[c] * share - m;
            spread += square[c] - static_cast<double>(sum[c]) * sum[c] * share + n * off * off;
        }
        mean[g] = static_cast<float>(m);
        rstd[g] = static_cast<float>(1.0 / std::sqrt(std::max(0.0, spread / (n * static_cast<double>(width))) + f.epsilon));
    }
}

// The whole of norm, weights and modulation is slope · x + offset per channel.
C2L_INLINE void lines(const ModulatedNorm& f, const float* mean, const float* rstd, float* slope, float* offset) {
    const std::int64_t width = f.channels / f.groups;
    for (std::int64_t g = 0; g < f.groups; ++g)
        for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
            const float scale = f.scale ? 1.0f + f.scale[c] : 1.0f, shift = f.shift ? f.shift[c] : 0.0f;
            slope[c] = rstd[g] * f.weight[c] * scale;
            offset[c] = (f.bias[c] - mean[g] * rstd[g] * f.weight[c]) * scale + shift;
        }
}

template <class T, bool kSilu>
C2L_INLINE void apply_lines(const ModulatedNorm& f, const T* __restrict x, const float* __restrict slope, const float* __restrict offset, T* __restrict y) {
    for (std::int64_t p = 0; p < f.positions; ++p)
        for (std::int64_t c = 0; c < f.channels; ++c) {
            const std::int64_t i = p * f.channels + c;
            const float v = slope[c] * load(x[i]) + offset[c];
            store(y[i], kSilu ? v / (1.0f + exponential(-v)) : v);
        }
}

template <class T>
C2L_INLINE void forward(const ModulatedNorm& f, const T* x, T* y, float* mean, float* rstd, float* scratch) {
    float *first = scratch, *sum = first + f.channels, *square = sum + f.channels;
    channel_sums(f.positions, f.channels, x, first, sum, square);
    group_moments(f, first, sum, square, mean, rstd);
    float *slope = scratch, *offset = scratch + f.channels;
    lines(f, mean, rstd, slope, offset);
    if (f.silu)
        apply_lines<T, true>(f, x, slope, offset, y);
    else
        apply_lines<T, false>(f, x, slope, offset, y);
}

// dv, the gradient before the activation, and its sums over positions alone and with x − mean.
template <class T, bool kSilu>
C2L_INLINE void before_activation(const ModulatedNorm& f, const T* __restrict x, const T* __restrict dy, const float* __restrict slope, const float* __restrict offset,
                                  const float* __restrict mean, float* __restrict dv, float* __restrict sum, float* __restrict product) {
    for (std::int64_t c = 0; c < f.channels; ++c) sum[c] = product[c] = 0;
    for (std::int64_t p = 0; p < f.positions; ++p)
        for (std::int64_t c = 0; c < f.channels; ++c) {
            const std::int64_t i = p * f.channels + c;
            const float xi = load(x[i]);
            float d = load(dy[i]);
            if constexpr (kSilu) {
                const float v = slope[c] * xi + offset[c], gate = 1.0f / (1.0f + exponential(-v));
                d *= gate * (1.0f + v * (1.0f - gate));
            }
            dv[i] = d;
            sum[c] += d;
            product[c] += d * (xi - mean[c]);
        }
}

template <class T>
C2L_INLINE void gradient(const ModulatedNorm& f, const T* __restrict x, const float* __restrict dv, const float* __restrict mean, const float* __restrict a,
                         const float* __restrict b, const float* __restrict c0, T* __restrict dx) {
    for (std::int64_t p = 0; p < f.positions; ++p)
        for (std::int64_t c = 0; c < f.channels; ++c) {
            const std::int64_t i = p * f.channels + c;
            store(dx[i], a[c] * dv[i] + b[c] * (load(x[i]) - mean[c]) + c0[c]);
        }
}

template <class T>
C2L_INLINE void backward(const ModulatedNorm& f, const T* x, const T* dy, const float* mean, const float* rstd, T* dx, const NormGradients& d, float* scratch) {
    const std::int64_t width = f.channels / f.groups;
    float *slope = scratch, *offset = slope + f.channels, *centre = offset + f.channels, *sum = centre + f.channels, *product = sum + f.channels, *b = product + f.channels;
    float* dv = b + f.channels;
    lines(f, mean, rstd, slope, offset);
    for (std::int64_t c = 0; c < f.channels; ++c) centre[c] = mean[c / width];
    if (f.silu)
        before_activation<T, true>(f, x, dy, slope, offset, centre, dv, sum, product);
    else
        before_activation<T, false>(f, x, dy, slope, offset, centre, dv, sum, product);
    // With n = (x − mean)·rstd and k = weight·(1 + scale): dx = rstd·(k·dv − mean(k·dv) − n·mean(n·k·dv)), means over the group.
    float* c0 = offset;  // no longer needed
    const double count = static_cast<double>(f.positions * width);
    for (std::int64_t g = 0; g < f.groups; ++g) {
        double plain = 0, with_n = 0;
        for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
            const float scale = f.scale ? 1.0f + f.scale[c] : 1.0f, n_dv = product[c] * rstd[g];
            plain += static_cast<double>(f.weight[c]) * scale * sum[c];
            with_n += static_cast<double>(f.weight[c]) * scale * n_dv;
            d.weight[c] = scale * n_dv;
            d.bias[c] = scale * sum[c];
            if (f.scale) {
                d.scale[c] = f.weight[c] * n_dv + f.bias[c] * sum[c];
                d.shift[c] = sum[c];
            }
        }
        for (std::int64_t c = g * width; c < (g + 1) * width; ++c) {
            b[c] = static_cast<float>(-static_cast<double>(rstd[g]) * rstd[g] * with_n / count);
            c0[c] = static_cast<float>(-rstd[g] * plain / count);
        }
    }
    gradient(f, x, dv, centre, slope, b, c0, dx);
}

template <class T>
C2L_INLINE void gated(std::int64_t positions, std::int64_t channels, const float* __restrict gate, const T* __restrict x, const T* __restrict h, T* __restrict y) {
    for (std::int64_t p = 0; p < positions; ++p)
        for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t i = p * channels + c;
            store(y[i], load(x[i]) + load(h[i]) * (1.0f + gate[c]));
        }
}

template <class T>
C2L_INLINE void gated_gradient(std::int64_t positions, std::int64_t channels, const float* __restrict gate, const T* __restrict h, const T* __restrict dy,
                               T* __restrict dh, float* __restrict dgate) {
    for (std::int64_t c = 0; c < channels; ++c) dgate[c] = 0;
    for (std::int64_t p = 0; p < positions; ++p)
        for (std::int64_t c = 0; c < channels; ++c) {
            const std::int64_t i = p * channels + c;
            const float d = load(dy[i]);
            store(dh[i], d * (1.0f + gate[c]));
            dgate[c] += d * load(h[i]);
        }
}

template <class T>
C2L_INLINE void sum_of_four(std::int64_t rows, std::int64_t columns, std::int64_t channels, const T* __restrict dy, T* __restrict dx) {
    for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t q = 0; q < columns; ++q) {
            const T *above = dy + (2 * r * 2 * columns + 2 * q) * channels, *below = above + 2 * columns * channels;
            T* to = dx + (r * columns + q) * channels;
            for (std::int64_t c = 0; c < channels; ++c) store(to[c], (load(above[c]) + load(above[channels + c])) + (load(below[c]) + load(below[channels + c])));
        }
}

}  // namespace

C2L_PER_PROCESSOR void norm_forward(const ModulatedNorm& f, const float* x, float* y, float* mean, float* rstd, float* scratch) {
    forward(f, x, y, mean, rstd, scratch);
}
C2L_PER_PROCESSOR void norm_forward(const ModulatedNorm& f, const Bf16* x, Bf16* y, float* mean, float* rstd, float* scratch) {
    forward(f, x, y, mean, rstd, scratch);
}
C2L_PER_PROCESSOR void norm_backward(const ModulatedNorm& f, const float* x, const float* dy, const float* mean, const float* rstd, float* dx, const NormGradients& d,
                                     float* scratch) {
    backward(f, x, dy, mean, rstd, dx, d, scratch);
}
C2L_PER_PROCESSOR void norm_backward(const ModulatedNorm& f, const Bf16* x, const Bf16* dy, const float* mean, const float* rstd, Bf16* dx, const NormGradients& d,
                                     float* scratch) {
    backward(f, x, dy, mean, rstd, dx, d, scratch);
}
C2L_PER_PROCESSOR void gated_sum(std::int64_t positions, std::int64_t channels, const float* gate, const float* x, const float* h, float* y) {
    gated(positions, channels, gate, x, h, y);
}
C2L_PER_PROCESSOR void gated_sum(std::int64_t positions, std::int64_t channels, const float* gate, const Bf16* x, const Bf16* h, Bf16* y) {
    gated(positions, channels, gate, x, h, y);
}
C2L_PER_PROCESSOR void gated_sum_backward(std::int64_t positions, std::int64_t channels, const float* gate, const float* h, const float* dy, float* dh, float* dgate) {
    gated_gradient(positions, channels, gate, h, dy, dh, dgate);
}
C2L_PER_PROCESSOR void gated_sum_backward(std::int64_t positions, std::int64_t channels, const float* gate, const Bf16* h, const Bf16* dy, Bf16* dh, float* dgate) {
    gated_gradient(positions, channels, gate, h, dy, dh, dgate);
}
C2L_PER_PROCESSOR void doubled_backward(std::int64_t rows, std::int64_t columns, std::int64_t channels, const float* dy, float* dx) {
    sum_of_four(rows, columns, channels, dy, dx);
}
C2L_PER_PROCESSOR void doubled_backward(std::int64_t rows, std::int64_t columns, std::int64_t channels, const Bf16* dy, Bf16* dx) {
    sum_of_four(rows, columns, channels, dy, dx);
}

}  // namespace c2l::nn::kernels
