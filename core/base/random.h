// Seeded random numbers that are the same on every platform (std distributions are not).
#pragma once

#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

namespace c2l {

// A seed for one purpose and item, so that results do not depend on the order or batching of work.
std::uint64_t derive_seed(std::uint64_t root, std::string_view purpose, std::uint64_t index = 0);

// xoshiro256** (Blackman & Vigna 2018), seeded by splitmix64.
class Random {
public:
    explicit Random(std::uint64_t seed);
    std::uint64_t bits();
    double uniform();                          // [0, 1)
    double uniform(double low, double high);   // [low, high)
    std::int64_t below(std::int64_t n);        // 0 … n-1, n > 0
    double normal();                           // mean 0, sd 1
    double gamma(double shape);                // scale 1, shape > 0 (Marsaglia & Tsang 2000)
    std::int64_t poisson(double mean);         // mean ≥ 0
    template <class T> void shuffle(std::vector<T>& v) {
        for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[static_cast<std::size_t>(below(static_cast<std::int64_t>(i)))]);
    }

private:
    std::uint64_t s_[4];
};

}  // namespace c2l
