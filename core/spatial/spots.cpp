#include "spatial/spots.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace c2l {
namespace {

bool equal_ignoring_case(const std::string& a, const std::string& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char p, unsigned char q) { return std::tolower(p) == std::tolower(q); });
}

// The largest step of which every value of the row is a whole multiple, or 0. The smallest value is a whole multiple m of
// it; m is small where counts are raw, since almost every spot has genes seen once.
double common_step(const std::vector<double>& row) {
    constexpr int kLargestSmallestCount = 64;
    constexpr double kTolerance = 1e-3;
    const double smallest = *std::min_element(row.begin(), row.end());
    for (int m = 1; m <= kLargestSmallestCount; ++m) {
        const double step = smallest / m;
        // A float of log1p(v) carries a relative error in v of about 1e-7 (1 + log v); large counts get that allowance.
        if (std::all_of(row.begin(), row.end(), [&](double v) {
                const double count = v / step;
                return std::abs(count - std::round(count)) < std::max(kTolerance, 3e-6 * count) && count < 1e5;
            }))
            return step;
    }
    return 0;
}

}  // namespace

double SpotTable::pitch_px() const {
    const std::size_t n = size();
    if (n < 2) return 0;
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return x[a] != x[b] ? x[a] < x[b] : a < b; });
    std::vector<double> nearest(n, std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < n; ++i) {  // sorted by x, the scan ends once x alone is farther than the best
        const double xi = x[order[i]], yi = y[order[i]];
        const auto look = [&](std::size_t j) {
            const double dx = x[order[j]] - xi, dy = y[order[j]] - yi;
            nearest[i] = std::min(nearest[i], dx * dx + dy * dy);
            return dx * dx <= nearest[i];
        };
        for (std::size_t j = i + 1; j < n && look(j); ++j) {}
        for (std::size_t j = i; j-- > 0 && look(j);) {}
    }
    std::nth_element(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(n / 2), nearest.end());
    return std::sqrt(nearest[n / 2]);
}

const char* to_string(ExpressionUnit unit) {
    switch (unit) {
        case ExpressionUnit::Counts: return "counts";
        case ExpressionUnit::Log1p: return "log1p";
        case ExpressionUnit::Other: return "other";
    }
    return "other";
}

std::vector<float> ExpressionMatrix::row_sums() const {
    std::vector<float> sums(static_cast<std::size_t>(rows()));
    for (std::size_t r = 0; r < sums.size(); ++r) {
        double sum = 0;
        for (std::int64_t i = indptr[r]; i < indptr[r + 1]; ++i) sum += values[static_cast<std::size_t>(i)];
        sums[r] = static_cast<float>(sum);
    }
    return sums;
}

std::vector<float> ExpressionMatrix::column(std::int64_t gene) const {
    if (gene < 0 || gene >= cols()) throw Error(ErrorCode::NotFound, "there is no gene number " + std::to_string(gene));
    std::vector<float> dense(static_cast<std::size_t>(rows()));
    for (std::size_t r = 0; r < dense.size(); ++r) {
        const auto first = indices.begin() + indptr[r], last = indices.begin() + indptr[r + 1];
        const auto found = std::lower_bound(first, last, static_cast<std::int32_t>(gene));
        if (found != last && *found == gene) dense[r] = values[static_cast<std::size_t>(found - indices.begin())];
    }
    return dense;
}

std::int64_t ExpressionMatrix::find_gene(const std::string& name) const {
    auto found = std::find(genes.begin(), genes.end(), name);
    if (found == genes.end())
        found = std::find_if(genes.begin(), genes.end(), [&](const std::string& gene) { return equal_ignoring_case(gene, name); });
    return found == genes.end() ? -1 : found - genes.begin();
}

ExpressionMatrix ExpressionMatrix::select_rows(const std::vector<std::int64_t>& wanted) const {
    ExpressionMatrix out;
    out.genes = genes;
    out.unit = unit;
    out.indptr.reserve(wanted.size() + 1);
    for (const std::int64_t row : wanted) {
        if (row < 0 || row >= rows()) throw Error(ErrorCode::Internal, "row " + std::to_string(row) + " is outside the expression matrix");
        const auto first = indptr[static_cast<std::size_t>(row)], last = indptr[static_cast<std::size_t>(row) + 1];
        out.indices.insert(out.indices.end(), indices.begin() + first, indices.begin() + last);
        out.values.insert(out.values.end(), values.begin() + first, values.begin() + last);
        out.indptr.push_back(static_cast<std::int64_t>(out.indices.size()));
    }
    return out;
}

ExpressionMatrix ExpressionMatrix::from_dense(const Matrix& dense, std::vector<std::string> genes, ExpressionUnit unit) {
    if (dense.cols != static_cast<std::int64_t>(genes.size()))
        throw Error(ErrorCode::Mismatch, "the expression has " + std::to_string(dense.cols) + " columns for " + std::to_string(genes.size()) + " genes");
    ExpressionMatrix out;
    out.genes = std::move(genes);
    out.unit = unit;
    for (std::int64_t r = 0; r < dense.rows; ++r) {
        for (std::int64_t c = 0; c < dense.cols; ++c)
            if (const float v = dense.at(r, c); v != 0) {
                out.indices.push_back(static_cast<std::int32_t>(c));
                out.values.push_back(v);
            }
        out.indptr.push_back(static_cast<std::int64_t>(out.indices.size()));
    }
    return out;
}

std::optional<ExpressionMatrix> recover_counts(const ExpressionMatrix& log1p) {
    ExpressionMatrix out = log1p;
    out.unit = ExpressionUnit::Counts;
    std::vector<double> row;
    for (std::int64_t r = 0; r < log1p.rows(); ++r) {
        const auto first = static_cast<std::size_t>(log1p.indptr[static_cast<std::size_t>(r)]);
        const auto last = static_cast<std::size_t>(log1p.indptr[static_cast<std::size_t>(r) + 1]);
        if (first == last) continue;
        row.clear();
        for (std::size_t i = first; i < last; ++i) row.push_back(std::expm1(static_cast<double>(log1p.values[i])));
        if (!std::all_of(row.begin(), row.end(), [](double v) { return std::isfinite(v) && v > 0; })) return std::nullopt;
        const double step = common_step(row);
        if (step == 0) return std::nullopt;
        for (std::size_t i = first; i < last; ++i) out.values[i] = static_cast<float>(std::round(row[i - first] / step));
    }
    return out;
}

}  // namespace c2l
