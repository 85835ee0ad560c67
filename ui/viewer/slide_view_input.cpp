// Mouse, wheel and keys of the slide view.
#include <QApplication>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QNativeGestureEvent>
#include <QStyleHints>
#include <QWheelEvent>
#include <cmath>

#include "ui/viewer/slide_view.h"

namespace c2l {

namespace {

constexpr double kNotch = 1.25;   // zoom per wheel notch
constexpr double kTurnNotch = 5;  // degrees per wheel notch
constexpr double kArrowShare = 0.125;
constexpr double kMagnifications[] = {1, 2.5, 5, 10, 20, 40};

bool is_plain(const QKeyEvent* event) { return !(event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier)); }

bool is_view_key(int key) {
    return (key >= Qt::Key_0 && key <= Qt::Key_6) || key == Qt::Key_F || key == Qt::Key_H || key == Qt::Key_Q || key == Qt::Key_E || key == Qt::Key_Space || key == Qt::Key_Plus ||
           key == Qt::Key_Minus || key == Qt::Key_Equal || (key >= Qt::Key_Left && key <= Qt::Key_Down);
}

}  // namespace

bool SlideView::event(QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride) {
        // While the view has the focus its single keys are its own, whatever the window's shortcuts are.
        auto* key = static_cast<QKeyEvent*>(event);
        if (loader_ && is_plain(key) && is_view_key(key->key())) event->accept();
    }
    if (event->type() == QEvent::NativeGesture) {
        auto* gesture = static_cast<QNativeGestureEvent*>(event);
        if (gesture->gestureType() == Qt::ZoomNativeGesture) {
            zoomAt(gesture->position(), 1 + gesture->value());
            return true;
        }
        if (gesture->gestureType() == Qt::RotateNativeGesture) {
            turnAt(gesture->position(), gesture->value());
            return true;
        }
    }
    return QWidget::event(event);
}

void SlideView::updateCursor() {
    if (!loader_) {
        setCursor(Qt::ArrowCursor);
    } else if (drag_ == Drag::Pan) {
        setCursor(Qt::ClosedHandCursor);
    } else {
        setCursor(space_ ? Qt::OpenHandCursor : Qt::CrossCursor);
    }
}

void SlideView::mousePressEvent(QMouseEvent* event) {
    if (!loader_) return;
    press_ = last_ = event->position();
    moved_ = false;
    glide_.begin();
    const bool left = event->button() == Qt::LeftButton;
    if (left && overviewRect().contains(press_)) {
        drag_ = Drag::Overview;
        jumpTo(press_);
    } else if (event->button() == Qt::MiddleButton || (left && (left_drag_pans_ || space_))) {
        drag_ = Drag::Pan;
        updateCursor();
    }
}

void SlideView::mouseMoveEvent(QMouseEvent* event) {
    const QPointF at = event->position();
    if (!loader_) return;
    if (drag_ == Drag::Overview) {
        jumpTo(at);
    } else if (drag_ == Drag::Pan) {
        if (!moved_ && (at - press_).manhattanLength() >= QGuiApplication::styleHints()->startDragDistance() / 2.0) moved_ = true;
        glide_.track(at, event->timestamp());
        if (moved_) {
            ViewTransform next = view_;
            next.panBy(at - last_);
            last_ = at;
            apply(next);
        }
    } else {
        last_ = at;
        hover(at);
    }
    const QPointF level0 = view_.toSlide(at);
    Q_EMIT cursorMoved(level0.x(), level0.y());
}

void SlideView::mouseReleaseEvent(QMouseEvent* event) {
    if (!loader_) return;
    const Drag was = std::exchange(drag_, Drag::None);
    last_ = event->position();
    updateCursor();
    if (was == Drag::Pan && moved_) glide_.release(event->timestamp());
    if (event->button() != Qt::LeftButton || was == Drag::Overview || moved_ || space_) return;
    const QPointF level0 = view_.toSlide(event->position());
    Q_EMIT clicked(level0.x(), level0.y());
    Q_EMIT spotClicked(topmostHit(level0, nullptr));
}

void SlideView::wheelEvent(QWheelEvent* event) {
    if (!loader_) return;
    last_ = event->position();
    glide_.stop();
    const QPoint delta = event->angleDelta();
    if (event->modifiers() & Qt::AltModifier) {  // some desktops make Alt+wheel a sideways one
        turnAt(event->position(), kTurnNotch * (delta.y() ? delta.y() : delta.x()) / 120.0);
    } else if (delta.y()) {
        zoomAt(event->position(), std::pow(kNotch, delta.y() / 120.0));
    }
    event->accept();
}

void SlideView::keyPressEvent(QKeyEvent* event) {
    const int key = event->key();
    if (!loader_ || !is_plain(event) || !is_view_key(key)) {
        QWidget::keyPressEvent(event);
        return;
    }
    glide_.stop();
    const auto pan = [this](double dx, double dy) {
        ViewTransform next = view_;
        next.panBy({dx * width() * kArrowShare, dy * height() * kArrowShare});
        apply(next);
    };
    if (key >= Qt::Key_1 && key <= Qt::Key_6) setMagnification(kMagnifications[key - Qt::Key_1]);
    if (key == Qt::Key_0 || key == Qt::Key_F) fit();
    if (key == Qt::Key_Plus || key == Qt::Key_Equal) zoomAt(QRectF(rect()).center(), kNotch * kNotch);
    if (key == Qt::Key_Minus) zoomAt(QRectF(rect()).center(), 1 / (kNotch * kNotch));
    if (key == Qt::Key_Left) pan(1, 0);
    if (key == Qt::Key_Right) pan(-1, 0);
    if (key == Qt::Key_Up) pan(0, 1);
    if (key == Qt::Key_Down) pan(0, -1);
    if (event->isAutoRepeat()) return;
    if (key == Qt::Key_Q) setAngle(view_.angle() - 90);
    if (key == Qt::Key_E) setAngle(view_.angle() + 90);
    if (key == Qt::Key_Space) {
        space_ = true;
        updateCursor();
    }
    if (key == Qt::Key_H) {
        peeking_ = true;
        update();
    }
}

void SlideView::keyReleaseEvent(QKeyEvent* event) {
    if (event->isAutoRepeat()) return;
    if (event->key() == Qt::Key_Space) {
        space_ = false;
        updateCursor();
    } else if (event->key() == Qt::Key_H) {
        peeking_ = false;
        update();
    } else {
        QWidget::keyReleaseEvent(event);
    }
}

void SlideView::focusOutEvent(QFocusEvent* event) {
    space_ = peeking_ = false;  // the release of the key goes elsewhere now
    updateCursor();
    update();
    QWidget::focusOutEvent(event);
}

void SlideView::leaveEvent(QEvent*) {
    setHovered(nullptr, -1);
    Q_EMIT cursorLeft();
}

void SlideView::jumpTo(QPointF in_overview) {
    const QRectF box = overviewRect();
    if (box.isEmpty()) return;
    const QRectF slide = slideRect();
    centreOn((in_overview.x() - box.left()) / box.width() * slide.width(), (in_overview.y() - box.top()) / box.height() * slide.height());
}

int SlideView::topmostHit(QPointF level0, Layer** layer) const {
    if (layersHidden()) return -1;
    for (auto it = layers_.rbegin(); it != layers_.rend(); ++it) {
        if (!*it || !(*it)->isVisible()) continue;
        const int index = (*it)->hit(level0);
        if (index < 0) continue;
        if (layer) *layer = *it;
        return index;
    }
    return -1;
}

void SlideView::hover(QPointF widget) {
    Layer* layer = nullptr;
    const int index = overviewRect().contains(widget) ? -1 : topmostHit(view_.toSlide(widget), &layer);
    setHovered(layer, index);
}

void SlideView::setHovered(Layer* layer, int index) {
    if (hovered_layer_ == layer && hovered_ == index) return;
    if (hovered_layer_ && hovered_layer_ != layer) hovered_layer_->setHovered(-1);
    hovered_layer_ = layer;
    hovered_ = index;
    if (layer) layer->setHovered(index);
    Q_EMIT spotHovered(index);
}

}  // namespace c2l
