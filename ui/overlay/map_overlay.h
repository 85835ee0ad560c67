// A predicted map on a regular grid, drawn as one image over the slide.
#pragma once

#include <QImage>
#include <cstdint>
#include <vector>

#include "ui/overlay/colour_map.h"
#include "ui/viewer/layer.h"

namespace c2l {

// Places a list of tile centres on their grid. Cells without a centre hold -1.
struct GridMap {
    double left = 0, top = 0;  // level-0 corner of cell (0, 0)
    double pitch = 1;          // level-0 pixels per cell
    int cols = 0, rows = 0;
    std::vector<int> cell_to_place;  // rows × cols, row-major: index into the list, -1: no tissue there

    // Centres lie on a grid of that pitch (rounded to it). Throws Error(BadInput) when the grid would be absurd (> 64 M cells).
    static GridMap from_centres(const std::vector<double>& x, const std::vector<double>& y, double pitch);
    int place_at(double x, double y) const;
    QRectF rect() const { return {left, top, cols * pitch, rows * pitch}; }
};

class MapOverlay : public Layer {
    Q_OBJECT
public:
    using Layer::Layer;

    void setGrid(GridMap grid, std::size_t places);
    // One value per place, NaN: none. Throws Error(Mismatch).
    void setValues(std::vector<float> values);
    // 0 far from anything trained on … 1 typical; empty: unknown. Throws Error(Mismatch).
    void setInDistribution(std::vector<float> in_distribution);
    void setColours(ColourMapId map, const ColourScale& scale);
    void setDimUncertain(bool on);  // fades places that are out of distribution (on by default)
    void setSmooth(bool on);        // interpolated between cells, or one flat square per cell
    void clear();

    const GridMap& grid() const { return grid_; }
    const std::vector<float>& values() const { return values_; }
    const QImage& image() const;  // one ARGB texel per cell

    void paint(QPainter& painter, const ViewTransform& view) override;
    int hit(QPointF level0) const override;

private:
    void invalidate();

    GridMap grid_;
    std::size_t places_ = 0;
    std::vector<float> values_, in_distribution_;
    ColourMapId map_ = ColourMapId::Viridis;
    ColourScale scale_;
    bool dim_ = true, smooth_ = true;
    mutable QImage image_;
};

}  // namespace c2l
