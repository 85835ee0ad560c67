// Numbers and loops that the kernels share: bfloat16, e^x without branches, and compilation for several processors.
#pragma once

#include <bit>
#include <cstdint>

#include "nn/kernels.h"

// One version for each level of x86-64; elsewhere, under sanitizers (whose resolvers start too late) and with other compilers the
// baseline alone. Helpers must be inlined into the versions, hence C2L_INLINE.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define C2L_PER_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define C2L_PER_PROCESSOR
#endif
#if defined(__GNUC__)
#define C2L_INLINE inline __attribute__((always_inline))
#else
#define C2L_INLINE inline
#endif

namespace c2l::nn::kernels {

C2L_INLINE float load(float x) { return x; }
C2L_INLINE float load(Bf16 x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16); }

C2L_INLINE void store(float& to, float x) { to = x; }
C2L_INLINE void store(Bf16& to, float x) {  // to the nearest, ties to even; a NaN stays one
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const auto rounded = static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
    to.bits = x != x ? std::uint16_t{0x7fc0} : rounded;
}

// Relative error below 2e-7 within ±87; beyond that it saturates.
C2L_INLINE float exponential(float x) {
    x = x < -87.0f ? -87.0f : x;
    x = x > 87.0f ? 87.0f : x;
    const float shifted = x * 1.44269504f + 12582912.0f;  // rounds to an integer in the low bits
    const float n = shifted - 12582912.0f;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const auto power = static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(12582912.0f));
    return p * std::bit_cast<float>((power + 127) << 23);
}

}  // namespace c2l::nn::kernels
