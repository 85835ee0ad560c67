#include "quality/resample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace c2l {

double sorted_quantile(const std::vector<double>& v, double q) {
    const double at = q * static_cast<double>(v.size() - 1);
    const auto i = static_cast<std::size_t>(at);
    return i + 1 < v.size() ? v[i] + (at - static_cast<double>(i)) * (v[i + 1] - v[i]) : v[i];
}

Rows all_rows(std::int64_t n) {
    Rows rows(static_cast<std::size_t>(n));
    std::iota(rows.begin(), rows.end(), std::int64_t{0});
    return rows;
}

Interval bootstrap_spots(std::int64_t spots, const FollowInputs& in, const JobContext& ctx, const PairedFigure& figure) {
    const GroupedRows groups(in.held_out_group, spots);
    Rows rows = all_rows(spots);
    Interval out;
    out.value = out.lower = out.upper = figure(rows, rows);
    Random random(derive_seed(in.seed, "bootstrap over spots"));
    std::vector<double> values;
    for (int b = 0; b < in.bootstrap; ++b) {
        ctx.check_stop();
        rows = groups.draw(spots, random);
        values.push_back(figure(rows, rows));
    }
    if (values.empty()) return out;
    std::sort(values.begin(), values.end());
    out.lower = std::min(out.value, sorted_quantile(values, 0.025));
    out.upper = std::max(out.value, sorted_quantile(values, 0.975));
    return out;
}

AgainstChance against_chance(std::int64_t spots, const FollowInputs& in, const JobContext& ctx, bool lower_is_better, const PairedFigure& figure) {
    AgainstChance out;
    out.figure = bootstrap_spots(spots, in, ctx, figure);
    const Rows profiles = all_rows(spots);
    Rows tiles = profiles;
    Random random(derive_seed(in.seed, "shuffled profiles"));
    std::vector<double> values;
    int as_good = 0;
    const double rounding = 1e-12 * (1 + std::abs(out.figure.value));  // a shuffle that pairs the same may differ by it
    for (int s = 0; s < in.permutations; ++s) {
        ctx.check_stop();
        random.shuffle(tiles);
        values.push_back(figure(tiles, profiles));
        as_good += lower_is_better ? values.back() <= out.figure.value + rounding : values.back() >= out.figure.value - rounding;
    }
    out.p = static_cast<double>(as_good + 1) / static_cast<double>(in.permutations + 1);
    if (values.empty()) return out;
    out.chance.value = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    std::sort(values.begin(), values.end());
    out.chance.lower = sorted_quantile(values, 0.025);
    out.chance.upper = sorted_quantile(values, 0.975);
    return out;
}

}  // namespace c2l
