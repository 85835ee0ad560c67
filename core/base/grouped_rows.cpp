#include "base/grouped_rows.h"

#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"

namespace c2l {

Groups of_rows(const Groups& groups, const std::vector<std::int64_t>& rows) {
    Groups out;
    if (!groups.empty())
        for (const auto r : rows) out.push_back(groups[static_cast<std::size_t>(r)]);
    return out;
}

Groups squares(const std::vector<double>& x, const std::vector<double>& y, double side) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> numbers;
    Groups groups;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const std::pair square{static_cast<std::int64_t>(std::floor(x[i] / side)), static_cast<std::int64_t>(std::floor(y[i] / side))};
        groups.push_back(numbers.emplace(square, static_cast<std::int64_t>(numbers.size())).first->second);
    }
    return groups;
}

GroupedRows::GroupedRows(const Groups& group_of, std::int64_t n) : rows_(n) {
    if (!group_of.empty() && static_cast<std::int64_t>(group_of.size()) != n) throw Error(ErrorCode::Internal, "the groups and the rows of a resampling differ in number");
    std::map<std::int64_t, std::vector<std::int64_t>> members;
    for (std::int64_t i = 0; i < n; ++i) members[group_of.empty() ? i : group_of[static_cast<std::size_t>(i)]].push_back(i);
    for (auto& [group, rows] : members) members_.push_back(std::move(rows));
}

std::vector<std::int64_t> GroupedRows::draw(std::int64_t n, Random& random) const {
    std::vector<std::int64_t> rows;
    while (static_cast<std::int64_t>(rows.size()) < n) {
        const auto& group = members_[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(members_.size())))];
        rows.insert(rows.end(), group.begin(), group.end());
    }
    rows.resize(static_cast<std::size_t>(n));
    return rows;
}

std::vector<double> GroupedRows::multiplicities(Random& random) const {
    std::vector<double> times(static_cast<std::size_t>(rows_));
    for (std::size_t g = 0; g < members_.size(); ++g)
        for (const auto r : members_[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(members_.size())))]) times[static_cast<std::size_t>(r)] += 1;
    return times;
}

}  // namespace c2l
