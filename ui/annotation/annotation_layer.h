// Annotations drawn over the slide: areas with a light fill, lines, points as dots; what is being drawn on top.
#pragma once

#include <QPainterPath>
#include <unordered_map>

#include "ui/annotation/annotation_store.h"
#include "ui/viewer/layer.h"

namespace c2l::ui {

QPainterPath path_of(const Geometry& geometry);  // areas and lines in level-0 pixels, even-odd; empty for points
QColor to_qcolor(Rgb colour);
Rgb to_rgb(const QColor& colour);

class AnnotationLayer : public Layer {
    Q_OBJECT
public:
    explicit AnnotationLayer(AnnotationStore* store, QObject* parent = nullptr);

    void setFilled(bool on);
    void setPreview(Geometry geometry, Rgb colour);  // being drawn; None: nothing
    const Geometry& preview() const { return preview_; }
    void setMove(QPointF by);              // the selected ones are shown so far from their places, level-0 pixels

    // The object at a level-0 point: a point or line within `reach` level-0 pixels, else the smallest area around it; -1: none.
    int annotationAt(QPointF level0, double reach) const;
    void paint(QPainter& painter, const ViewTransform& view) override;

private:
    struct Drawn {
        AnnotationPtr annotation;  // keeps the key alive
        QPainterPath path;
        Box box;
        double area = 0;
    };
    void take();
    void paintShape(QPainter& painter, const ViewTransform& view, const QPainterPath& path, const Geometry& geometry, const QColor& colour, bool selected) const;
    void paintPoints(QPainter& painter, const ViewTransform& view, const Geometry& geometry, const QColor& colour, bool selected, const QString& name) const;

    AnnotationStore* store_;
    std::unordered_map<const Annotation*, Drawn> drawn_;
    Geometry preview_;
    Rgb preview_colour_;
    QPointF move_;
    bool filled_ = true;
};

}  // namespace c2l::ui
