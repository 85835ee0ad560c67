// The slide on screen: pan, zoom, overview map, scale bar, layers. Tiles come from a TileLoader; the GUI thread never reads pixels.
//
// Mouse: drag pans (also middle button, or any drag while Space is held) and glides on after a quick one, wheel zooms at the cursor, Alt+wheel
// turns about it. Keys: 1–6 = 1×, 2.5×, 5×, 10×, 20×, 40×; 0 or F fits; + and - zoom; arrows pan; Q and E turn by a quarter; H held hides
// the layers.
#pragma once

#include <QElapsedTimer>
#include <QList>
#include <QPointer>
#include <QTimer>
#include <QWidget>
#include <memory>
#include <optional>

#include "ui/viewer/glide.h"
#include "ui/viewer/layer.h"
#include "ui/viewer/tile_loader.h"
#include "ui/viewer/view_transform.h"

namespace c2l {

class SlideView : public QWidget {
    Q_OBJECT
public:
    explicit SlideView(QWidget* parent = nullptr);
    ~SlideView() override;

    void setSlide(std::shared_ptr<const Slide> slide);   // own loader; null: empty view
    void setLoader(std::shared_ptr<TileLoader> loader);  // shared with other views of the same slide; the slide is fitted
    void showLike(const SlideView& other);               // its loader, and at once the place and angle it shows
    const std::shared_ptr<TileLoader>& loader() const { return loader_; }
    std::shared_ptr<const Slide> slide() const;
    void setEmptyText(const QString& text);  // shown while there is no slide: what to do next
    void setCaption(const QString& text);    // small title in the corner ("measured", "predicted")
    void setNote(const QString& text);       // lines in the other corner: how what is shown differs from the file
    const QString& note() const { return note_; }
    void setPointer(std::optional<QPointF> level0);  // a cross there: where the cursor is in a linked view

    std::optional<double> mpp() const;       // the slide's, unless overridden
    void setMpp(std::optional<double> mpp);  // µm per level-0 pixel, overrides the slide's

    // Bottom to top; not owned, removed by itself when destroyed.
    void addLayer(Layer* layer) { insertLayer(static_cast<int>(layers_.size()), layer); }
    void insertLayer(int index, Layer* layer);  // 0: beneath all others
    void removeLayer(Layer* layer);
    QList<Layer*> layers() const;

    const ViewTransform& transform() const { return view_; }
    void setView(QPointF centre, double scale);  // both clamped to what is sensible for the slide
    void fit();
    void fitTo(const QRectF& level0);
    void zoomAt(QPointF widget, double factor);
    void turnAt(QPointF widget, double degrees);  // clockwise
    void setAngle(double degrees);                // about the middle; 0: as the file has it
    void centreOn(double x, double y);
    std::optional<double> magnification() const;  // none when µm/px are unknown
    void setMagnification(double magnification);  // without µm/px: level-0 pixels count as 0.25 µm
    // The two views show the same place from now on, and each the other's cursor (both ways).
    static void link(SlideView* a, SlideView* b);

    bool layersHidden() const { return peeking_ || layers_hidden_; }
    void setLayersHidden(bool hidden);
    void setOverviewVisible(bool visible);
    void setScaleBarVisible(bool visible);
    void setLeftDragPans(bool on) { left_drag_pans_ = on; }  // off while a drawing tool has the left button

    void paintFront(QPainter& painter);  // all but the slide, the overview map and the linked cursor: layers, scale bar, caption, note
    bool isOverOverview(QPointF widget) const { return overviewRect().contains(widget); }
    bool isSettled() const;  // every visible tile is on screen at its proper level
    QSize sizeHint() const override { return {900, 650}; }
    QSize minimumSizeHint() const override { return {160, 120}; }

Q_SIGNALS:
    void viewChanged();
    void cursorMoved(double x, double y);  // level-0 pixels
    void cursorLeft();
    void clicked(double x, double y);  // level-0 pixels; left button, without dragging
    void spotHovered(int index);       // topmost layer that is hit; -1 when the cursor leaves it
    void spotClicked(int index);       // as above, on a click; -1: beside every spot
    void settled();                    // the view has become sharp
    void slideChanged();

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void keyReleaseEvent(QKeyEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void leaveEvent(QEvent* event) override;
    bool event(QEvent* event) override;

private:
    enum class Drag { None, Pan, Overview };

    QRectF slideRect() const;
    void takeLoader(std::shared_ptr<TileLoader> loader);
    void apply(ViewTransform next);  // clamps, requests tiles, emits
    void noteSettled();
    void requestTiles();
    void tilesArrived();
    QRectF aheadOf(const QRectF& seen) const;
    int wantedLevel() const;
    std::vector<TileKey> tilesInSight(int level) const;
    double effectiveMpp() const;  // 0.25 when unknown
    QRectF overviewRect() const;  // empty when not shown
    void jumpTo(QPointF in_overview);
    void hover(QPointF widget);
    void setHovered(Layer* layer, int index);
    int topmostHit(QPointF level0, Layer** layer) const;
    void updateCursor();
    void paintSlide(QPainter& painter);
    void paintTiles(QPainter& painter);
    void paintTile(QPainter& painter, const TileKey& key, const QRectF& clip);
    void paintMissing(QPainter& painter, const TileKey& key);
    void paintLayers(QPainter& painter);
    void paintOverview(QPainter& painter);
    void paintScaleBar(QPainter& painter);
    void paintCaption(QPainter& painter);
    void paintNote(QPainter& painter);
    void paintPointer(QPainter& painter);
    void paintEmpty(QPainter& painter);

    std::shared_ptr<TileLoader> loader_;
    ViewTransform view_;
    Glide glide_;
    std::optional<double> mpp_override_;
    QList<QPointer<Layer>> layers_;
    QPointer<Layer> hovered_layer_;
    int hovered_ = -1;
    QString empty_text_, caption_, note_;
    QPointF press_, last_;
    std::optional<QPointF> pointer_;
    Drag drag_ = Drag::None;
    bool moved_ = false;
    bool space_ = false;
    bool peeking_ = false;
    bool layers_hidden_ = false;
    bool overview_visible_ = true;
    bool scale_bar_visible_ = true;
    bool left_drag_pans_ = true;
    QPointF motion_;           // level-0 pixels of the last move at an unchanged scale
    QElapsedTimer painted_;    // since the last painting
    QTimer tiles_timer_;       // tiles that came within a frame's time are painted with the next one
    bool fitted_ = false;  // follows the widget's size until the user moves
    bool was_settled_ = false;
    double dpr_ = 1;  // of the last painting; a change asks for other tiles
};

}  // namespace c2l
