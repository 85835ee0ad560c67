#include "ui/overlay/colour_bar.h"

#include <QPainter>
#include <cmath>

namespace c2l {

namespace {

constexpr double kBarWidth = 16, kGap = 6;

QString number(double v, double step) {
    if (v != 0 && (std::abs(v) >= 1e5 || std::abs(v) < 1e-3)) return QString::number(v, 'g', 3);
    const int decimals = step >= 1 ? 0 : std::min(4, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
    return QString::number(v, 'f', decimals);
}

double nice_step(double span, int at_most) {
    const double raw = span / std::max(1, at_most - 1);
    const double decade = std::pow(10.0, std::floor(std::log10(raw)));
    for (const double m : {1.0, 2.0, 5.0}) {
        if (m * decade >= raw * (1 - 1e-9)) return m * decade;
    }
    return 10 * decade;
}

}  // namespace

std::vector<double> colour_bar_ticks(const ColourScale& scale, int at_most) {
    std::vector<double> ticks;
    if (!(scale.high > scale.low) || at_most < 2 || !std::isfinite(scale.high - scale.low)) return {scale.low};
    if (scale.log) {  // even distances on the bar, rounded to two digits
        for (int i = 0; i < at_most; ++i) {
            const double v = scale.value(static_cast<double>(i) / (at_most - 1));
            const double unit = v == 0 ? 1 : std::pow(10.0, std::floor(std::log10(std::abs(v))) - 1);
            const double rounded = i == 0 || i == at_most - 1 ? v : std::round(v / unit) * unit;
            if (rounded >= scale.low && rounded <= scale.high && (ticks.empty() || rounded > ticks.back())) ticks.push_back(rounded);
        }
        return ticks;
    }
    const double step = nice_step(scale.high - scale.low, at_most);
    for (double k = std::ceil(scale.low / step - 1e-9); k * step <= scale.high + step * 1e-9; ++k) ticks.push_back(k * step);
    return ticks;
}

void paint_colour_bar(QPainter& painter, const QRectF& box, ColourMapId map, const ColourScale& scale, const QString& title,
                      const QString& unit, const QColor& text) {
    painter.save();
    const QFontMetricsF metrics(painter.font());
    QFont bold = painter.font();
    bold.setBold(true);
    painter.setPen(text);
    double top = box.top();
    if (!title.isEmpty()) {
        const QFont plain = painter.font();
        painter.setFont(bold);
        painter.drawText(QRectF(box.left(), top, box.width(), metrics.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         QFontMetricsF(bold).elidedText(title, Qt::ElideRight, box.width()));
        painter.setFont(plain);
        top += metrics.height() + 2;
    }
    if (!unit.isEmpty()) {
        painter.drawText(QRectF(box.left(), top, box.width(), metrics.height()), Qt::AlignLeft | Qt::AlignVCenter,
                         metrics.elidedText(unit, Qt::ElideRight, box.width()));
        top += metrics.height() + 2;
    }
    const double half = metrics.height() / 2;
    const QRectF bar(box.left() + 0.5, std::round(top + half) + 0.5, kBarWidth, std::floor(box.bottom() - top - 2 * half) - 1);
    if (bar.height() < 8) {
        painter.restore();
        return;
    }
    QImage gradient(1, 256, QImage::Format_RGB32);
    for (int i = 0; i < 256; ++i) gradient.setPixel(0, 255 - i, ColourMap::get(map).at(i));
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    painter.drawImage(bar, gradient, QRectF(gradient.rect()));
    QColor line = text;
    line.setAlphaF(0.5F);
    painter.setPen(line);
    painter.drawRect(bar);
    const auto ticks = colour_bar_ticks(scale, std::clamp(static_cast<int>(bar.height() / (metrics.height() * 1.8)) + 1, 2, 7));
    const double step = ticks.size() > 1 ? std::abs(ticks[1] - ticks[0]) : 1;
    for (const double tick : ticks) {
        const double y = bar.bottom() - scale.position(tick) * bar.height();
        painter.setPen(line);
        painter.drawLine(QPointF(bar.right(), y), QPointF(bar.right() + 4, y));
        painter.setPen(text);
        painter.drawText(QRectF(bar.right() + kGap, y - half, box.right() - bar.right() - kGap, metrics.height()),
                         Qt::AlignLeft | Qt::AlignVCenter, scale.log ? QString::number(tick, 'g', 3) : number(tick, step));
    }
    painter.restore();
}

ColourBar::ColourBar(QWidget* parent) : QWidget(parent) {
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Expanding);
    setAccessibleName(tr("Colour bar"));
}

void ColourBar::set(ColourMapId map, const ColourScale& scale, const QString& title, const QString& unit) {
    map_ = map;
    scale_ = scale;
    title_ = title;
    unit_ = unit;
    setToolTip(unit.isEmpty() ? title : tr("%1 (%2)").arg(title, unit));
    updateGeometry();
    update();
}

QSize ColourBar::sizeHint() const {
    const QFontMetrics metrics(font());
    const int title = std::max(metrics.horizontalAdvance(title_) * 11 / 10, metrics.horizontalAdvance(unit_));
    return {std::clamp(title + 4, 72, 160), 200};
}

QSize ColourBar::minimumSizeHint() const { return {sizeHint().width(), 90}; }

void ColourBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paint_colour_bar(painter, QRectF(rect()).adjusted(2, 2, -2, -2), map_, scale_, title_, unit_, palette().color(QPalette::WindowText));
}

}  // namespace c2l
