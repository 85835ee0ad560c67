#include "ui/registration/registration_tools.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QWheelEvent>
#include <QtMath>
#include <cmath>

namespace c2l::ui {
namespace {
constexpr double kNotch = 1.02;  // scale per wheel notch
}

RegistrationTools::RegistrationTools(SlideView* view, RegistrationEdit* edit, RegistrationLayer* layer, std::function<std::optional<QPointF>(QPointF)> snap, QObject* parent)
    : QObject(parent), view_(view), edit_(edit), layer_(layer), snap_(std::move(snap)) {
    view_->installEventFilter(this);
    connect(view_, &SlideView::clicked, this, [this](double x, double y) {
        if (active_ && tool_ == RegistrationTool::Landmarks) click({x, y});
    });
}

void RegistrationTools::setActive(bool on) {
    if (active_ == on) return;
    giveUp();
    active_ = on;
    if (view_) view_->setLeftDragPans(!on || tool_ != RegistrationTool::Move);
    hint();
}

void RegistrationTools::setTool(RegistrationTool tool) {
    giveUp();
    if (tool_ == tool) return;
    tool_ = tool;
    if (active_ && view_) view_->setLeftDragPans(tool != RegistrationTool::Move);
    layer_->setFrameVisible(tool == RegistrationTool::Move);
    Q_EMIT toolChanged(tool);
    hint();
}

void RegistrationTools::hint() {
    if (!active_) return Q_EMIT hinted({});
    if (tool_ == RegistrationTool::Move) return Q_EMIT hinted(tr("Drag moves the spots; Shift-drag or the knob turns them; a corner or Ctrl+wheel scales them."));
    Q_EMIT hinted(pending_ ? tr("Now click where this place belongs on the tissue (Esc: another one).") : tr("Click a spot or a place among the spots, then where it belongs on the tissue; two pairs or more."));
}

void RegistrationTools::giveUp() {
    drag_ = Drag::None;
    edit_->cancelPreview();
    pending_.reset();
    layer_->setPending({}, {});
}

bool RegistrationTools::eventFilter(QObject*, QEvent* event) {
    if (!active_ || !view_ || !view_->slide()) return false;
    switch (event->type()) {
        case QEvent::MouseButtonPress:
        case QEvent::MouseButtonDblClick: return press(static_cast<QMouseEvent*>(event));
        case QEvent::MouseMove: return move(static_cast<QMouseEvent*>(event));
        case QEvent::MouseButtonRelease: return release(static_cast<QMouseEvent*>(event));
        case QEvent::Wheel: return wheel(static_cast<QWheelEvent*>(event));
        case QEvent::KeyPress: {
            const int key = static_cast<QKeyEvent*>(event)->key();
            if (key == Qt::Key_Space) space_ = true;
            if (key != Qt::Key_Escape || (drag_ == Drag::None && !pending_)) return false;
            giveUp();
            hint();
            return true;
        }
        case QEvent::KeyRelease:
            if (static_cast<QKeyEvent*>(event)->key() == Qt::Key_Space && !static_cast<QKeyEvent*>(event)->isAutoRepeat()) space_ = false;
            return false;
        case QEvent::FocusOut: space_ = false; return false;
        default: return false;
    }
}

bool RegistrationTools::press(QMouseEvent* event) {
    if (tool_ != RegistrationTool::Move || event->button() != Qt::LeftButton || space_ || view_->isOverOverview(event->position())) return false;
    const auto handle = layer_->handleAt(event->position(), view_->transform());
    drag_ = handle == RegistrationLayer::Handle::Corner                                                       ? Drag::Scale
            : handle == RegistrationLayer::Handle::Knob || event->modifiers().testFlag(Qt::ShiftModifier) ? Drag::Turn
                                                                                                                : Drag::Move;
    press_ = view_->transform().toSlide(event->position());
    middle_ = layer_->middle();
    return true;
}

void RegistrationTools::dragTo(QPointF widget) {
    const QPointF at = view_->transform().toSlide(widget), from = press_ - middle_, to = at - middle_;
    if (drag_ == Drag::Move) return edit_->preview(shifting(at - press_));
    const double before = std::hypot(from.x(), from.y()), now = std::hypot(to.x(), to.y());
    if (!(before > 0) || !(now > 0)) return;
    if (drag_ == Drag::Scale) return edit_->preview(growing(now / before, middle_));
    edit_->preview(turning(qRadiansToDegrees(std::atan2(to.y(), to.x()) - std::atan2(from.y(), from.x())), middle_));
}

bool RegistrationTools::move(QMouseEvent* event) {
    if (pending_) layer_->setPending(pending_, view_->transform().toSlide(event->position()));
    if (drag_ == Drag::None) return false;  // the view tells what is under the cursor
    dragTo(event->position());
    return true;
}

bool RegistrationTools::release(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || drag_ == Drag::None) return false;
    if (view_->transform().toSlide(event->position()) != press_) dragTo(event->position());
    const Drag was = std::exchange(drag_, Drag::None);
    edit_->commit(was == Drag::Move ? tr("Move the spots") : was == Drag::Turn ? tr("Turn the spots") : tr("Scale the spots"));
    return true;
}

bool RegistrationTools::wheel(QWheelEvent* event) {
    if (!event->modifiers().testFlag(Qt::ControlModifier) || event->angleDelta().y() == 0) return false;
    edit_->grow(std::pow(kNotch, event->angleDelta().y() / 120.0), layer_->middle());
    event->accept();
    return true;
}

void RegistrationTools::click(QPointF level0) {
    if (!pending_) {
        pending_ = snap_ ? snap_(level0).value_or(level0) : level0;
        layer_->setPending(pending_, level0);
    } else {
        const QPointF spot = *std::exchange(pending_, std::nullopt);
        layer_->setPending({}, {});
        edit_->addLandmark(spot, level0);
    }
    hint();
}

}  // namespace c2l::ui
