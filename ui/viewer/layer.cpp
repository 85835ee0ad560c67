#include "ui/viewer/layer.h"

#include <algorithm>

namespace c2l {

void Layer::setVisible(bool on) {
    if (visible_ == on) return;
    visible_ = on;
    Q_EMIT changed();
}

void Layer::setOpacity(double opacity) {
    opacity = std::clamp(opacity, 0.0, 1.0);
    if (opacity_ == opacity) return;
    opacity_ = opacity;
    Q_EMIT changed();
}

int Layer::hit(QPointF) const { return -1; }

void Layer::setHovered(int) {}

}  // namespace c2l
