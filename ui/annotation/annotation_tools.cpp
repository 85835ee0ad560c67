#include "ui/annotation/annotation_tools.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <algorithm>
#include <cmath>
#include <set>

#include "annotation/combine.h"
#include "base/error.h"

namespace c2l::ui {
namespace {

constexpr double kDrag = 4;    // widget pixels before a press becomes a drag
constexpr double kReach = 7;   // widget pixels around a point, a line or a first corner
constexpr double kStep = 2.5;  // widget pixels between the vertices of a line drawn by hand
constexpr double kLeastBrush = 2, kMostBrush = 400;

double distance(QPointF a, QPointF b) { return std::hypot(a.x() - b.x(), a.y() - b.y()); }

}  // namespace

AnnotationTools::AnnotationTools(SlideView* view, AnnotationStore* store, AnnotationLayer* layer, QObject* parent)
    : QObject(parent), view_(view), store_(store), layer_(layer) {
    qRegisterMetaType<c2l::Geometry>("Geometry");
    view_->installEventFilter(this);
    // A stroke holds on to an area by its place in the list, and undo, deletion or a file that has been read may have moved it.
    connect(store_, &AnnotationStore::changed, this, [this] {
        if (painted_on_ >= 0) cancel();
    });
}

void AnnotationTools::setTool(Tool tool) {
    cancel();
    if (tool_ == tool) return;
    tool_ = tool;
    if (view_) view_->setLeftDragPans(tool == Tool::Select);
    Q_EMIT toolChanged(tool);
}

void AnnotationTools::setBrushRadius(double widget_px) {
    brush_px_ = std::clamp(widget_px, kLeastBrush, kMostBrush);
    Q_EMIT brushRadiusChanged(brush_px_);
}

void AnnotationTools::cancel() {
    drawing_ = false;
    path_.clear();
    painted_ = {};
    painted_on_ = -1;
    layer_->setMove({});
    layer_->setPreview({}, {});
}

Rgb AnnotationTools::colour() const { return classification_ ? class_colour(*classification_) : Rgb{255, 230, 0}; }

Point2 AnnotationTools::slideAt(QPointF widget) const {
    const QPointF p = view_->transform().toSlide(widget);
    // A hundredth of a pixel is finer than any hand, and shorter in a file.
    return {std::round(p.x() * 100) / 100, std::round(p.y() * 100) / 100};
}

int AnnotationTools::soleSelectedArea() const {
    if (store_->selection().size() != 1) return -1;
    const Annotation& a = *store_->annotations()[static_cast<std::size_t>(store_->selection()[0])];
    return a.locked || !a.geometry.is_area() ? -1 : store_->selection()[0];
}

bool AnnotationTools::eventFilter(QObject*, QEvent* event) try {
    if (!view_ || !view_->slide()) return false;
    switch (event->type()) {
        case QEvent::MouseButtonPress: return press(static_cast<QMouseEvent*>(event));
        case QEvent::MouseMove: return move(static_cast<QMouseEvent*>(event));
        case QEvent::MouseButtonRelease: return release(static_cast<QMouseEvent*>(event));
        case QEvent::MouseButtonDblClick: return doubleClick(static_cast<QMouseEvent*>(event));
        case QEvent::KeyPress: return key(static_cast<QKeyEvent*>(event));
        case QEvent::KeyRelease:
            if (static_cast<QKeyEvent*>(event)->key() == Qt::Key_Space && !static_cast<QKeyEvent*>(event)->isAutoRepeat()) space_ = false;
            return false;
        case QEvent::FocusOut: space_ = false; return false;
        default: return false;
    }
} catch (const Error& error) {
    cancel();
    Q_EMIT failed(QString::fromStdString(error.line()));
    return true;
}

bool AnnotationTools::press(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || space_ || view_->isOverOverview(event->position())) return false;
    press_ = event->position();
    const Point2 at = slideAt(press_);
    if (tool_ == Tool::Select) {
        const int hit = layer_->annotationAt({at.x, at.y}, reach(kReach));
        const bool can_move = hit >= 0 && store_->isSelected(hit) && !store_->annotations()[static_cast<std::size_t>(hit)]->locked;
        drawing_ = can_move && !(event->modifiers() & (Qt::ControlModifier | Qt::ShiftModifier));
        return drawing_;
    }
    drawing_ = true;
    switch (tool_) {
        case Tool::Brush: beginBrush(at, event->modifiers()); break;
        case Tool::Polygon: addCorner(press_); break;
        case Tool::Lasso:
            path_ = {at};
            lasso_mode_ = event->modifiers() & Qt::AltModifier ? LassoMode::Remove : event->modifiers() & Qt::ShiftModifier ? LassoMode::Add : LassoMode::Replace;
            break;
        default: break;
    }
    return true;
}

bool AnnotationTools::move(QMouseEvent* event) {
    const QPointF widget = event->position();
    const Point2 at = slideAt(widget);
    if (!drawing_) {
        if (tool_ == Tool::Polygon && !path_.empty()) showPolygon(at);
        return false;  // the view goes on telling what is under the cursor
    }
    switch (tool_) {
        case Tool::Select:
            if (distance(widget, press_) >= kDrag) layer_->setMove(view_->transform().vectorToSlide(widget - press_));
            break;
        case Tool::Rectangle: layer_->setPreview(rectangle(slideAt(press_), at), colour()); break;
        case Tool::Brush: paintBrush(at); break;
        case Tool::Polygon:
            if (std::hypot(at.x - path_.back().x, at.y - path_.back().y) >= reach(kStep) && distance(widget, press_) >= kDrag) path_.push_back(at);
            showPolygon(at);
            break;
        case Tool::Lasso:
            if (std::hypot(at.x - path_.back().x, at.y - path_.back().y) >= reach(kStep)) path_.push_back(at);
            showLasso();
            break;
        case Tool::Point: break;
    }
    return true;
}

bool AnnotationTools::release(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return false;
    const QPointF widget = event->position();
    const bool dragged = distance(widget, press_) >= kDrag;
    if (!drawing_) {
        if (tool_ == Tool::Select && !space_ && !dragged && !view_->isOverOverview(widget)) clickSelect(widget, event->modifiers());
        return false;
    }
    drawing_ = false;
    switch (tool_) {
        case Tool::Select: {
            layer_->setMove({});
            if (const QPointF by = view_->transform().vectorToSlide(widget - press_); dragged) store_->moveSelected(by.x(), by.y());
            else clickSelect(widget, event->modifiers());
            break;
        }
        case Tool::Rectangle:
            layer_->setPreview({}, {});
            if (dragged) addShape(rectangle(slideAt(press_), slideAt(widget)), tr("Rectangle"));
            break;
        case Tool::Brush: endBrush(); break;
        case Tool::Polygon:
            if (dragged) closePolygon();  // drawn in one go
            break;
        case Tool::Lasso: {
            const Geometry area = polygon_of(std::exchange(path_, {}));
            layer_->setPreview({}, {});
            if (dragged && area.vertices() >= 3) Q_EMIT lassoed(area, lasso_mode_);
            break;
        }
        case Tool::Point:
            if (!dragged) placePoint(slideAt(widget));
            break;
    }
    return true;
}

bool AnnotationTools::doubleClick(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton || tool_ == Tool::Select || view_->isOverOverview(event->position())) return false;
    if (tool_ != Tool::Polygon) return press(event);  // two quick strokes are two strokes
    closePolygon();
    return true;
}

bool AnnotationTools::key(QKeyEvent* event) {
    const int k = event->key();
    if (k == Qt::Key_Space && !event->isAutoRepeat()) space_ = true;
    if (k == Qt::Key_Escape) {
        const bool busy = drawing_ || !path_.empty();
        cancel();
        if (!busy && tool_ != Tool::Select) setTool(Tool::Select);
        else if (!busy) store_->select({});
        return true;
    }
    if (tool_ == Tool::Polygon && !path_.empty()) {
        if (k == Qt::Key_Return || k == Qt::Key_Enter) return closePolygon(), true;
        if (k == Qt::Key_Backspace) {
            path_.pop_back();
            showPolygon({});
            return true;
        }
    }
    if (k == Qt::Key_BracketLeft || k == Qt::Key_BracketRight) {
        setBrushRadius(brush_px_ * (k == Qt::Key_BracketLeft ? 0.8 : 1.25));
        return true;
    }
    return false;
}

void AnnotationTools::clickSelect(QPointF widget, Qt::KeyboardModifiers modifiers) {
    const QPointF at = view_->transform().toSlide(widget);
    const int hit = layer_->annotationAt(at, reach(kReach));
    if (!(modifiers & (Qt::ControlModifier | Qt::ShiftModifier))) return store_->select(hit < 0 ? std::vector<int>{} : std::vector<int>{hit});
    if (hit < 0) return;
    std::vector<int> selection = store_->selection();
    if (store_->isSelected(hit)) std::erase(selection, hit);
    else selection.push_back(hit);
    store_->select(std::move(selection));
}

void AnnotationTools::beginBrush(Point2 at, Qt::KeyboardModifiers modifiers) {
    erasing_ = modifiers & Qt::AltModifier;
    painted_on_ = soleSelectedArea();
    painted_ = {};
    if (painted_on_ >= 0) {
        const Geometry& area = store_->annotations()[static_cast<std::size_t>(painted_on_)]->geometry;
        // A stroke that begins beside the selected area begins another, unless Shift holds on to it.
        if (erasing_ || modifiers & Qt::ShiftModifier || distance_px(area, at) <= reach(brush_px_)) painted_ = area;
        else painted_on_ = -1;
    }
    if (erasing_ && painted_on_ < 0) {
        drawing_ = false;
        Q_EMIT failed(tr("Select the area to erase from first; Alt with the brush takes from the selected area."));
        return;
    }
    path_.clear();
    paintBrush(at);
}

void AnnotationTools::paintBrush(Point2 at) {
    const double radius = reach(brush_px_);
    if (!path_.empty() && std::hypot(at.x - path_.back().x, at.y - path_.back().y) < std::max(reach(1), radius / 8)) return;
    const Geometry stroke = brush_stroke(path_.empty() ? Ring{at} : Ring{path_.back(), at}, radius);
    painted_ = erasing_ ? subtract(painted_, stroke) : unite(painted_, stroke);
    path_ = {at};
    layer_->setPreview(painted_, colour());
}

void AnnotationTools::endBrush() {
    Geometry painted = std::move(painted_);
    const int on = painted_on_;
    cancel();
    if (on < 0) return addShape(std::move(painted), tr("Brush"));
    if (painted.empty()) return store_->removeSelected();  // all of it was erased
    store_->replace(on, with_geometry(*store_->annotations()[static_cast<std::size_t>(on)], std::move(painted)), erasing_ ? tr("Erase") : tr("Brush"));
}

void AnnotationTools::addCorner(QPointF widget) {
    if (path_.size() >= 3 && distance(view_->transform().toWidget(QPointF(path_[0].x, path_[0].y)), widget) <= kReach) {
        drawing_ = false;
        return closePolygon();
    }
    path_.push_back(slideAt(widget));
    showPolygon({});
}

void AnnotationTools::closePolygon() {
    Ring ring = std::exchange(path_, {});
    drawing_ = false;
    layer_->setPreview({}, {});
    if (ring.size() >= 3) addShape(normalised(polygon_of(std::move(ring))), tr("Polygon"));
}

void AnnotationTools::placePoint(Point2 at) {
    std::set<std::string> taken;
    for (const AnnotationPtr& a : store_->annotations()) taken.insert(a->name);
    int n = 1;
    while (taken.count("S" + std::to_string(n))) ++n;
    Annotation a;
    a.id = new_annotation_id();
    a.geometry = point_at(at);
    a.name = "S" + std::to_string(n);  // what a table of values calls it
    a.classification = classification_;
    store_->add({std::move(a)}, tr("Point"));
}

void AnnotationTools::addShape(Geometry geometry, const QString& what) {
    if (!(area_px(geometry) > 0)) return;
    Annotation a;
    a.id = new_annotation_id();
    a.geometry = std::move(geometry);
    a.classification = classification_;
    store_->add({std::move(a)}, what);
}

void AnnotationTools::showPolygon(std::optional<Point2> cursor) {
    Ring ring = path_;
    if (cursor && !ring.empty()) ring.push_back(*cursor);
    layer_->setPreview(ring.size() < 3 ? line_along(std::move(ring)) : polygon_of(std::move(ring)), colour());
}

void AnnotationTools::showLasso() { layer_->setPreview(polygon_of(path_), {30, 110, 190}); }

}  // namespace c2l::ui
