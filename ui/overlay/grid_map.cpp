#include "ui/overlay/grid_map.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace c2l {
namespace {

constexpr double kMostCells = 64e6;
constexpr double kMostOff = 0.25;  // cells

bool all_finite(const std::vector<double>& values) {
    return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// Least squares of (x, y) = to_slide(col, row), by the normal equations about the means.
QTransform fit(const std::vector<int>& col, const std::vector<int>& row, const std::vector<double>& x, const std::vector<double>& y) {
    const double n = static_cast<double>(x.size());
    double mc = 0, mr = 0, mx = 0, my = 0;
    for (std::size_t i = 0; i < x.size(); ++i) mc += col[i] / n, mr += row[i] / n, mx += x[i] / n, my += y[i] / n;
    double cc = 0, cr = 0, rr = 0, cx = 0, rx = 0, cy = 0, ry = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double c = col[i] - mc, r = row[i] - mr, dx = x[i] - mx, dy = y[i] - my;
        cc += c * c, cr += c * r, rr += r * r, cx += c * dx, rx += r * dx, cy += c * dy, ry += r * dy;
    }
    const double det = cc * rr - cr * cr;  // 0 when all lie in a line: no grid
    const double a = (cx * rr - rx * cr) / det, b = (rx * cc - cx * cr) / det, c = (cy * rr - ry * cr) / det, d = (ry * cc - cy * cr) / det;
    // Centres are at +0.5 of their cell.
    return {a, c, b, d, mx - a * (mc + 0.5) - b * (mr + 0.5), my - c * (mc + 0.5) - d * (mr + 0.5)};
}

}  // namespace

GridMap GridMap::from_centres(const std::vector<double>& x, const std::vector<double>& y, double pitch) {
    if (x.size() != y.size()) throw Error(ErrorCode::Mismatch, "a map needs as many x as y positions");
    GridMap map;
    if (x.empty()) return map;
    if (!(pitch > 0) || !std::isfinite(pitch) || !all_finite(x) || !all_finite(y))
        throw Error(ErrorCode::BadInput, "the map's positions or its pitch are not numbers that can be drawn");
    const auto [x0, x1] = std::minmax_element(x.begin(), x.end());
    const auto [y0, y1] = std::minmax_element(y.begin(), y.end());
    const double cols = std::round((*x1 - *x0) / pitch) + 1, rows = std::round((*y1 - *y0) / pitch) + 1;
    if (!(cols * rows <= kMostCells)) throw Error(ErrorCode::BadInput, "the map's pitch is too small for its extent, predict it again with a coarser grid");
    map.to_slide = QTransform(pitch, 0, 0, pitch, *x0 - pitch / 2, *y0 - pitch / 2);
    map.cols = static_cast<int>(cols);
    map.rows = static_cast<int>(rows);
    map.cell_to_place.assign(static_cast<std::size_t>(map.cols) * static_cast<std::size_t>(map.rows), -1);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto col = static_cast<std::size_t>(std::lround((x[i] - *x0) / pitch)), row = static_cast<std::size_t>(std::lround((y[i] - *y0) / pitch));
        map.cell_to_place[row * static_cast<std::size_t>(map.cols) + col] = static_cast<int>(i);
    }
    return map;
}

std::optional<GridMap> GridMap::from_cells(const std::vector<int>& col, const std::vector<int>& row, const std::vector<double>& x, const std::vector<double>& y) {
    if (x.empty() || col.size() != x.size() || row.size() != x.size() || y.size() != x.size() || !all_finite(x) || !all_finite(y)) return std::nullopt;
    const auto [c0, c1] = std::minmax_element(col.begin(), col.end());
    const auto [r0, r1] = std::minmax_element(row.begin(), row.end());
    const double cols = static_cast<double>(*c1) - *c0 + 1, rows = static_cast<double>(*r1) - *r0 + 1;
    if (*c0 < 0 || *r0 < 0 || !(cols * rows <= kMostCells)) return std::nullopt;
    GridMap map;
    map.cols = static_cast<int>(cols);
    map.rows = static_cast<int>(rows);
    const QTransform fitted = fit(col, row, x, y);
    bool invertible = false;
    const QTransform back = fitted.inverted(&invertible);
    if (!invertible || !std::isfinite(fitted.determinant())) return std::nullopt;
    map.cell_to_place.assign(static_cast<std::size_t>(map.cols) * static_cast<std::size_t>(map.rows), -1);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const QPointF cell = back.map(QPointF(x[i], y[i])) - QPointF(col[i] + 0.5, row[i] + 0.5);
        int& place = map.cell_to_place[static_cast<std::size_t>(row[i] - *r0) * static_cast<std::size_t>(map.cols) + static_cast<std::size_t>(col[i] - *c0)];
        if (!(std::max(std::abs(cell.x()), std::abs(cell.y())) <= kMostOff) || place >= 0) return std::nullopt;
        place = static_cast<int>(i);
    }
    map.to_slide = QTransform::fromTranslate(*c0, *r0) * fitted;
    return map;
}

int GridMap::place_at(double x, double y) const {
    if (empty()) return -1;
    const QPointF cell = to_slide.inverted().map(QPointF(x, y));
    const double col = std::floor(cell.x()), row = std::floor(cell.y());
    if (!(col >= 0 && row >= 0 && col < cols && row < rows)) return -1;
    return cell_to_place[static_cast<std::size_t>(row) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(col)];
}

double GridMap::pitch() const { return std::sqrt(std::abs(to_slide.determinant())); }

}  // namespace c2l
