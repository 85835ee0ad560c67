// Where a view looks: level-0 pixels of the slide ↔ widget pixels (device-independent). Pure; no Qt widget needed.
//
// A magnification N means that one widget pixel shows 10/N µm of tissue (40× = 0.25 µm), whatever the scanner was.
#pragma once

#include <QPointF>
#include <QRectF>
#include <QSizeF>
#include <optional>

namespace c2l {

class ViewTransform {
public:
    double scale() const { return scale_; }     // widget pixels per level-0 pixel
    QPointF centre() const { return centre_; }  // level-0 point in the middle of the widget
    QSizeF widgetSize() const { return widget_; }

    void setWidgetSize(QSizeF size) { widget_ = size; }
    void setCentre(QPointF level0) { centre_ = level0; }
    void setScale(double scale);  // about the centre; ignored unless finite and positive

    QPointF toWidget(QPointF level0) const;
    QPointF toSlide(QPointF widget) const;
    QRectF toWidget(const QRectF& level0) const;
    QRectF toSlide(const QRectF& widget) const;
    QRectF visible() const;  // level-0 rectangle that the widget shows

    void panBy(QPointF widget_delta);                      // the picture follows the hand: +x moves it right
    void zoomAt(QPointF widget, double factor);            // the level-0 point under `widget` stays there
    void fit(const QRectF& level0, double margin = 0.02);  // share of the widget left free on each side

    static double scaleFor(double magnification, double mpp) { return mpp * magnification / 10.0; }
    static double magnificationFor(double scale, double mpp) { return scale * 10.0 / mpp; }

    bool operator==(const ViewTransform&) const = default;

private:
    double scale_ = 1;
    QPointF centre_;
    QSizeF widget_{1, 1};
};

}  // namespace c2l
