// A figure over spots: its bootstrap interval, and its distribution when one side is shuffled. Private to core/quality.
#pragma once

#include <functional>
#include <vector>

#include "base/job.h"
#include "base/random.h"
#include "quality/follow.h"

namespace c2l {

using Rows = std::vector<std::int64_t>;
// The figure when tile tiles[i] is held against profile profiles[i].
using PairedFigure = std::function<double(const Rows& tiles, const Rows& profiles)>;

double sorted_quantile(const std::vector<double>& ascending, double q);  // interpolated
Rows all_rows(std::int64_t n);

Interval bootstrap_spots(std::int64_t spots, const FollowInputs& inputs, const JobContext& ctx, const PairedFigure& figure);
AgainstChance against_chance(std::int64_t spots, const FollowInputs& inputs, const JobContext& ctx, bool lower_is_better, const PairedFigure& figure);

}  // namespace c2l
