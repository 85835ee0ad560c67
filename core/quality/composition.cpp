#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "base/cores.h"
#include "base/error.h"
#include "base/random.h"
#include "quality/quality.h"
#include "slide/stain.h"

namespace c2l {
namespace {

using Nuclei = std::vector<std::vector<Nucleus>>;  // of each tile
using Rows = std::vector<std::size_t>;

Nuclei nuclei_of(const TileSet& tiles, double mpp, const JobContext& ctx) {
    Nuclei out(tiles.count());
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex guard;
    const auto work = [&] {
        for (std::size_t i; (i = next.fetch_add(1)) < out.size();) try {
                ctx.check_stop();
                out[i] = find_nuclei(tiles.image(i), mpp);
            } catch (...) {
                const std::scoped_lock lock(guard);
                if (!failure) failure = std::current_exception();
                next = out.size();
            }
    };
    {
        std::vector<std::jthread> pool;
        const auto threads = std::clamp<std::size_t>(static_cast<std::size_t>(usable_cores()), 1, std::max<std::size_t>(1, out.size()));
        for (std::size_t t = 1; t < threads; ++t) pool.emplace_back(work);
        work();
    }
    if (failure) std::rethrow_exception(failure);
    return out;
}

enum class Statistic { Density, Area, Eccentricity, Haematoxylin };

std::vector<double> values(const Nuclei& nuclei, const Rows& tiles, Statistic what, double tile_mm2) {
    std::vector<double> v;
    for (const auto t : tiles) {
        if (what == Statistic::Density)
            v.push_back(static_cast<double>(nuclei[t].size()) / tile_mm2);
        else
            for (const auto& n : nuclei[t])
                v.push_back(what == Statistic::Area ? n.area_um2 : what == Statistic::Eccentricity ? n.eccentricity : n.haematoxylin);
    }
    return v;
}

double mean(const std::vector<double>& v) {
    return v.empty() ? 0 : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

CompositionFigure compare(const Nuclei& real, const Nuclei& synthetic, Statistic what, double tile_mm2, std::uint64_t seed, int bootstrap,
                          const JobContext& ctx) {
    Random random(derive_seed(seed, "composition", static_cast<std::uint64_t>(what)));
    const auto all = [](const Nuclei& n) {
        Rows rows(n.size());
        std::iota(rows.begin(), rows.end(), std::size_t{0});
        return rows;
    };
    const auto drawn = [&](const Nuclei& n) {
        Rows rows(n.size());
        for (auto& r : rows) r = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(n.size())));
        return rows;
    };
    const auto real_values = values(real, all(real), what, tile_mm2), synthetic_values = values(synthetic, all(synthetic), what, tile_mm2);
    CompositionFigure f;
    f.mean_real = mean(real_values);
    f.mean_synthetic = mean(synthetic_values);
    f.distance.value = f.distance.lower = f.distance.upper = wasserstein_distance(real_values, synthetic_values);
    std::vector<double> replicates;
    for (int b = 0; b < bootstrap; ++b) {
        ctx.check_stop();
        replicates.push_back(
            wasserstein_distance(values(real, drawn(real), what, tile_mm2), values(synthetic, drawn(synthetic), what, tile_mm2)));
    }
    if (!replicates.empty()) {
        std::sort(replicates.begin(), replicates.end());
        const double centre = mean(replicates);
        const auto at = [&](double q) {
            return replicates[static_cast<std::size_t>(q * static_cast<double>(replicates.size() - 1) + 0.5)] - centre;
        };
        f.distance.lower = std::max(0.0, f.distance.value + at(0.025));
        f.distance.upper = f.distance.value + at(0.975);
    }
    constexpr int kSplits = 10;
    for (int s = 0; s < kSplits; ++s) {
        Rows rows = all(real);
        random.shuffle(rows);
        const auto half = rows.begin() + static_cast<std::ptrdiff_t>(rows.size() / 2);
        f.floor += wasserstein_distance(values(real, Rows(rows.begin(), half), what, tile_mm2),
                                        values(real, Rows(half, rows.end()), what, tile_mm2)) /
                   kSplits;
    }
    return f;
}

}  // namespace

double wasserstein_distance(std::vector<double> a, std::vector<double> b) {
    if (a.empty() || b.empty()) return 0;
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    // ∫ |F⁻¹(q) - G⁻¹(q)| dq over the steps of both quantile functions.
    double sum = 0, q = 0;
    std::size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        const double next_a = static_cast<double>(i + 1) / static_cast<double>(a.size()),
                     next_b = static_cast<double>(j + 1) / static_cast<double>(b.size());
        const double next = std::min(next_a, next_b);
        sum += (next - q) * std::abs(a[i] - b[j]);
        q = next;
        // In whole numbers, so that steps that coincide are taken together.
        const auto left = (i + 1) * b.size(), right = (j + 1) * a.size();
        if (left <= right) ++i;
        if (right <= left) ++j;
    }
    return sum;
}

Composition compare_composition(const TileSet& real, const TileSet& synthetic, double mpp, std::uint64_t seed, const JobContext& ctx,
                                int bootstrap) {
    if (!(mpp > 0) || !std::isfinite(mpp))
        throw Error(ErrorCode::BadInput, "nuclei cannot be measured without the µm per pixel of the tiles");
    if (real.count() < 2 || synthetic.count() < 1)
        throw Error(ErrorCode::BadInput, "a comparison of composition needs 2 real and 1 synthetic tile at least");
    if (real.size != synthetic.size) throw Error(ErrorCode::Mismatch, "real and synthetic tiles differ in size");
    const Nuclei of_real = nuclei_of(real, mpp, ctx), of_synthetic = nuclei_of(synthetic, mpp, ctx);
    const double tile_mm2 = std::pow(real.size * mpp / 1000, 2);
    const auto figure = [&](Statistic what) { return compare(of_real, of_synthetic, what, tile_mm2, seed, bootstrap, ctx); };
    return {figure(Statistic::Density), figure(Statistic::Area), figure(Statistic::Eccentricity), figure(Statistic::Haematoxylin)};
}

std::string Composition::json() const {
    const auto figure = [](const CompositionFigure& f) {
        return nlohmann::json{{"value", f.distance.value}, {"lower", f.distance.lower}, {"upper", f.distance.upper},
                              {"floor", f.floor},          {"mean_real", f.mean_real},  {"mean_synthetic", f.mean_synthetic}};
    };
    return nlohmann::json{{"nuclear_density_per_mm2", figure(nuclear_density_per_mm2)},
                          {"nuclear_area_um2", figure(nuclear_area_um2)},
                          {"eccentricity", figure(eccentricity)},
                          {"haematoxylin_od", figure(haematoxylin_od)}}
        .dump();
}

}  // namespace c2l
