// The hand on the slide: selects and moves annotations, draws new ones, and draws a lasso around spots.
//
// Mouse: left button draws; middle button, or Space held, pans as ever. Polygon: click by click, or drag for a free line; double click, Enter or
// a click on the first corner closes it, Backspace takes the last corner back. Brush: paints on where the selected area is, else begins a new
// one; Alt erases; [ and ] change its size. Esc gives up what is being drawn, then goes back to selecting.
#pragma once

#include <QObject>
#include <QPointer>

#include "ui/annotation/annotation_layer.h"
#include "ui/annotation/annotation_store.h"
#include "ui/viewer/slide_view.h"

class QMouseEvent;
class QKeyEvent;

namespace c2l::ui {

enum class Tool { Select, Rectangle, Polygon, Brush, Point, Lasso };
enum class LassoMode { Replace, Add, Remove };

class AnnotationTools : public QObject {
    Q_OBJECT
public:
    AnnotationTools(SlideView* view, AnnotationStore* store, AnnotationLayer* layer, QObject* parent = nullptr);

    Tool tool() const { return tool_; }
    void setTool(Tool tool);
    // Class of what is drawn next; none: unclassified.
    void setClassification(const std::optional<Classification>& c) { classification_ = c; }
    const std::optional<Classification>& classification() const { return classification_; }
    double brushRadius() const { return brush_px_; }  // widget pixels: the brush is as large on screen at every magnification
    void setBrushRadius(double widget_px);
    void cancel();  // what is being drawn

Q_SIGNALS:
    void toolChanged(Tool tool);
    void brushRadiusChanged(double widget_px);
    void lassoed(const Geometry& area, LassoMode mode);  // level-0 pixels
    void failed(const QString& message);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    bool press(QMouseEvent* event);
    bool move(QMouseEvent* event);
    bool release(QMouseEvent* event);
    bool doubleClick(QMouseEvent* event);
    bool key(QKeyEvent* event);
    void clickSelect(QPointF widget, Qt::KeyboardModifiers modifiers);
    void beginBrush(Point2 at, Qt::KeyboardModifiers modifiers);
    void paintBrush(Point2 at);
    void endBrush();
    void addCorner(QPointF widget);
    void closePolygon();
    void placePoint(Point2 at);
    void addShape(Geometry geometry, const QString& what);
    void showPolygon(std::optional<Point2> cursor);
    void showLasso();
    Rgb colour() const;
    Point2 slideAt(QPointF widget) const;
    double reach(double widget_px) const { return widget_px / view_->transform().scale(); }
    int soleSelectedArea() const;  // an area that can be painted on, -1: none

    QPointer<SlideView> view_;
    AnnotationStore* store_;
    AnnotationLayer* layer_;
    Tool tool_ = Tool::Select;
    std::optional<Classification> classification_;
    double brush_px_ = 20;

    bool drawing_ = false;  // left button is down for us
    bool space_ = false;
    QPointF press_;         // widget
    Ring path_;             // corners or lasso so far, level-0 pixels
    Geometry painted_;      // by the brush so far
    int painted_on_ = -1;   // index of the area that is being changed
    bool erasing_ = false;
    LassoMode lasso_mode_ = LassoMode::Replace;
};

}  // namespace c2l::ui
