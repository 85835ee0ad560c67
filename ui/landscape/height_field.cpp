#include "ui/landscape/height_field.h"

#include <cmath>
#include <limits>

#include "base/error.h"

namespace c2l {

namespace {

constexpr double kHole = std::numeric_limits<double>::quiet_NaN();

// Value of a cell, NaN outside the grid and where there is none.
class Cells {
public:
    Cells(const GridMap& grid, const std::vector<float>& values) : grid_(grid), values_(values) {
        for (const int place : grid.cell_to_place) {
            if (place >= 0 && static_cast<std::size_t>(place) >= values.size()) {
                throw Error(ErrorCode::Mismatch, "the landscape needs one value for each place of its map");
            }
        }
    }
    double at(int col, int row) const {
        if (col < 0 || row < 0 || col >= grid_.cols || row >= grid_.rows) return kHole;
        const int place =
            grid_.cell_to_place[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid_.cols) + static_cast<std::size_t>(col)];
        if (place < 0) return kHole;
        const float v = values_[static_cast<std::size_t>(place)];
        return std::isfinite(v) ? v : kHole;
    }
    // Mean of the cells that meet at the top-left corner of (col, row).
    double corner(int col, int row) const {
        double sum = 0;
        int n = 0;
        for (const double v : {at(col - 1, row - 1), at(col, row - 1), at(col - 1, row), at(col, row)}) {
            if (std::isnan(v)) continue;
            sum += v;
            ++n;
        }
        return sum / n;
    }

private:
    const GridMap& grid_;
    const std::vector<float>& values_;
};

}  // namespace

HeightField make_height_field(const GridMap& grid, const std::vector<float>& values) {
    const Cells cells(grid, values);
    HeightField field;
    std::vector<std::int32_t> corners(static_cast<std::size_t>(grid.cols + 1) * static_cast<std::size_t>(grid.rows + 1), -1);
    const auto add = [&](double col, double row, double value) {
        const QPointF at = grid.at(col, row);
        field.points.push_back({at.x(), at.y(), value});
        return static_cast<std::int32_t>(field.points.size() - 1);
    };
    const auto corner = [&](int col, int row) {
        std::int32_t& known =
            corners[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.cols + 1) + static_cast<std::size_t>(col)];
        if (known < 0) known = add(col, row, cells.corner(col, row));
        return known;
    };
    for (int row = 0; row < grid.rows; ++row) {
        for (int col = 0; col < grid.cols; ++col) {
            const double value = cells.at(col, row);
            if (std::isnan(value)) continue;
            const std::int32_t middle = add(col + 0.5, row + 0.5, value);
            const std::array<std::int32_t, 4> around = {corner(col, row), corner(col, row + 1), corner(col + 1, row + 1),
                                                        corner(col + 1, row)};
            for (std::size_t k = 0; k < 4; ++k) field.triangles.push_back({middle, around[k], around[(k + 1) % 4]});
        }
    }
    return field;
}

}  // namespace c2l
