#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <span>

#include "base/error.h"
#include "base/random.h"
#include "dataset/tiles.h"

namespace c2l {
namespace {

struct Halving {
    std::vector<double> u, v;  // the points in the turned frame
    std::vector<int> fold;

    // Gives the points `part` the folds first … first+k-1.
    void cut(std::span<std::size_t> part, int first, int k) {
        if (k == 1) {
            for (const std::size_t i : part) fold[i] = first;
            return;
        }
        const auto extent = [&](const std::vector<double>& c) {
            double low = c[part[0]], high = low;
            for (const std::size_t i : part) low = std::min(low, c[i]), high = std::max(high, c[i]);
            return high - low;
        };
        const auto& along = extent(u) >= extent(v) ? u : v;
        const int k_left = k / 2;
        // Whole folds go to each side; the folds that are one larger come first, so that sizes differ by one at most.
        const std::size_t n = part.size(), base = n / static_cast<std::size_t>(k), larger = n % static_cast<std::size_t>(k);
        const std::size_t left = base * static_cast<std::size_t>(k_left) + std::min(larger, static_cast<std::size_t>(k_left));
        std::nth_element(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(left), part.end(), [&](std::size_t a, std::size_t b) {
            return along[a] != along[b] ? along[a] < along[b] : a < b;
        });
        cut(part.subspan(0, left), first, k_left);
        cut(part.subspan(left), first + k_left, k - k_left);
    }
};

}  // namespace

std::vector<int> spatial_folds(const std::vector<double>& x, const std::vector<double>& y, int k, std::uint64_t seed) {
    const std::size_t n = x.size();
    if (y.size() != n) throw Error(ErrorCode::Internal, "the points have " + std::to_string(n) + " x but " + std::to_string(y.size()) + " y");
    if (k < 1 || static_cast<std::size_t>(k) > n)
        throw Error(ErrorCode::BadInput, std::to_string(n) + " spots cannot be divided into " + std::to_string(k) + " folds; ask for 1 to " + std::to_string(n));
    const double angle = Random(derive_seed(seed, "spatial folds")).uniform(0, std::numbers::pi / 2);
    Halving halving{std::vector<double>(n), std::vector<double>(n), std::vector<int>(n)};
    for (std::size_t i = 0; i < n; ++i) {
        halving.u[i] = std::cos(angle) * x[i] + std::sin(angle) * y[i];
        halving.v[i] = std::cos(angle) * y[i] - std::sin(angle) * x[i];
    }
    std::vector<std::size_t> all(n);
    std::iota(all.begin(), all.end(), std::size_t{0});
    halving.cut(all, 0, k);
    return halving.fold;
}

}  // namespace c2l
