#include "ui/registration/registration_layer.h"

#include <cmath>

namespace c2l::ui {
namespace {

constexpr double kHandle = 5, kReach = 9, kKnobAway = 28;  // widget pixels
const QColor kFrame(0xd9, 0x48, 0x01), kPlace(0x0b, 0x6b, 0x3a);

void line(QPainter& painter, const QColor& colour, QPointF a, QPointF b) {
    painter.setPen(QPen(QColor(255, 255, 255, 200), 4));
    painter.drawLine(a, b);
    painter.setPen(QPen(colour, 2));
    painter.drawLine(a, b);
}

double distance(QPointF a, QPointF b) { return std::hypot(a.x() - b.x(), a.y() - b.y()); }

}  // namespace

RegistrationLayer::RegistrationLayer(RegistrationEdit* edit, QObject* parent) : Layer(parent), edit_(edit) { connect(edit, &RegistrationEdit::changed, this, &Layer::changed); }

QPolygonF RegistrationLayer::frame(const ViewTransform& view) const {
    const QRectF r = edit_->spots();
    const QTransform moved = edit_->transform();
    QPolygonF out;
    for (const QPointF& corner : {r.topLeft(), r.topRight(), r.bottomRight(), r.bottomLeft()}) out << view.toWidget(moved.map(corner));
    return out;
}

QPointF RegistrationLayer::middle() const { return edit_->transform().map(edit_->spots().center()); }

QPointF RegistrationLayer::knob(const ViewTransform& view) const {
    const QPolygonF corners = frame(view);
    const QPointF top = (corners[0] + corners[1]) / 2, out = top - (corners[2] + corners[3]) / 2;
    const double length = std::hypot(out.x(), out.y());
    return length > 0 ? top + out * (kKnobAway / length) : top;
}

RegistrationLayer::Handle RegistrationLayer::handleAt(QPointF widget, const ViewTransform& view) const {
    if (!frame_visible_ || edit_->spots().isEmpty()) return Handle::None;
    if (distance(widget, knob(view)) <= kReach) return Handle::Knob;
    for (const QPointF& corner : frame(view))
        if (distance(widget, corner) <= kReach) return Handle::Corner;
    return Handle::None;
}

void RegistrationLayer::setFrameVisible(bool on) {
    frame_visible_ = on;
    Q_EMIT changed();
}

void RegistrationLayer::setPending(std::optional<QPointF> shown, QPointF cursor) {
    if (!pending_ && !shown) return;
    pending_ = shown;
    cursor_ = cursor;
    Q_EMIT changed();
}

void RegistrationLayer::paint(QPainter& painter, const ViewTransform& view) {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setOpacity(1);
    if (frame_visible_ && !edit_->spots().isEmpty()) paintFrame(painter, view);
    paintPairs(painter, view);
}

void RegistrationLayer::paintFrame(QPainter& painter, const ViewTransform& view) const {
    const QPolygonF corners = frame(view);
    for (int i = 0; i < 4; ++i) line(painter, kFrame, corners[i], corners[(i + 1) % 4]);
    const QPointF knob_at = knob(view);
    line(painter, kFrame, (corners[0] + corners[1]) / 2, knob_at);
    painter.setPen(QPen(kFrame, 2));
    painter.setBrush(Qt::white);
    painter.drawEllipse(knob_at, kHandle, kHandle);
    for (const QPointF& corner : corners) painter.drawRect(QRectF(corner.x() - kHandle, corner.y() - kHandle, 2 * kHandle, 2 * kHandle));
}

void RegistrationLayer::paintPairs(QPainter& painter, const ViewTransform& view) const {
    int number = 1;
    for (const Landmark& pair : edit_->landmarks()) {
        const Position spot = edit_->registration().apply(pair.spot);
        paintPair(painter, view.toWidget(QPointF(spot.x, spot.y)), view.toWidget(QPointF(pair.slide.x, pair.slide.y)), QString::number(number++));
    }
    if (pending_) paintPair(painter, view.toWidget(*pending_), view.toWidget(cursor_), QString::number(number));
}

// A ring where the spot is, a cross where it belongs.
void RegistrationLayer::paintPair(QPainter& painter, QPointF spot, QPointF slide, const QString& name) const {
    line(painter, kPlace, spot, slide);
    line(painter, kPlace, slide - QPointF(7, 0), slide + QPointF(7, 0));
    line(painter, kPlace, slide - QPointF(0, 7), slide + QPointF(0, 7));
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(Qt::white, 4));
    painter.drawEllipse(spot, 7, 7);
    painter.setPen(QPen(kPlace, 2));
    painter.drawEllipse(spot, 7, 7);
    const QRectF plate(slide.x() + 9, slide.y() - 20, 18, 16);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(255, 255, 255, 220));
    painter.drawRoundedRect(plate, 3, 3);
    painter.setPen(kPlace);
    painter.drawText(plate, Qt::AlignCenter, name);
}

}  // namespace c2l::ui
