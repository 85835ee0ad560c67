// The cells of a grid as one picture over the slide: a texel per cell and halved copies of it for looking from afar, so that a view of
// 600,000 bins costs what a view of any picture costs. GUI thread only.
#pragma once

#include <QImage>
#include <QPainter>
#include <vector>

#include "ui/overlay/grid_map.h"
#include "ui/viewer/view_transform.h"

namespace c2l {

class GridImage {
public:
    void clear() { sizes_.clear(); }
    bool isNull() const { return sizes_.empty(); }
    // One colour per place, premultiplied; cells without a place stay clear.
    void set(const GridMap& grid, const std::vector<QRgb>& colours);
    const QImage& texels() const { return sizes_.front(); }

    // The painter's opacity counts. Smooth: interpolated between cells; otherwise each cell is one flat square.
    void paint(QPainter& painter, const ViewTransform& view, const GridMap& grid, bool smooth) const;

private:
    const QImage& shrunk(int halvings) const;

    mutable std::vector<QImage> sizes_;  // halved as often as was needed so far
};

}  // namespace c2l
