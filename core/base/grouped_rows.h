// Resampling of rows that are no independent witnesses: tiles of one spot's profile, places that overlap, neighbouring spots.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace c2l {

// The group of each row; empty: each row is its own.
using Groups = std::vector<std::int64_t>;

// The groups of some of the rows.
Groups of_rows(const Groups& groups, const std::vector<std::int64_t>& rows);

// Rows in one square of a grid of this side are a group.
Groups squares(const std::vector<double>& x, const std::vector<double>& y, double side);

// Draws rows with replacement, those of one group together.
class GroupedRows {
public:
    GroupedRows(const Groups& group_of, std::int64_t n);  // throws Error(Internal) where they differ in number
    std::vector<std::int64_t> draw(std::int64_t n, Random& random) const;  // whole groups, but for the last one
    std::vector<double> multiplicities(Random& random) const;              // of each row, when as many groups are drawn as there are

private:
    std::vector<std::vector<std::int64_t>> members_;
    std::int64_t rows_;
};

}  // namespace c2l
