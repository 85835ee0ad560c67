#include "pipeline/profile_range.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "generate/generate.h"

namespace c2l {
namespace {

constexpr double kPercentile = 0.99;
constexpr double kSmallest = 1e-9;

double percentile(std::vector<double> values) {
    const auto rank = static_cast<std::size_t>(std::ceil(kPercentile * static_cast<double>(values.size())));
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::nth_element(values.begin(), nth, values.end());
    return std::max(*nth, kSmallest);
}

std::vector<double> scores_of(const Matrix& components, const float* profile) {
    std::vector<double> scores(static_cast<std::size_t>(components.cols));
    for (std::int64_t g = 0; g < components.rows; ++g)
        for (std::int64_t k = 0; k < components.cols; ++k) scores[static_cast<std::size_t>(k)] += static_cast<double>(profile[g]) * components.at(g, k);
    return scores;
}

}  // namespace

ProfileRange::ProfileRange(const std::filesystem::path& adapter, const Matrix& train) : components_(adapter_components(adapter)) {
    if (train.rows < 1 || components_.rows != train.cols) throw Error(ErrorCode::Mismatch, "the profiles do not fit the adapter", adapter);
    const auto k = static_cast<std::size_t>(components_.cols);
    length2_.assign(k, kSmallest);
    variance_.assign(k, kSmallest);
    for (std::int64_t g = 0; g < components_.rows; ++g)
        for (std::size_t c = 0; c < k; ++c) length2_[c] += std::pow(components_.at(g, static_cast<std::int64_t>(c)), 2);
    lowest_.assign(static_cast<std::size_t>(train.cols), INFINITY);
    highest_.assign(static_cast<std::size_t>(train.cols), -INFINITY);
    for (std::int64_t r = 0; r < train.rows; ++r) {
        const auto scores = scores_of(components_, train.row(r));
        for (std::size_t c = 0; c < k; ++c) variance_[c] += scores[c] * scores[c] / static_cast<double>(train.rows);
        for (std::size_t g = 0; g < lowest_.size(); ++g) {
            lowest_[g] = std::min(lowest_[g], train.row(r)[g]);
            highest_[g] = std::max(highest_[g], train.row(r)[g]);
        }
    }
    std::vector<double> along, off;
    for (std::int64_t r = 0; r < train.rows; ++r) {
        const Place d = distances(train.row(r));
        along.push_back(d.along);
        off.push_back(d.off);
    }
    limit_ = {percentile(along), percentile(off)};
}

ProfileRange::Place ProfileRange::distances(const float* profile) const {
    const auto scores = scores_of(components_, profile);
    Place d;
    for (std::int64_t g = 0; g < components_.rows; ++g) d.off += static_cast<double>(profile[g]) * profile[g];
    for (std::size_t c = 0; c < scores.size(); ++c) {
        d.along += scores[c] * scores[c] / variance_[c];
        d.off -= scores[c] * scores[c] / length2_[c];
    }
    d.off = std::max(d.off, 0.0);
    return d;
}

ProfileRange::Place ProfileRange::place(const float* standardised) const {
    const Place d = distances(standardised);
    return {d.along / limit_.along, d.off / limit_.off};
}

}  // namespace c2l
