#include "ui/viewer/scale_bar.h"

#include <QFontMetricsF>
#include <cmath>

namespace c2l {

namespace {

QString label_of(double length, bool micrometres) {
    if (!micrometres) return QStringLiteral("%1 px").arg(length, 0, 'g', 6);
    if (length >= 1000) return QStringLiteral("%1 mm").arg(length / 1000, 0, 'g', 6);
    return QStringLiteral("%1 µm").arg(length, 0, 'g', 6);
}

}  // namespace

ScaleBar choose_scale_bar(double scale, std::optional<double> mpp, double max_width) {
    ScaleBar bar;
    const double unit = scale / mpp.value_or(1.0);  // widget pixels per µm (or per level-0 pixel)
    if (!(unit > 0) || !std::isfinite(unit) || !(max_width > 0)) return bar;
    const double most = max_width / unit;
    const double decade = std::pow(10.0, std::floor(std::log10(most)));
    const double step = most >= 5 * decade ? 5 : most >= 2 * decade ? 2 : 1;
    bar.length = step * decade;
    bar.width = bar.length * unit;
    bar.label = label_of(bar.length, mpp.has_value());
    return bar;
}

QRectF paint_scale_bar(QPainter& painter, const ScaleBar& bar, QPointF bottom_left, const QString& note) {
    if (bar.width <= 0) return {};
    painter.save();
    const QFontMetricsF metrics(painter.font());
    const QString text = note.isEmpty() ? bar.label : bar.label + QStringLiteral("  ·  ") + note;
    const double pad = 8, line = 4;
    const double width = std::max(bar.width, metrics.horizontalAdvance(text)) + 2 * pad;
    const double height = metrics.height() + line + 2 * pad;
    const QRectF plate(bottom_left.x(), bottom_left.y() - height, width, height);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(255, 255, 255, 215));
    painter.drawRoundedRect(plate, 4, 4);
    painter.setPen(QColor(20, 20, 20));
    painter.drawText(QPointF(plate.left() + pad, plate.top() + pad - 2 + metrics.ascent()), text);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.fillRect(QRectF(plate.left() + pad, plate.bottom() - pad - line + 1, bar.width, line - 1), QColor(20, 20, 20));
    painter.restore();
    return plate;
}

}  // namespace c2l
