// The true tile's rank among all held-out tiles.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cdist.h>
#include <c10/core/GradMode.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "quality/distances.h"
#include "quality/resample.h"

namespace c2l {
namespace {

// Rank (0 nearest) of each real tile, by column, from each generated one, by row; tiles equally far share their mean rank.
std::vector<double> ranks(const at::Tensor& generated, const at::Tensor& real) {
    constexpr std::int64_t kExact = 2;  // of cdist: no products of large numbers, so that identical features are 0 apart
    const auto distances = at::cdist(generated, real, 2.0, kExact).contiguous();
    const std::int64_t m = real.size(0);
    std::vector<double> out(static_cast<std::size_t>(m * m));
    for (std::int64_t i = 0; i < m; ++i) {
        const double* row = distances.data_ptr<double>() + i * m;
        std::vector<double> sorted(row, row + m);
        std::sort(sorted.begin(), sorted.end());
        for (std::int64_t j = 0; j < m; ++j) {
            const auto [first, last] = std::equal_range(sorted.begin(), sorted.end(), row[j]);
            out[static_cast<std::size_t>(i * m + j)] = static_cast<double>((first - sorted.begin()) + (last - sorted.begin()) - 1) / 2;
        }
    }
    return out;
}

}  // namespace

Retrieval retrieval(const FollowInputs& in, const JobContext& ctx) {
    c10::NoGradGuard no_grad;
    const FeatureScale scaled(feature_tensor(*in.train_features));
    const auto real = scaled(feature_tensor(*in.held_out_features));
    const std::int64_t m = real.size(0), passes = in.generated->rows / m;
    // Ordering by the mean squared distance to several tiles is ordering by the distance to their mean.
    const auto generated = scaled(feature_tensor(*in.generated)).view({passes, m, real.size(1)}).mean(0);
    const std::vector<double> rank = ranks(generated, real);

    const auto mean_of = [&](bool lower_is_better, const std::function<double(double)>& score) {
        std::vector<double> scores;
        for (const double r : rank) scores.push_back(score(r));
        AgainstChance out = against_chance(m, in, ctx, lower_is_better, [&](const Rows& tiles, const Rows& profiles) {
            double sum = 0;
            for (std::size_t i = 0; i < tiles.size(); ++i) sum += scores[static_cast<std::size_t>(tiles[i] * m + profiles[i])];
            return sum / static_cast<double>(tiles.size());
        });
        double all = 0;  // the mean over all shuffles there are is that over all pairs
        for (const double s : scores) all += s / static_cast<double>(scores.size());
        out.chance.value = all;
        return out;
    };
    const auto among_first = [&](std::int64_t k) {
        return mean_of(false, [k](double r) { return r <= static_cast<double>(k - 1) ? 1.0 : 0.0; });
    };
    Retrieval out;
    out.candidates = m;
    out.mean_rank = mean_of(true, [&](double r) { return r / static_cast<double>(m - 1); });
    out.reciprocal_rank = mean_of(false, [](double r) { return 1 / (r + 1); });
    out.top1 = among_first(1);
    out.top5 = among_first(5);
    out.top_tenth = among_first((m + 9) / 10);
    return out;
}

}  // namespace c2l
