#include "pipeline/companions.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace c2l {
namespace {

constexpr double kRidge = 1e-3;  // two turned genes may be nearly one

// Solves a·x = b, a symmetric and positive definite, by Gaussian elimination; a few rows.
std::vector<double> solve(std::vector<std::vector<double>> a, std::vector<double> b) {
    const std::size_t n = b.size();
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = i + 1; j < n; ++j) {
            const double f = a[j][i] / a[i][i];
            for (std::size_t k = i; k < n; ++k) a[j][k] -= f * a[i][k];
            b[j] -= f * b[i];
        }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[i][k] * b[k];
        b[i] /= a[i][i];
    }
    return b;
}

// Below it n spots cannot tell a correlation from none (Fisher's z).
double least_correlation(std::int64_t n) {
    constexpr double kStandardErrors = 3.5;
    return n > 3 ? std::tanh(kStandardErrors / std::sqrt(static_cast<double>(n - 3))) : 1;
}

}  // namespace

void turn_alone(float* profile, const std::vector<DialSetting>& dial) {
    for (const DialSetting& setting : dial) profile[setting.column] = setting.sd;
}

std::vector<float> lowest_of(const GenePanel& panel) {
    std::vector<float> lowest(panel.mean.size());
    for (std::size_t g = 0; g < lowest.size(); ++g) lowest[g] = panel.sd[g] > 0 ? -panel.mean[g] / panel.sd[g] : 0.f;
    return lowest;
}

Companions::Companions(Matrix train, std::vector<float> lowest) : train_(std::move(train)), lowest_(std::move(lowest)) {
    for (std::int64_t g = 0; g < train_.cols; ++g) {
        double mean = 0, length2 = 0;
        for (std::int64_t i = 0; i < train_.rows; ++i) mean += train_.at(i, g) / static_cast<double>(train_.rows);
        for (std::int64_t i = 0; i < train_.rows; ++i) length2 += (train_.at(i, g) - mean) * (train_.at(i, g) - mean);
        const double scale = length2 > 1e-9 ? 1 / std::sqrt(length2) : 0;
        for (std::int64_t i = 0; i < train_.rows; ++i) train_.at(i, g) = static_cast<float>((train_.at(i, g) - mean) * scale);
    }
}

std::vector<double> Companions::correlations(std::int64_t gene) const {
    std::vector<double> r(static_cast<std::size_t>(train_.cols));
    for (std::int64_t i = 0; i < train_.rows; ++i) {
        const float* row = train_.row(i);
        for (std::int64_t g = 0; g < train_.cols; ++g) r[static_cast<std::size_t>(g)] += static_cast<double>(row[gene]) * row[g];
    }
    return r;
}

std::int64_t Companions::turn(float* profile, const std::vector<DialSetting>& dial) const {
    std::map<std::int64_t, double> moves;  // of each turned gene; the last setting counts
    for (const DialSetting& setting : dial) moves[setting.column] = setting.sd - profile[setting.column];
    std::vector<std::int64_t> turned;
    std::vector<double> by;
    std::vector<std::vector<double>> with;
    for (const auto& [gene, move] : moves) {
        turned.push_back(gene);
        by.push_back(move);
        with.push_back(correlations(gene));
    }
    std::vector<std::vector<double>> among(turned.size(), std::vector<double>(turned.size()));
    for (std::size_t i = 0; i < turned.size(); ++i)
        for (std::size_t j = 0; j < turned.size(); ++j) among[i][j] = i == j ? 1 + kRidge : with[i][static_cast<std::size_t>(turned[j])];
    const std::vector<double> pull = solve(among, by);
    const double least = least_correlation(train_.rows);
    std::int64_t moved = 0;
    for (std::int64_t g = 0; g < train_.cols; ++g) {
        if (moves.count(g)) continue;
        double by_them = 0;
        for (std::size_t i = 0; i < turned.size(); ++i)
            if (const double r = with[i][static_cast<std::size_t>(g)]; std::abs(r) >= least) by_them += r * pull[i];
        if (by_them == 0) continue;
        const float least_value = lowest_.empty() ? -INFINITY : std::min(lowest_[static_cast<std::size_t>(g)], profile[g]);
        profile[g] = std::max(profile[g] + static_cast<float>(by_them), least_value);
        ++moved;
    }
    turn_alone(profile, dial);
    return moved;
}

}  // namespace c2l
