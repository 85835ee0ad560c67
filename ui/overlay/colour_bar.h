// Legend of a colour map: bar, numbers, what they are and their unit. As a widget and for figures.
#pragma once

#include <QWidget>

#include "ui/overlay/colour_map.h"

namespace c2l {

// Tick values of a scale: round numbers between the limits, ascending.
std::vector<double> colour_bar_ticks(const ColourScale& scale, int at_most);
// Vertical bar with numbers to its right and the title above, inside `box`.
void paint_colour_bar(QPainter& painter, const QRectF& box, ColourMapId map, const ColourScale& scale, const QString& title,
                      const QString& unit, const QColor& text);

class ColourBar : public QWidget {
    Q_OBJECT
public:
    explicit ColourBar(QWidget* parent = nullptr);
    void set(ColourMapId map, const ColourScale& scale, const QString& title, const QString& unit);
    ColourMapId map() const { return map_; }
    const ColourScale& scale() const { return scale_; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    ColourMapId map_ = ColourMapId::Viridis;
    ColourScale scale_;
    QString title_, unit_;
};

}  // namespace c2l
