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

// Points by square cells that hold about two each. The plane is clamped to where most points lie, so that a few far away do not put all
// others into one cell; clamping never lengthens a distance, hence cells that are too far away stay so.
class NeighbourGrid {
public:
    NeighbourGrid(const std::vector<double>& x, const std::vector<double>& y) : x_(x), y_(y) {
        const auto [x0, x1] = bulk(x);
        const auto [y0, y1] = bulk(y);
        constexpr double kPerCell = 2;
        const double n = static_cast<double>(x.size()), width = x1 - x0, height = y1 - y0;
        side_ = std::max(std::sqrt(width * height * kPerCell / n), std::max(width, height) * kPerCell / n);
        if (!(side_ > 0)) side_ = 1;
        x0_ = x0;
        y0_ = y0;
        if (std::isfinite(width) && std::isfinite(height) && std::isfinite(side_)) {  // else positions that no slide has, all in one cell
            across_ = 1 + static_cast<std::int64_t>(width / side_);
            down_ = 1 + static_cast<std::int64_t>(height / side_);
        }
        first_.assign(static_cast<std::size_t>(across_ * down_) + 1, 0);
        for (std::size_t i = 0; i < x.size(); ++i) ++first_[cell(i) + 1];
        std::partial_sum(first_.begin(), first_.end(), first_.begin());
        std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
        points_.resize(x.size());
        for (std::size_t i = 0; i < x.size(); ++i) points_[next[cell(i)]++] = i;
    }

    // The squared distance from point i to the nearest other one, in rings of cells around it.
    double nearest_squared(std::size_t i) const {
        const std::int64_t column = along(x_[i], x0_, across_), row = along(y_[i], y0_, down_);
        double best = std::numeric_limits<double>::infinity();
        for (std::int64_t ring = 0; ring <= std::max(across_, down_); ++ring) {
            const double least = static_cast<double>(ring - 1) * side_;  // to any point of this ring
            if (best == 0 || (ring > 0 && best <= least * least)) break;
            for (std::int64_t r = std::max<std::int64_t>(row - ring, 0); r <= std::min(row + ring, down_ - 1); ++r) {
                const bool edge = r == row - ring || r == row + ring;
                for (std::int64_t c = column - ring; c <= column + ring; c += edge || ring == 0 ? 1 : 2 * ring)
                    if (c >= 0 && c < across_) look(i, static_cast<std::size_t>(r * across_ + c), best);
            }
        }
        return best;
    }

private:
    // From the 2nd to the 98th of a hundred, of a sample.
    static std::pair<double, double> bulk(const std::vector<double>& values) {
        constexpr std::size_t kMost = 4096;
        const std::size_t n = std::min(values.size(), kMost);
        std::vector<double> sample;
        for (std::size_t k = 0; k < n; ++k) sample.push_back(values[k * values.size() / n]);
        std::sort(sample.begin(), sample.end());
        return {sample[n / 50], sample[n - 1 - n / 50]};
    }
    std::int64_t along(double at, double from, std::int64_t cells) const {
        const double cell = (at - from) / side_;
        return cell > 0 ? static_cast<std::int64_t>(std::min(cell, static_cast<double>(cells - 1))) : 0;
    }
    std::size_t cell(std::size_t i) const { return static_cast<std::size_t>(along(y_[i], y0_, down_) * across_ + along(x_[i], x0_, across_)); }
    void look(std::size_t i, std::size_t cell, double& best) const {
        for (std::size_t k = first_[cell]; k < first_[cell + 1]; ++k)
            if (const std::size_t j = points_[k]; j != i) {
                const double dx = x_[j] - x_[i], dy = y_[j] - y_[i];
                best = std::min(best, dx * dx + dy * dy);
            }
    }

    const std::vector<double>&x_, &y_;
    double x0_ = 0, y0_ = 0, side_ = 1;
    std::int64_t across_ = 1, down_ = 1;
    std::vector<std::size_t> first_, points_;
};

}  // namespace

double SpotTable::pitch_px() const {
    constexpr std::size_t kMostAsked = 4096;  // a median of so many spots, evenly drawn, is that of all for every real array
    const std::size_t n = size();
    if (n < 2) return 0;
    const NeighbourGrid grid(x, y);
    const std::size_t asked = std::min(n, kMostAsked);
    std::vector<double> nearest;
    for (std::size_t k = 0; k < asked; ++k) nearest.push_back(grid.nearest_squared(k * n / asked));
    std::nth_element(nearest.begin(), nearest.begin() + static_cast<std::ptrdiff_t>(asked / 2), nearest.end());
    return std::sqrt(nearest[asked / 2]);
}

const char* to_string(ExpressionUnit unit) {
    switch (unit) {
        case ExpressionUnit::Counts: return "counts";
        case ExpressionUnit::Log1p: return "log1p";
        case ExpressionUnit::Other: return "other";
        case ExpressionUnit::AsGiven: return "as given";
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
    std::int64_t total = 0;
    for (const std::int64_t row : wanted) {
        if (row < 0 || row >= rows()) throw Error(ErrorCode::Internal, "row " + std::to_string(row) + " is outside the expression matrix");
        total += indptr[static_cast<std::size_t>(row) + 1] - indptr[static_cast<std::size_t>(row)];
    }
    out.indices.reserve(static_cast<std::size_t>(total));
    out.values.reserve(static_cast<std::size_t>(total));
    for (const std::int64_t row : wanted) {
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
