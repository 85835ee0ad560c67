#include "ui/viewer/view_transform.h"

#include <QtMath>
#include <algorithm>
#include <cmath>

namespace c2l {

void ViewTransform::setScale(double scale) {
    if (std::isfinite(scale) && scale > 0) scale_ = scale;
}

void ViewTransform::setAngle(double degrees) {
    if (!std::isfinite(degrees)) return;
    angle_ = std::remainder(degrees, 360.0);
    if (angle_ <= -180) angle_ += 360;
    const bool quarter = std::fmod(angle_, 90.0) == 0;  // exact, so that upright pictures stay sharp
    cos_ = quarter ? std::round(std::cos(qDegreesToRadians(angle_))) : std::cos(qDegreesToRadians(angle_));
    sin_ = quarter ? std::round(std::sin(qDegreesToRadians(angle_))) : std::sin(qDegreesToRadians(angle_));
}

QPointF ViewTransform::vectorToWidget(QPointF v) const { return QPointF(cos_ * v.x() - sin_ * v.y(), sin_ * v.x() + cos_ * v.y()) * scale_; }

QPointF ViewTransform::vectorToSlide(QPointF v) const { return QPointF(cos_ * v.x() + sin_ * v.y(), cos_ * v.y() - sin_ * v.x()) / scale_; }

QPointF ViewTransform::toWidget(QPointF level0) const { return vectorToWidget(level0 - centre_) + middle(); }

QPointF ViewTransform::toSlide(QPointF widget) const { return vectorToSlide(widget - middle()) + centre_; }

QTransform ViewTransform::matrix() const {
    const QPointF origin = toWidget(QPointF(0, 0));
    return {scale_ * cos_, scale_ * sin_, -scale_ * sin_, scale_ * cos_, origin.x(), origin.y()};
}

QTransform ViewTransform::turning() const {
    const QPointF m = middle();
    return {cos_, sin_, -sin_, cos_, m.x() - cos_ * m.x() + sin_ * m.y(), m.y() - sin_ * m.x() - cos_ * m.y()};
}

ViewTransform ViewTransform::upright() const {
    ViewTransform view = *this;
    view.setAngle(0);
    return view;
}

namespace {

template <class Map>
QRectF around(const QRectF& r, const Map& map) {
    const QPointF corners[] = {map(r.topLeft()), map(r.topRight()), map(r.bottomRight()), map(r.bottomLeft())};
    const auto [x0, x1] = std::minmax({corners[0].x(), corners[1].x(), corners[2].x(), corners[3].x()});
    const auto [y0, y1] = std::minmax({corners[0].y(), corners[1].y(), corners[2].y(), corners[3].y()});
    return {QPointF(x0, y0), QPointF(x1, y1)};
}

}  // namespace

QRectF ViewTransform::toWidget(const QRectF& level0) const {
    return around(level0, [this](QPointF p) { return toWidget(p); });
}

QRectF ViewTransform::toSlide(const QRectF& widget) const {
    return around(widget, [this](QPointF p) { return toSlide(p); });
}

QRectF ViewTransform::visible() const { return toSlide(QRectF(QPointF(0, 0), widget_)); }

void ViewTransform::panBy(QPointF widget_delta) { centre_ -= vectorToSlide(widget_delta); }

void ViewTransform::zoomAt(QPointF widget, double factor) {
    if (!std::isfinite(factor) || factor <= 0) return;
    const QPointF fixed = toSlide(widget);
    setScale(scale_ * factor);
    centre_ = fixed - vectorToSlide(widget - middle());
}

void ViewTransform::turnAt(QPointF widget, double degrees) {
    if (!std::isfinite(degrees)) return;
    const QPointF fixed = toSlide(widget);
    setAngle(angle_ + degrees);
    centre_ = fixed - vectorToSlide(widget - middle());
}

void ViewTransform::fit(const QRectF& level0, double margin) {
    if (level0.width() <= 0 || level0.height() <= 0 || widget_.isEmpty()) return;
    const double share = 1 - 2 * std::clamp(margin, 0.0, 0.45);
    const double across = std::abs(cos_) * level0.width() + std::abs(sin_) * level0.height();
    const double down = std::abs(sin_) * level0.width() + std::abs(cos_) * level0.height();
    setScale(std::min(widget_.width() * share / across, widget_.height() * share / down));
    centre_ = level0.center();
}

}  // namespace c2l
