// Where a view looks: level-0 pixels of the slide ↔ widget pixels (device-independent). Pure; no Qt widget needed.
//
// The slide may be turned: by angle() degrees clockwise on the screen, about the middle of the widget. A rectangle of one frame is then a
// turned one in the other; the functions below give the upright rectangle around it.
//
// A magnification N means that one widget pixel shows 10/N µm of tissue (40× = 0.25 µm), whatever the scanner was.
#pragma once

#include <QPointF>
#include <QRectF>
#include <QSizeF>
#include <QTransform>
#include <optional>

namespace c2l {

class ViewTransform {
public:
    double scale() const { return scale_; }     // widget pixels per level-0 pixel
    double angle() const { return angle_; }     // degrees, -180 < angle ≤ 180
    QPointF centre() const { return centre_; }  // level-0 point in the middle of the widget
    QSizeF widgetSize() const { return widget_; }

    void setWidgetSize(QSizeF size) { widget_ = size; }
    void setCentre(QPointF level0) { centre_ = level0; }
    void setScale(double scale);  // about the centre; ignored unless finite and positive
    void setAngle(double degrees);  // about the centre; any number of turns, ignored unless finite

    QPointF toWidget(QPointF level0) const;
    QPointF toSlide(QPointF widget) const;
    QRectF toWidget(const QRectF& level0) const;
    QRectF toSlide(const QRectF& widget) const;
    QPointF vectorToWidget(QPointF level0) const;  // of a move, without the origin
    QPointF vectorToSlide(QPointF widget) const;
    QTransform matrix() const;   // level-0 to widget, for a painter
    QTransform turning() const;  // turns about the middle of the widget: what a painter needs that draws as if angle() were 0
    ViewTransform upright() const;
    QRectF visible() const;  // level-0 rectangle around all that the widget shows

    void panBy(QPointF widget_delta);                      // the picture follows the hand: +x moves it right
    void zoomAt(QPointF widget, double factor);            // the level-0 point under `widget` stays there
    void turnAt(QPointF widget, double degrees);           // likewise
    void fit(const QRectF& level0, double margin = 0.02);  // share of the widget left free on each side

    static double scaleFor(double magnification, double mpp) { return mpp * magnification / 10.0; }
    static double magnificationFor(double scale, double mpp) { return scale * 10.0 / mpp; }

    bool operator==(const ViewTransform&) const = default;

private:
    QPointF middle() const { return {widget_.width() / 2, widget_.height() / 2}; }

    double scale_ = 1;
    double angle_ = 0, cos_ = 1, sin_ = 0;
    QPointF centre_;
    QSizeF widget_{1, 1};
};

}  // namespace c2l
