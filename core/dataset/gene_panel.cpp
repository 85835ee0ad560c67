#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "dataset/tiles.h"

namespace c2l {
namespace {

float in_unit(float count, float depth, TargetUnit unit) {
    if (unit == TargetUnit::AsGiven) return count;
    if (unit == TargetUnit::Log1pCounts) return std::log1p(count);
    return depth > 0 ? std::log1p(count * 1e4f / depth) : 0.f;
}

struct GeneMoments {
    std::vector<double> mean, variance;  // of the values in `unit`, zeros included
    std::vector<std::int64_t> seen;      // spots with a count
};

GeneMoments moments(const PairedTiles& p, const std::vector<std::int64_t>& rows, TargetUnit unit) {
    const auto genes = static_cast<std::size_t>(p.expression.cols());
    GeneMoments m{std::vector<double>(genes), std::vector<double>(genes), std::vector<std::int64_t>(genes)};
    for (const auto row : rows) {
        const auto r = static_cast<std::size_t>(row);
        for (auto i = p.expression.indptr[r]; i < p.expression.indptr[r + 1]; ++i) {
            const auto g = static_cast<std::size_t>(p.expression.indices[static_cast<std::size_t>(i)]);
            const double v = in_unit(p.expression.values[static_cast<std::size_t>(i)], p.depth[r], unit);
            m.mean[g] += v;
            m.variance[g] += v * v;
            m.seen[g] += v > 0;
        }
    }
    const auto n = static_cast<double>(rows.size());
    for (std::size_t g = 0; g < genes; ++g) {
        m.mean[g] /= n;
        m.variance[g] = std::max(0.0, m.variance[g] / n - m.mean[g] * m.mean[g]);
    }
    return m;
}

// Technical part of the variance: its running median over genes ordered by mean. What a gene has above it is biology
// (the decomposition of Lun et al. 2016, F1000Research 5:2122, with a median in place of their parametric curve).
std::vector<double> variance_trend(const GeneMoments& m, const std::vector<std::size_t>& by_mean) {
    constexpr std::size_t kHalfWindow = 50;
    std::vector<double> trend(by_mean.size()), window;
    for (std::size_t i = 0; i < by_mean.size(); ++i) {
        const std::size_t half = std::min({kHalfWindow, i, by_mean.size() - 1 - i});  // symmetric, so that the ends have no lag
        const std::size_t low = half < 10 ? (i < 10 ? 0 : i - 10) : i - half;
        const std::size_t high = half < 10 ? std::min(by_mean.size(), i + 11) : i + half + 1;
        window.clear();
        for (std::size_t j = low; j < high; ++j) window.push_back(m.variance[by_mean[j]]);
        const auto middle = window.begin() + static_cast<std::ptrdiff_t>(window.size() / 2);
        std::nth_element(window.begin(), middle, window.end());
        trend[i] = *middle;
    }
    return trend;
}

GenePanel fitted(const TrainTiles& train, std::vector<std::string> genes, TargetUnit unit) {
    GenePanel panel;
    panel.genes = std::move(genes);
    panel.unit = unit;
    const Matrix v = panel.values(train.pairs(), train.rows());
    for (std::int64_t c = 0; c < v.cols; ++c) {
        double sum = 0, squares = 0;
        for (std::int64_t r = 0; r < v.rows; ++r) sum += v.at(r, c);
        const double mean = sum / static_cast<double>(v.rows);
        for (std::int64_t r = 0; r < v.rows; ++r) squares += (v.at(r, c) - mean) * (v.at(r, c) - mean);
        panel.mean.push_back(static_cast<float>(mean));
        panel.sd.push_back(static_cast<float>(std::sqrt(squares / static_cast<double>(v.rows))));
    }
    return panel;
}

void check(const TrainTiles& train) {
    const PairedTiles& p = train.pairs();
    if (train.size() == 0) throw Error(ErrorCode::BadInput, "genes cannot be chosen without training spots");
    if (p.expression.unit != ExpressionUnit::Counts && p.expression.unit != ExpressionUnit::AsGiven)
        throw Error(ErrorCode::Unsupported, "genes are chosen on raw counts, and this expression is " + std::string(to_string(p.expression.unit)));
    if (p.depth.size() != p.size() || p.expression.rows() != static_cast<std::int64_t>(p.size()))
        throw Error(ErrorCode::Internal, "the spots and their expression differ in number");
}

// Log1p of what is no count would mean nothing.
TargetUnit unit_for(const PairedTiles& p, TargetUnit asked) { return p.expression.unit == ExpressionUnit::AsGiven ? TargetUnit::AsGiven : asked; }

}  // namespace

const char* to_string(TargetUnit unit) { return unit == TargetUnit::Log1pCounts ? "log1p_counts" : unit == TargetUnit::AsGiven ? "as_given" : "log1p_cp10k"; }

std::optional<TargetUnit> target_unit(const std::string& name) {
    for (const auto unit : {TargetUnit::Log1pCounts, TargetUnit::Log1pCp10k, TargetUnit::AsGiven})
        if (name == to_string(unit)) return unit;
    return std::nullopt;
}

GenePanel GenePanel::choose(const TrainTiles& train, int n, TargetUnit unit, double min_fraction) {
    check(train);
    if (n < 1) throw Error(ErrorCode::BadInput, "a gene panel needs at least one gene");
    const PairedTiles& p = train.pairs();
    unit = unit_for(p, unit);
    const bool as_given = unit == TargetUnit::AsGiven;
    if (as_given) min_fraction = 0;
    const GeneMoments m = moments(p, train.rows(), as_given ? unit : TargetUnit::Log1pCp10k);
    std::vector<std::size_t> candidates;
    for (std::size_t g = 0; g < m.mean.size(); ++g)
        if (m.seen[g] > 0 && static_cast<double>(m.seen[g]) >= min_fraction * static_cast<double>(train.size())) candidates.push_back(g);
    const auto& names = p.expression.genes;
    // Names break every tie, so that the choice does not depend on the order of the columns.
    std::sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
        return m.mean[a] != m.mean[b] ? m.mean[a] < m.mean[b] : names[a] < names[b];
    });
    if (candidates.empty())
        throw Error(ErrorCode::BadInput, "no gene is seen in " + std::to_string(std::lround(min_fraction * 100)) + " % of the " +
                                             std::to_string(train.size()) + " training spots; use spots with more counts");
    const auto trend = as_given ? std::vector<double>(candidates.size()) : variance_trend(m, candidates);
    const auto excess = [&](std::size_t i) {
        const double mean = m.mean[candidates[i]], variance = m.variance[candidates[i]];
        return as_given ? variance / (mean * mean) : variance - trend[i];
    };
    std::vector<std::size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const double ea = excess(a), eb = excess(b);
        return ea != eb ? ea > eb : names[candidates[a]] < names[candidates[b]];
    });
    order.resize(std::min(order.size(), static_cast<std::size_t>(n)));
    std::vector<std::string> genes;
    for (const auto i : order) genes.push_back(names[candidates[i]]);
    return fitted(train, std::move(genes), unit);
}

GenePanel GenePanel::from_list(const TrainTiles& train, const std::vector<std::string>& wanted, TargetUnit unit) {
    check(train);
    const auto& expression = train.pairs().expression;
    std::unordered_map<std::string, std::int64_t> exact;
    for (std::int64_t g = 0; g < expression.cols(); ++g) exact.emplace(expression.genes[static_cast<std::size_t>(g)], g);
    std::vector<std::string> genes, missing;
    std::unordered_set<std::int64_t> already;
    for (const auto& name : wanted) {
        const auto found = exact.find(name);
        const std::int64_t g = found != exact.end() ? found->second : expression.find_gene(name);
        if (g < 0) missing.push_back(name);
        else if (already.insert(g).second) genes.push_back(expression.genes[static_cast<std::size_t>(g)]);
    }
    if (!missing.empty())
        throw Error(ErrorCode::NotFound, std::to_string(missing.size()) + " of " + std::to_string(wanted.size()) +
                                             " listed genes are not in the data, the first is '" + missing.front() + "'; correct or remove them");
    if (genes.empty()) throw Error(ErrorCode::BadInput, "the gene list is empty; name at least one gene");
    return fitted(train, std::move(genes), unit_for(train.pairs(), unit));
}

Matrix GenePanel::values(const PairedTiles& p, const std::vector<std::int64_t>& rows) const {
    std::unordered_map<std::string, std::int64_t> place;
    for (std::size_t g = 0; g < genes.size(); ++g) place.emplace(genes[g], static_cast<std::int64_t>(g));
    std::vector<std::int64_t> column(static_cast<std::size_t>(p.expression.cols()), -1);
    for (std::size_t g = 0; g < column.size(); ++g)
        if (const auto found = place.find(p.expression.genes[g]); found != place.end()) column[g] = found->second;

    Matrix out(static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(genes.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto r = static_cast<std::size_t>(rows[i]);
        if (rows[i] < 0 || r >= p.size()) throw Error(ErrorCode::Internal, "row " + std::to_string(rows[i]) + " is outside the paired spots");
        for (auto j = p.expression.indptr[r]; j < p.expression.indptr[r + 1]; ++j) {
            const auto at = static_cast<std::size_t>(j);
            const auto c = column[static_cast<std::size_t>(p.expression.indices[at])];
            if (c >= 0) out.at(static_cast<std::int64_t>(i), c) = in_unit(p.expression.values[at], p.depth[r], unit);
        }
    }
    return out;
}

Matrix GenePanel::standardised(const PairedTiles& p, const std::vector<std::int64_t>& rows) const {
    Matrix out = values(p, rows);
    standardise(out);
    return out;
}

void GenePanel::standardise(Matrix& v) const {
    if (v.cols != static_cast<std::int64_t>(mean.size()) || mean.size() != sd.size())
        throw Error(ErrorCode::Mismatch, "the values have " + std::to_string(v.cols) + " genes, the panel has " + std::to_string(mean.size()));
    constexpr float kConstant = 1e-6f;  // a gene without spread in training says nothing
    for (std::int64_t r = 0; r < v.rows; ++r)
        for (std::int64_t c = 0; c < v.cols; ++c) {
            const auto g = static_cast<std::size_t>(c);
            v.at(r, c) = sd[g] > kConstant ? (v.at(r, c) - mean[g]) / sd[g] : 0.f;
        }
}

}  // namespace c2l
