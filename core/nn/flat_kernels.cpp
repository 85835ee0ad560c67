#include <cmath>

#include "nn/kernel_math.h"

namespace c2l::nn::kernels {

C2L_PER_PROCESSOR void accumulate(std::int64_t count, const Bf16* __restrict x, float* __restrict total) {
    for (std::int64_t i = 0; i < count; ++i) total[i] += load(x[i]);
}

C2L_PER_PROCESSOR void adamw_step(std::int64_t count, const AdamWStep& given, float* __restrict g, float* __restrict w, float* __restrict m, float* __restrict v,
                                  float* __restrict a) {
    const AdamWStep s = given;
    for (std::int64_t i = 0; i < count; ++i) {
        const float gi = g[i] * s.clip;
        m[i] = s.beta1 * m[i] + (1 - s.beta1) * gi;
        v[i] = s.beta2 * v[i] + (1 - s.beta2) * gi * gi;
        w[i] = w[i] * s.shrink - s.rate * (m[i] * s.correct1) / (std::sqrt(v[i] * s.correct2) + s.epsilon);
        a[i] = s.keep * a[i] + (1 - s.keep) * w[i];
        g[i] = 0;  // while it is at hand: the next step adds to it
    }
}

}  // namespace c2l::nn::kernels
