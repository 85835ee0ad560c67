#include "predict/metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "predict/predict.h"

namespace c2l {
namespace {

using Rows = std::vector<std::int64_t>;

void check_same(const Matrix& a, const Matrix& b) {
    if (a.rows != b.rows || a.cols != b.cols)
        throw Error(ErrorCode::Internal, "truth is " + std::to_string(a.rows) + " × " + std::to_string(a.cols) + " and prediction " +
                                             std::to_string(b.rows) + " × " + std::to_string(b.cols));
}

// Pearson r of one gene over the given rows; 0 when either side is constant.
double column_pearson(const Matrix& a, const Matrix& b, std::int64_t gene, const Rows& rows) {
    double ma = 0, mb = 0;
    for (const auto r : rows) ma += a.at(r, gene), mb += b.at(r, gene);
    ma /= static_cast<double>(rows.size()), mb /= static_cast<double>(rows.size());
    double aa = 0, bb = 0, ab = 0;
    for (const auto r : rows) {
        const double da = a.at(r, gene) - ma, db = b.at(r, gene) - mb;
        aa += da * da, bb += db * db, ab += da * db;
    }
    const auto n = static_cast<double>(rows.size());
    const double tiny_a = 1e-12 * (ma * ma + 1) * n, tiny_b = 1e-12 * (mb * mb + 1) * n;  // what rounding leaves of a constant
    return aa > tiny_a && bb > tiny_b ? ab / std::sqrt(aa * bb) : 0;
}

std::vector<double> per_gene(const Matrix& truth, const Matrix& predicted, const Rows& rows) {
    std::vector<double> r(static_cast<std::size_t>(truth.cols));
    for (std::int64_t g = 0; g < truth.cols; ++g) r[static_cast<std::size_t>(g)] = column_pearson(truth, predicted, g, rows);
    return r;
}

double mean(const std::vector<double>& v) {
    return v.empty() ? 0 : std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

double quantile(std::vector<double> v, double q) {
    if (v.empty()) return 0;
    std::sort(v.begin(), v.end());
    const double at = q * static_cast<double>(v.size() - 1);
    const auto i = static_cast<std::size_t>(at);
    return i + 1 < v.size() ? v[i] + (at - static_cast<double>(i)) * (v[i + 1] - v[i]) : v[i];
}

// `figure` of all rows, with the percentile interval of its mean over resampled spots.
Correlation with_interval(std::int64_t rows, std::uint64_t seed, const Resampling& resampling, const std::function<std::vector<double>(const Rows&)>& figure) {
    Rows all(static_cast<std::size_t>(rows));
    std::iota(all.begin(), all.end(), std::int64_t{0});
    Correlation c;
    if (rows < 2) return c;
    c.per_gene = figure(all);
    c.mean = mean(c.per_gene);
    c.median = quantile(c.per_gene, 0.5);
    Random random(derive_seed(seed, "bootstrap over spots"));
    const GroupedRows groups(resampling.groups, rows);
    std::vector<double> means;
    JobContext ctx;
    ctx.stop = resampling.stop;
    for (int b = 0; b < resampling.replicates; ++b) {
        ctx.check_stop();
        means.push_back(mean(figure(groups.draw(rows, random))));
    }
    c.lower = means.empty() ? c.mean : quantile(means, 0.025);
    c.upper = means.empty() ? c.mean : quantile(means, 0.975);
    return c;
}

// What is left of every column once log depth is regressed out over the given rows, one matrix row per drawn row.
Matrix without_depth(const Matrix& m, const std::vector<double>& log_depth, const Rows& rows) {
    const auto n = static_cast<double>(rows.size());
    double md = 0, dd = 0;
    for (const auto r : rows) md += log_depth[static_cast<std::size_t>(r)];
    md /= n;
    for (const auto r : rows) dd += std::pow(log_depth[static_cast<std::size_t>(r)] - md, 2);
    Matrix out(static_cast<std::int64_t>(rows.size()), m.cols);
    for (std::int64_t g = 0; g < m.cols; ++g) {
        double mg = 0, dg = 0;
        for (const auto r : rows) mg += m.at(r, g);
        mg /= n;
        for (const auto r : rows) dg += (log_depth[static_cast<std::size_t>(r)] - md) * (m.at(r, g) - mg);
        const double slope = dd > 1e-12 * n ? dg / dd : 0;
        double before = 0, after = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const double centred = m.at(rows[i], g) - mg, left = centred - slope * (log_depth[static_cast<std::size_t>(rows[i])] - md);
            before += centred * centred, after += left * left;
            out.at(static_cast<std::int64_t>(i), g) = static_cast<float>(left);
        }
        if (after <= 1e-9 * before)  // nothing but depth: only rounding is left
            for (std::int64_t i = 0; i < out.rows; ++i) out.at(i, g) = 0;
    }
    return out;
}

// The k nearest other points of each, nearest first.
std::vector<std::vector<std::size_t>> nearest_neighbours(const std::vector<double>& x, const std::vector<double>& y, int k) {
    const std::size_t n = x.size();
    if (y.size() != n)
        throw Error(ErrorCode::Internal, "the points have " + std::to_string(n) + " x but " + std::to_string(y.size()) + " y");
    if (k < 1 || n < 3) return {};
    const auto count = std::min(static_cast<std::size_t>(k), n - 1);
    std::vector<std::vector<std::size_t>> neighbours(n);
    std::vector<std::pair<double, std::size_t>> by_distance(n);
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) by_distance[j] = {j == i ? -1 : std::pow(x[i] - x[j], 2) + std::pow(y[i] - y[j], 2), j};
        std::partial_sort(by_distance.begin(), by_distance.begin() + static_cast<std::ptrdiff_t>(count + 1), by_distance.end());
        for (std::size_t j = 1; j <= count; ++j) neighbours[i].push_back(by_distance[j].second);
    }
    return neighbours;
}

double morans_i(const std::vector<float>& values, const std::vector<std::vector<std::size_t>>& neighbours) {
    if (neighbours.empty()) return 0;
    const std::size_t n = values.size(), k = neighbours.front().size();
    const double m = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(n);
    double variance = 0, cross = 0;
    for (std::size_t i = 0; i < n; ++i) {
        variance += (values[i] - m) * (values[i] - m);
        for (const auto j : neighbours[i]) cross += (values[i] - m) * (values[j] - m);
    }
    return variance > 1e-12 * static_cast<double>(n) ? cross / (static_cast<double>(k) * variance) : 0;
}

}  // namespace

Correlation pearson(const Matrix& truth, const Matrix& predicted, std::uint64_t seed, const Resampling& resampling) {
    check_same(truth, predicted);
    return with_interval(truth.rows, seed, resampling, [&](const Rows& rows) { return per_gene(truth, predicted, rows); });
}

Correlation pearson_depth_partial(const Matrix& truth, const Matrix& predicted, const std::vector<float>& depth, std::uint64_t seed, const Resampling& resampling) {
    check_same(truth, predicted);
    if (static_cast<std::int64_t>(depth.size()) != truth.rows)
        throw Error(ErrorCode::Internal, std::to_string(truth.rows) + " spots have " + std::to_string(depth.size()) + " depths");
    std::vector<double> log_depth;
    for (const float d : depth) log_depth.push_back(std::log(std::max(d, 1.f)));
    return with_interval(truth.rows, seed, resampling, [&](const Rows& rows) {
        Rows all(rows.size());
        std::iota(all.begin(), all.end(), std::int64_t{0});
        return per_gene(without_depth(truth, log_depth, rows), without_depth(predicted, log_depth, rows), all);
    });
}

Correlation pearson_delta(const Matrix& truth, const Matrix& with, const Matrix& without, std::uint64_t seed, const Resampling& resampling) {
    check_same(truth, with);
    check_same(truth, without);
    return with_interval(truth.rows, seed, resampling, [&](const Rows& rows) {
        auto r = per_gene(truth, with, rows);
        const auto base = per_gene(truth, without, rows);
        for (std::size_t g = 0; g < r.size(); ++g) r[g] -= base[g];
        return r;
    });
}

double pooled_pearson(const Matrix& truth, const Matrix& predicted) {
    check_same(truth, predicted);
    Matrix a(truth.rows * truth.cols, 1), b(truth.rows * truth.cols, 1);
    for (std::int64_t g = 0; g < truth.cols; ++g) {
        double m = 0;
        for (std::int64_t r = 0; r < truth.rows; ++r) m += truth.at(r, g) / static_cast<double>(truth.rows);
        for (std::int64_t r = 0; r < truth.rows; ++r) {
            a.values[static_cast<std::size_t>(r * truth.cols + g)] = static_cast<float>(truth.at(r, g) - m);
            b.values[static_cast<std::size_t>(r * truth.cols + g)] = static_cast<float>(predicted.at(r, g) - m);
        }
    }
    Rows all(a.values.size());
    std::iota(all.begin(), all.end(), std::int64_t{0});
    return all.size() < 2 ? 0 : column_pearson(a, b, 0, all);
}

double rmse(const Matrix& truth, const Matrix& predicted) {
    check_same(truth, predicted);
    double sum = 0;
    for (std::size_t i = 0; i < truth.values.size(); ++i) sum += std::pow(double{truth.values[i]} - predicted.values[i], 2);
    return truth.values.empty() ? 0 : std::sqrt(sum / static_cast<double>(truth.values.size()));
}

double morans_i(const std::vector<float>& values, const std::vector<double>& x, const std::vector<double>& y, int k) {
    if (x.size() != values.size()) throw Error(ErrorCode::Internal, "values and positions differ in number");
    return morans_i(values, nearest_neighbours(x, y, k));
}

double morans_i_difference(const Matrix& truth, const Matrix& predicted, const std::vector<double>& x, const std::vector<double>& y,
                           int k) {
    check_same(truth, predicted);
    if (static_cast<std::int64_t>(x.size()) != truth.rows) throw Error(ErrorCode::Internal, "values and positions differ in number");
    const auto neighbours = nearest_neighbours(x, y, k);
    const auto column = [](const Matrix& m, std::int64_t g) {
        std::vector<float> v;
        for (std::int64_t r = 0; r < m.rows; ++r) v.push_back(m.at(r, g));
        return v;
    };
    double sum = 0;
    for (std::int64_t g = 0; g < truth.cols; ++g)
        sum += std::abs(morans_i(column(truth, g), neighbours) - morans_i(column(predicted, g), neighbours));
    return truth.cols == 0 ? 0 : sum / static_cast<double>(truth.cols);
}

// On a hexagonal lattice six points are at one pitch, on a square one four.
int lattice_neighbours(const std::vector<double>& x, const std::vector<double>& y) {
    constexpr int kFirstRing = 6;
    std::vector<double> ratio;
    for (const auto& neighbours : nearest_neighbours(x, y, kFirstRing)) {
        const std::size_t i = ratio.size();
        if (neighbours.size() < kFirstRing) return 8;
        const auto away = [&](std::size_t j) { return std::hypot(x[i] - x[neighbours[j]], y[i] - y[neighbours[j]]); };
        ratio.push_back(away(kFirstRing - 1) / away(0));
    }
    return !ratio.empty() && quantile(ratio, 0.5) < 1.2 ? 6 : 8;
}

double interval_coverage(const Matrix& truth, const Matrix& lower, const Matrix& upper) {
    check_same(truth, lower);
    check_same(truth, upper);
    std::size_t inside = 0;
    for (std::size_t i = 0; i < truth.values.size(); ++i)
        inside += truth.values[i] >= lower.values[i] && truth.values[i] <= upper.values[i];
    return truth.values.empty() ? 0 : static_cast<double>(inside) / static_cast<double>(truth.values.size());
}

}  // namespace c2l
