#include "base/random.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace c2l {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

}  // namespace

std::uint64_t derive_seed(std::uint64_t root, std::string_view purpose, std::uint64_t index) {
    std::uint64_t h = 0xcbf29ce484222325ULL;  // FNV-1a over the purpose
    for (const unsigned char c : purpose) h = (h ^ c) * 0x100000001b3ULL;
    std::uint64_t state = root ^ std::rotl(h, 17);
    const std::uint64_t a = splitmix64(state);
    state ^= index * 0xda942042e4dd58b5ULL;
    return a ^ splitmix64(state);
}

Random::Random(std::uint64_t seed) {
    for (auto& s : s_) s = splitmix64(seed);
}

std::uint64_t Random::bits() {
    const std::uint64_t result = std::rotl(s_[1] * 5, 7) * 9;
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = std::rotl(s_[3], 45);
    return result;
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
double Random::uniform(double low, double high) { return low + (high - low) * uniform(); }

std::int64_t Random::below(std::int64_t n) {
    const auto range = static_cast<std::uint64_t>(n);
    const std::uint64_t limit = ~std::uint64_t{0} - ~std::uint64_t{0} % range;  // rejects the uneven tail
    std::uint64_t r = bits();
    while (r >= limit) r = bits();
    return static_cast<std::int64_t>(r % range);
}

double Random::normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

double Random::gamma(double shape) {
    if (shape < 1.0) return gamma(shape + 1.0) * std::pow(1.0 - uniform(), 1.0 / shape);
    const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
    for (;;) {
        const double x = normal(), v = std::pow(1.0 + c * x, 3);
        if (v > 0 && std::log(1.0 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
    }
}

std::int64_t Random::poisson(double mean) {
    std::int64_t total = 0;
    while (mean > 30) {  // halve through the gamma-order-statistic relation (Ahrens & Dieter 1974)
        const auto m = static_cast<std::int64_t>(mean * 7 / 8);
        const double x = gamma(static_cast<double>(m));
        if (x > mean) {  // binomial thinning of m-1 points below mean
            for (std::int64_t i = 1; i < m; ++i) total += uniform() < mean / x;
            return total;
        }
        total += m;
        mean -= x;
    }
    const double limit = std::exp(-mean);
    double p = uniform();
    for (; p > limit; p *= uniform()) ++total;
    return total;
}

}  // namespace c2l
