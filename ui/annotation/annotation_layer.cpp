#include "ui/annotation/annotation_layer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace c2l::ui {
namespace {

constexpr double kDot = 4.5;          // radius of a point, widget pixels
constexpr double kLeastShown = 2;     // widget pixels: smaller objects are one dot
constexpr int kFill = 46;             // of 255
constexpr double kNamesFrom = 24;     // widget pixels between neighbours, about: names of points are shown from here
const Rgb kUnclassified{255, 230, 0};  // seen on H&E

Rgb shown_colour(const Annotation& a) {
    if (a.colour) return *a.colour;
    return a.classification ? class_colour(*a.classification) : kUnclassified;
}

bool is_finite_box(const Box& b) { return std::isfinite(b.left + b.top + b.right + b.bottom); }

}  // namespace

QColor to_qcolor(Rgb c) { return {c.r, c.g, c.b}; }
Rgb to_rgb(const QColor& c) { return {static_cast<std::uint8_t>(c.red()), static_cast<std::uint8_t>(c.green()), static_cast<std::uint8_t>(c.blue())}; }

QPainterPath path_of(const Geometry& g) {
    QPainterPath path;
    path.setFillRule(Qt::OddEvenFill);
    if (g.is_points()) return path;
    for (const Part& part : g.parts) {
        for (const Ring& ring : part) {
            if (ring.empty()) continue;
            path.moveTo(ring[0].x, ring[0].y);
            for (std::size_t i = 1; i < ring.size(); ++i) path.lineTo(ring[i].x, ring[i].y);
            if (g.is_area()) path.closeSubpath();
        }
    }
    return path;
}

AnnotationLayer::AnnotationLayer(AnnotationStore* store, QObject* parent) : Layer(parent), store_(store) {
    connect(store, &AnnotationStore::changed, this, &AnnotationLayer::take);
    connect(store, &AnnotationStore::selectionChanged, this, &Layer::changed);
    take();
}

// Paths of objects that have not changed are kept: objects are immutable, so their address tells.
void AnnotationLayer::take() {
    std::unordered_map<const Annotation*, Drawn> next;
    next.reserve(store_->annotations().size());
    for (const AnnotationPtr& a : store_->annotations()) {
        if (const auto known = drawn_.find(a.get()); known != drawn_.end()) next.emplace(a.get(), std::move(known->second));
        else next.emplace(a.get(), Drawn{a, path_of(a->geometry), bounds(a->geometry), area_px(a->geometry)});
    }
    drawn_ = std::move(next);
    Q_EMIT changed();
}

void AnnotationLayer::setFilled(bool on) {
    if (std::exchange(filled_, on) != on) Q_EMIT changed();
}

void AnnotationLayer::setPreview(Geometry geometry, Rgb colour) {
    preview_ = std::move(geometry);
    preview_colour_ = colour;
    Q_EMIT changed();
}

void AnnotationLayer::setMove(QPointF by) {
    move_ = by;
    Q_EMIT changed();
}

int AnnotationLayer::annotationAt(QPointF level0, double reach) const {
    const Point2 p{level0.x(), level0.y()};
    int best = -1;
    double least = std::numeric_limits<double>::infinity();  // distance − big for points and lines, area for areas
    const auto& list = store_->annotations();
    for (int i = static_cast<int>(list.size()) - 1; i >= 0; --i) {
        const Annotation& a = *list[static_cast<std::size_t>(i)];
        const Drawn& d = drawn_.at(&a);
        const Box wide{d.box.left - reach, d.box.top - reach, d.box.right + reach, d.box.bottom + reach};
        if (a.geometry.empty() || !wide.contains(p)) continue;
        const double distance = distance_px(a.geometry, p);
        const bool area = a.geometry.is_area();
        if (distance > (area ? reach / 2 : reach)) continue;
        const double rank = area ? d.area : distance - 1e12;
        if (rank >= least) continue;
        least = rank;
        best = i;
    }
    return best;
}

void AnnotationLayer::paintPoints(QPainter& painter, const ViewTransform& view, const Geometry& g, const QColor& colour, bool selected, const QString& name) const {
    const QRectF seen = view.visible();
    const double reach = 2 * kDot / view.scale();
    painter.setBrush(colour);
    painter.setPen(QPen(selected ? Qt::black : Qt::white, selected ? 2.5 : 1.5));
    for (const Part& part : g.parts) {
        for (const Ring& ring : part) {
            for (const Point2& p : ring) {
                if (!seen.adjusted(-reach, -reach, reach, reach).contains(p.x, p.y)) continue;
                const QPointF at = view.toWidget(QPointF(p.x, p.y));
                painter.drawEllipse(at, kDot, kDot);
                if (name.isEmpty()) continue;
                const QPointF text = at + QPointF(kDot + 3, kDot);
                QPainterPath outline;
                outline.addText(text, painter.font(), name);
                painter.strokePath(outline, QPen(Qt::white, 3));
                painter.fillPath(outline, Qt::black);
                painter.setBrush(colour);
            }
        }
    }
}

void AnnotationLayer::paintShape(QPainter& painter, const ViewTransform& view, const QPainterPath& path, const Geometry& g, const QColor& colour, bool selected) const {
    painter.save();
    painter.setTransform(view.matrix(), true);
    QColor fill = colour;
    fill.setAlpha(kFill);
    painter.setBrush(g.is_area() && filled_ ? QBrush(fill) : QBrush(Qt::NoBrush));
    const auto pen = [](const QColor& c, double width) {
        QPen p(c, width);
        p.setCosmetic(true);
        p.setJoinStyle(Qt::RoundJoin);
        return p;
    };
    if (selected) {  // white beneath dark stands out on any tissue
        painter.setPen(pen(Qt::white, 5));
        painter.drawPath(path);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(pen(QColor(20, 20, 20), 3.5));
        painter.drawPath(path);
    }
    painter.setPen(pen(colour, selected ? 2 : 1.75));
    painter.drawPath(path);
    painter.restore();
}

void AnnotationLayer::paint(QPainter& painter, const ViewTransform& view) {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setOpacity(opacity());
    const QRectF v = view.visible();
    const double reach = 10 / view.scale();
    const Box seen{v.left() - reach, v.top() - reach, v.right() + reach, v.bottom() + reach};
    const auto& list = store_->annotations();
    std::vector<int> visible, on_top;
    std::size_t points = 0;
    for (int i = 0; i < static_cast<int>(list.size()); ++i) {
        const Annotation& a = *list[static_cast<std::size_t>(i)];
        const Drawn& d = drawn_.at(&a);
        const bool selected = store_->isSelected(i);
        if (a.geometry.empty() || !is_finite_box(d.box) || !(selected || d.box.touches(seen))) continue;
        (selected ? on_top : visible).push_back(i);
        points += a.geometry.is_points();
    }
    // Names where there is room for them.
    const bool names = points > 0 && std::sqrt(v.width() * v.height() / static_cast<double>(points)) * view.scale() > kNamesFrom * 2;
    visible.insert(visible.end(), on_top.begin(), on_top.end());
    for (const int i : visible) {
        const Annotation& a = *list[static_cast<std::size_t>(i)];
        const Drawn& d = drawn_.at(&a);
        const bool selected = store_->isSelected(i);
        const QColor colour = to_qcolor(shown_colour(a));
        painter.save();
        if (selected && !a.locked) painter.translate(view.vectorToWidget(move_));
        const double side = std::max(d.box.right - d.box.left, d.box.bottom - d.box.top) * view.scale();
        if (a.geometry.is_points()) {
            paintPoints(painter, view, a.geometry, colour, selected, names ? QString::fromStdString(a.name) : QString());
        } else if (side < kLeastShown && !selected) {
            painter.fillRect(QRectF(view.toWidget(QPointF(d.box.left, d.box.top)), QSizeF(kLeastShown, kLeastShown)), colour);
        } else {
            paintShape(painter, view, d.path, a.geometry, colour, selected);
        }
        painter.restore();
    }
    if (preview_.is_points()) paintPoints(painter, view, preview_, to_qcolor(preview_colour_), true, {});
    else if (!preview_.empty()) paintShape(painter, view, path_of(preview_), preview_, to_qcolor(preview_colour_), true);
}

}  // namespace c2l::ui
