#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <limits>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <thread>

#include "base/cores.h"
#include "base/error.h"
#include "base/random.h"
#include "quality/quality.h"
#include "quality/resample.h"
#include "slide/stain.h"

namespace c2l {
namespace {

constexpr int kDraws = 10;

using Nuclei = std::vector<std::vector<Nucleus>>;  // of each tile

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
    for (const auto tile : tiles) {
        const auto t = static_cast<std::size_t>(tile);
        if (what == Statistic::Density)
            v.push_back(static_cast<double>(nuclei[t].size()) / tile_mm2);
        else
            for (const auto& n : nuclei[t])
                v.push_back(what == Statistic::Area ? n.area_um2 : what == Statistic::Eccentricity ? n.eccentricity : n.haematoxylin);
    }
    return v;
}

double mean(const std::vector<double>& v) {
    return v.empty() ? std::numeric_limits<double>::quiet_NaN() : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

CompositionFigure compare(const Nuclei& real, const Nuclei& synthetic, Statistic what, double tile_mm2, const GroupedRows& real_groups, const GroupedRows& synthetic_groups,
                          std::uint64_t seed, int bootstrap, const JobContext& ctx) {
    Random random(derive_seed(seed, "composition", static_cast<std::uint64_t>(what)));
    const auto real_n = static_cast<std::int64_t>(real.size()), synthetic_n = static_cast<std::int64_t>(synthetic.size());
    const auto of_real = [&](const Rows& rows) { return values(real, rows, what, tile_mm2); };
    const auto of_synthetic = [&](const Rows& rows) { return values(synthetic, rows, what, tile_mm2); };
    const auto some = [&](std::int64_t n, std::int64_t count) {
        Rows rows = all_rows(n);
        random.shuffle(rows);
        rows.resize(static_cast<std::size_t>(count));
        return rows;
    };
    CompositionFigure f;
    f.mean_real = mean(of_real(all_rows(real_n)));
    f.mean_synthetic = mean(of_synthetic(all_rows(synthetic_n)));
    // The distance shrinks as samples grow: it and its floor are of as many tiles on each side.
    const std::int64_t n = std::min(synthetic_n, real_n / 2);
    f.distance.value = 0;
    for (int d = 0; d < kDraws; ++d) {
        Rows rows = some(real_n, real_n);
        const auto half = rows.begin() + n;
        f.floor += wasserstein_distance(of_real(Rows(rows.begin(), half)), of_real(Rows(half, half + n))) / kDraws;
        f.distance.value += wasserstein_distance(of_real(some(real_n, n)), of_synthetic(some(synthetic_n, n))) / kDraws;
    }
    f.distance.lower = f.distance.upper = f.distance.value;
    std::vector<double> replicates;
    for (int b = 0; b < bootstrap; ++b) {
        ctx.check_stop();
        const double distance = wasserstein_distance(of_real(real_groups.draw(n, random)), of_synthetic(synthetic_groups.draw(n, random)));
        if (std::isfinite(distance)) replicates.push_back(distance);
    }
    if (!replicates.empty()) {  // resampling adds its own bias; only the spread is used
        std::sort(replicates.begin(), replicates.end());
        const double centre = mean(replicates);
        f.distance.lower = std::max(0.0, f.distance.value + sorted_quantile(replicates, 0.025) - centre);
        f.distance.upper = f.distance.value + sorted_quantile(replicates, 0.975) - centre;
    }
    return f;
}

}  // namespace

double wasserstein_distance(std::vector<double> a, std::vector<double> b) {
    if (a.empty() || b.empty()) return std::numeric_limits<double>::quiet_NaN();
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
                                const TileGroups& groups, int bootstrap) {
    if (!(mpp > 0) || !std::isfinite(mpp))
        throw Error(ErrorCode::BadInput, "nuclei cannot be measured without the µm per pixel of the tiles");
    if (real.count() < 2 || synthetic.count() < 1)
        throw Error(ErrorCode::BadInput, "a comparison of composition needs 2 real and 1 synthetic tile at least");
    if (real.size != synthetic.size) throw Error(ErrorCode::Mismatch, "real and synthetic tiles differ in size");
    const Nuclei of_real = nuclei_of(real, mpp, ctx), of_synthetic = nuclei_of(synthetic, mpp, ctx);
    const double tile_mm2 = std::pow(real.size * mpp / 1000, 2);
    const GroupedRows real_groups(groups.real, static_cast<std::int64_t>(real.count())), synthetic_groups(groups.synthetic, static_cast<std::int64_t>(synthetic.count()));
    const auto figure = [&](Statistic what) { return compare(of_real, of_synthetic, what, tile_mm2, real_groups, synthetic_groups, seed, bootstrap, ctx); };
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
