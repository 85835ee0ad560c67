#include "ui/overlay/map_overlay.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace c2l {

namespace {

constexpr double kMostCells = 64e6;
constexpr double kLeastAlpha = 0.2;  // of a place that is far from anything trained on: still to be seen that it is there

}  // namespace

GridMap GridMap::from_centres(const std::vector<double>& x, const std::vector<double>& y, double pitch) {
    if (x.size() != y.size()) throw Error(ErrorCode::Mismatch, "a map needs as many x as y positions");
    GridMap map;
    if (x.empty()) return map;
    const auto finite = [](double v) { return std::isfinite(v); };
    if (!(pitch > 0) || !std::isfinite(pitch) || !std::all_of(x.begin(), x.end(), finite) || !std::all_of(y.begin(), y.end(), finite)) {
        throw Error(ErrorCode::BadInput, "the map's positions or its pitch are not numbers that can be drawn");
    }
    const auto [x0, x1] = std::minmax_element(x.begin(), x.end());
    const auto [y0, y1] = std::minmax_element(y.begin(), y.end());
    const double cols = std::round((*x1 - *x0) / pitch) + 1, rows = std::round((*y1 - *y0) / pitch) + 1;
    if (!(cols * rows <= kMostCells)) {
        throw Error(ErrorCode::BadInput, "the map's pitch is too small for its extent, predict it again with a coarser grid");
    }
    map.pitch = pitch;
    map.left = *x0 - pitch / 2;
    map.top = *y0 - pitch / 2;
    map.cols = static_cast<int>(cols);
    map.rows = static_cast<int>(rows);
    map.cell_to_place.assign(static_cast<std::size_t>(map.cols) * static_cast<std::size_t>(map.rows), -1);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const auto col = static_cast<std::size_t>(std::lround((x[i] - *x0) / pitch)),
                   row = static_cast<std::size_t>(std::lround((y[i] - *y0) / pitch));
        map.cell_to_place[row * static_cast<std::size_t>(map.cols) + col] = static_cast<int>(i);
    }
    return map;
}

int GridMap::place_at(double x, double y) const {
    const double col = std::floor((x - left) / pitch), row = std::floor((y - top) / pitch);
    if (!(col >= 0 && row >= 0 && col < cols && row < rows)) return -1;
    return cell_to_place[static_cast<std::size_t>(row) * static_cast<std::size_t>(cols) + static_cast<std::size_t>(col)];
}

void MapOverlay::invalidate() {
    image_ = {};
    Q_EMIT changed();
}

void MapOverlay::setGrid(GridMap grid, std::size_t places) {
    for (const int place : grid.cell_to_place) {
        if (place >= 0 && static_cast<std::size_t>(place) >= places)
            throw Error(ErrorCode::Mismatch, "the map's grid names places that it does not have");
    }
    grid_ = std::move(grid);
    places_ = places;
    values_.clear();
    in_distribution_.clear();
    invalidate();
}

void MapOverlay::setValues(std::vector<float> values) {
    if (!values.empty() && values.size() != places_) throw Error(ErrorCode::Mismatch, "the map needs one value for each of its places");
    values_ = std::move(values);
    invalidate();
}

void MapOverlay::setInDistribution(std::vector<float> in_distribution) {
    if (!in_distribution.empty() && in_distribution.size() != places_) {
        throw Error(ErrorCode::Mismatch, "the map needs one figure of certainty for each of its places");
    }
    in_distribution_ = std::move(in_distribution);
    invalidate();
}

void MapOverlay::setColours(ColourMapId map, const ColourScale& scale) {
    if (map_ == map && scale_ == scale) return;
    map_ = map;
    scale_ = scale;
    invalidate();
}

void MapOverlay::setDimUncertain(bool on) {
    if (dim_ == on) return;
    dim_ = on;
    invalidate();
}

void MapOverlay::setSmooth(bool on) {
    if (smooth_ == on) return;
    smooth_ = on;
    Q_EMIT changed();
}

void MapOverlay::clear() { setGrid({}, 0); }

const QImage& MapOverlay::image() const {
    if (!image_.isNull() || grid_.cell_to_place.empty() || values_.empty()) return image_;
    const ColourMap& colours = ColourMap::get(map_);
    image_ = QImage(grid_.cols, grid_.rows, QImage::Format_ARGB32_Premultiplied);
    image_.fill(Qt::transparent);
    for (int row = 0; row < grid_.rows; ++row) {
        auto* line = reinterpret_cast<QRgb*>(image_.scanLine(row));
        for (int col = 0; col < grid_.cols; ++col) {
            const int place =
                grid_.cell_to_place[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid_.cols) + static_cast<std::size_t>(col)];
            if (place < 0) continue;
            const int index = scale_.index(values_[static_cast<std::size_t>(place)]);
            if (index < 0) continue;
            double alpha = 1;
            if (dim_ && !in_distribution_.empty()) {
                const double typical = in_distribution_[static_cast<std::size_t>(place)];
                alpha = std::isnan(typical) ? kLeastAlpha : kLeastAlpha + (1 - kLeastAlpha) * std::clamp(typical, 0.0, 1.0);
            }
            const QRgb rgb = colours.at(index);
            line[col] = qPremultiply(qRgba(qRed(rgb), qGreen(rgb), qBlue(rgb), static_cast<int>(std::lround(alpha * 255))));
        }
    }
    return image_;
}

void MapOverlay::paint(QPainter& painter, const ViewTransform& view) {
    const QImage& texels = image();
    if (texels.isNull()) return;
    // Only the cells in sight are scaled, with one cell around for the interpolation.
    const QRectF seen = view.visible().intersected(grid_.rect());
    if (seen.isEmpty()) return;
    const double p = grid_.pitch;
    const int c0 = std::max(0, static_cast<int>(std::floor((seen.left() - grid_.left) / p)) - 1);
    const int r0 = std::max(0, static_cast<int>(std::floor((seen.top() - grid_.top) / p)) - 1);
    const int c1 = std::min(grid_.cols, static_cast<int>(std::ceil((seen.right() - grid_.left) / p)) + 1);
    const int r1 = std::min(grid_.rows, static_cast<int>(std::ceil((seen.bottom() - grid_.top) / p)) + 1);
    painter.setOpacity(opacity());
    painter.setRenderHint(QPainter::SmoothPixmapTransform, smooth_ || view.scale() * p < 1);
    painter.drawImage(view.toWidget(QRectF(grid_.left + c0 * p, grid_.top + r0 * p, (c1 - c0) * p, (r1 - r0) * p)), texels,
                      QRectF(c0, r0, c1 - c0, r1 - r0));
}

int MapOverlay::hit(QPointF level0) const { return grid_.cell_to_place.empty() ? -1 : grid_.place_at(level0.x(), level0.y()); }

}  // namespace c2l
