// A predicted map on a regular grid, drawn as one image over the slide.
#pragma once

#include <vector>

#include "ui/overlay/colour_map.h"
#include "ui/overlay/grid_image.h"
#include "ui/overlay/grid_map.h"
#include "ui/viewer/layer.h"

namespace c2l {

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
    const QImage& image() const;  // one ARGB texel per cell; null while there is nothing to draw

    void paint(QPainter& painter, const ViewTransform& view) override;
    int hit(QPointF level0) const override;

private:
    void invalidate();
    void colour() const;

    GridMap grid_;
    std::size_t places_ = 0;
    std::vector<float> values_, in_distribution_;
    ColourMapId map_ = ColourMapId::Viridis;
    ColourScale scale_;
    bool dim_ = true, smooth_ = true;
    mutable GridImage image_;
};

}  // namespace c2l
