#include "ui/viewer/view_transform.h"

#include <algorithm>
#include <cmath>

namespace c2l {

void ViewTransform::setScale(double scale) {
    if (std::isfinite(scale) && scale > 0) scale_ = scale;
}

QPointF ViewTransform::toWidget(QPointF level0) const {
    return {(level0.x() - centre_.x()) * scale_ + widget_.width() / 2, (level0.y() - centre_.y()) * scale_ + widget_.height() / 2};
}

QPointF ViewTransform::toSlide(QPointF widget) const {
    return {(widget.x() - widget_.width() / 2) / scale_ + centre_.x(), (widget.y() - widget_.height() / 2) / scale_ + centre_.y()};
}

QRectF ViewTransform::toWidget(const QRectF& level0) const { return {toWidget(level0.topLeft()), toWidget(level0.bottomRight())}; }

QRectF ViewTransform::toSlide(const QRectF& widget) const { return {toSlide(widget.topLeft()), toSlide(widget.bottomRight())}; }

QRectF ViewTransform::visible() const { return toSlide(QRectF(QPointF(0, 0), widget_)); }

void ViewTransform::panBy(QPointF widget_delta) { centre_ -= widget_delta / scale_; }

void ViewTransform::zoomAt(QPointF widget, double factor) {
    if (!std::isfinite(factor) || factor <= 0) return;
    const QPointF fixed = toSlide(widget);
    setScale(scale_ * factor);
    centre_ = fixed - QPointF(widget.x() - widget_.width() / 2, widget.y() - widget_.height() / 2) / scale_;
}

void ViewTransform::fit(const QRectF& level0, double margin) {
    if (level0.width() <= 0 || level0.height() <= 0 || widget_.isEmpty()) return;
    const double share = 1 - 2 * std::clamp(margin, 0.0, 0.45);
    setScale(std::min(widget_.width() * share / level0.width(), widget_.height() * share / level0.height()));
    centre_ = level0.center();
}

}  // namespace c2l
