// Places on a regular grid: tiles of a predicted map, bins of Visium HD. The grid may be turned against the slide.
#pragma once

#include <QPointF>
#include <QRectF>
#include <QTransform>
#include <optional>
#include <vector>

namespace c2l {

// Places a list of centres on their grid. Cell (col, row) reaches from col to col + 1. Cells without a centre hold -1.
struct GridMap {
    QTransform to_slide;  // cells to level-0 pixels
    int cols = 0, rows = 0;
    std::vector<int> cell_to_place;  // rows × cols, row-major: index into the list, -1: nothing there

    // Centres lie on an upright grid of that pitch in level-0 pixels (rounded to it). Throws Error(BadInput) when the grid would be absurd
    // (> 64 M cells).
    static GridMap from_centres(const std::vector<double>& x, const std::vector<double>& y, double pitch);
    // Centres whose cells are known: the affine map that fits them best. None when they are no such grid: a cell named twice or missing
    // (< 0), a centre further than a quarter of a cell from its own, more than 64 M cells.
    static std::optional<GridMap> from_cells(const std::vector<int>& col, const std::vector<int>& row, const std::vector<double>& x, const std::vector<double>& y);

    bool empty() const { return cell_to_place.empty(); }
    int place_at(double x, double y) const;  // level-0 pixels; -1: none
    QPointF at(double col, double row) const { return to_slide.map(QPointF(col, row)); }
    double pitch() const;  // side of a cell (the geometric mean of both), level-0 pixels
    QRectF rect() const { return to_slide.mapRect(QRectF(0, 0, cols, rows)); }
};

}  // namespace c2l
