// A scale bar of a round length (1, 2 or 5 × 10ⁿ), for the view and for figures.
#pragma once

#include <QColor>
#include <QPainter>
#include <QString>
#include <optional>

namespace c2l {

struct ScaleBar {
    double length = 0;  // µm, or level-0 pixels when µm/px are unknown
    double width = 0;   // widget pixels, at most the width asked for
    QString label;      // "200 µm", "1 mm", "500 px"
};

// `scale`: widget pixels per level-0 pixel.
ScaleBar choose_scale_bar(double scale, std::optional<double> mpp, double max_width);
// Bar and label on a translucent white plate whose bottom-left corner is given; returns the plate. `note` follows the label.
QRectF paint_scale_bar(QPainter& painter, const ScaleBar& bar, QPointF bottom_left, const QString& note = {});

}  // namespace c2l
