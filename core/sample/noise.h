// Seeded gradient noise (Perlin 2002) and the small shaping functions of procedural drawing. Values lie in about [-1, 1].
#pragma once

#include <cmath>
#include <cstdint>

namespace c2l {

inline std::uint32_t mix_bits(std::uint32_t h) {  // lowbias32 (Wellons)
    h ^= h >> 16;
    h *= 0x7feb352dU;
    h ^= h >> 15;
    h *= 0x846ca68bU;
    return h ^ (h >> 16);
}

inline float unit_hash(std::uint32_t h) { return static_cast<float>(mix_bits(h) >> 8) * (1.0F / 16777216.0F); }  // [0, 1)

// 0 at `from` and beyond, 1 at `to` and beyond; `from` may be the greater one.
inline float smooth_step(float from, float to, float x) {
    const float s = (x - from) / (to - from), t = s <= 0 ? 0.0F : s >= 1 ? 1.0F : s;
    return t * t * (3 - 2 * t);
}

inline float blend(float a, float b, float t) { return a + (b - a) * t; }

class Noise {
public:
    explicit Noise(std::uint64_t seed) : seed_(mix_bits(static_cast<std::uint32_t>(seed ^ (seed >> 32)))) {}

    float operator()(float x, float y) const {
        const int ix = floor_int(x), iy = floor_int(y);
        const float fx = x - static_cast<float>(ix), fy = y - static_cast<float>(iy);
        const float u = fx * fx * fx * (fx * (fx * 6 - 15) + 10), v = fy * fy * fy * (fy * (fy * 6 - 15) + 10);
        const float a = slope(ix, iy, fx, fy), b = slope(ix + 1, iy, fx - 1, fy);
        const float c = slope(ix, iy + 1, fx, fy - 1), d = slope(ix + 1, iy + 1, fx - 1, fy - 1);
        return 1.4F * blend(blend(a, b, u), blend(c, d, u), v);
    }

    // Sum of octaves, each at double frequency and half amplitude, scaled to stay near [-1, 1].
    float octaves(float x, float y, int n) const {
        float sum = 0, amplitude = 1, total = 0;
        for (int i = 0; i < n; ++i) {
            sum += amplitude * (*this)(x + 17.3F * static_cast<float>(i), y - 9.1F * static_cast<float>(i));
            total += amplitude;
            amplitude *= 0.5F;
            x *= 2;
            y *= 2;
        }
        return sum / total * 1.3F;
    }

    float cell(int ix, int iy, std::uint32_t salt) const { return unit_hash(key(ix, iy) + salt * 0x9e3779b9U); }  // [0, 1)

private:
    static int floor_int(float x) {
        const int i = static_cast<int>(x);
        return i - (x < static_cast<float>(i) ? 1 : 0);
    }
    std::uint32_t key(int ix, int iy) const {
        return mix_bits(static_cast<std::uint32_t>(ix) * 0x8da6b343U + static_cast<std::uint32_t>(iy) * 0xd8163841U + seed_);
    }
    float slope(int ix, int iy, float x, float y) const {
        const std::uint32_t h = key(ix, iy);
        const float gx = static_cast<float>(h & 0xffffU) * (2.0F / 65535) - 1, gy = static_cast<float>(h >> 16) * (2.0F / 65535) - 1;
        return gx * x + gy * y;
    }

    std::uint32_t seed_;
};

}  // namespace c2l
