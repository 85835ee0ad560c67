#include "ui/overlay/map_overlay.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace c2l {

namespace {

constexpr double kLeastAlpha = 0.2;  // of a place that is far from anything trained on: still to be seen that it is there

}  // namespace

void MapOverlay::invalidate() {
    image_.clear();
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

void MapOverlay::colour() const {
    if (!image_.isNull() || grid_.empty() || values_.empty()) return;
    const ColourMap& map = ColourMap::get(map_);
    std::vector<QRgb> colours(places_, 0);
    const std::vector<int> indices = scale_.indices(values_);
    for (std::size_t i = 0; i < places_; ++i) {
        const int index = indices[i];
        if (index < 0) continue;
        double alpha = 1;
        if (dim_ && !in_distribution_.empty()) {
            const double typical = in_distribution_[i];
            alpha = std::isnan(typical) ? kLeastAlpha : kLeastAlpha + (1 - kLeastAlpha) * std::clamp(typical, 0.0, 1.0);
        }
        const QRgb rgb = map.at(index);
        colours[i] = qPremultiply(qRgba(qRed(rgb), qGreen(rgb), qBlue(rgb), static_cast<int>(std::lround(alpha * 255))));
    }
    image_.set(grid_, colours);
}

const QImage& MapOverlay::image() const {
    static const QImage kNone;
    colour();
    return image_.isNull() ? kNone : image_.texels();
}

void MapOverlay::paint(QPainter& painter, const ViewTransform& view) {
    colour();
    painter.setOpacity(opacity());
    image_.paint(painter, view, grid_, smooth_);
}

int MapOverlay::hit(QPointF level0) const { return grid_.place_at(level0.x(), level0.y()); }

}  // namespace c2l
