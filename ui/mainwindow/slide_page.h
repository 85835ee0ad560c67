// The slide with what is drawn over it: measured spots or the predicted map of one gene, or both side by side in two views of the same place.
#pragma once

#include <QThreadPool>
#include <QWidget>
#include <optional>
#include <vector>

#include "ui/mainwindow/colouring.h"
#include "ui/overlay/map_overlay.h"
#include "ui/overlay/spot_overlay.h"
#include "ui/panels/expression_panel.h"
#include "ui/viewer/slide_view.h"

class QLabel;

namespace c2l::ui {

class Document;

class SlidePage : public QWidget {
    Q_OBJECT
public:
    explicit SlidePage(Document* document, QWidget* parent = nullptr);
    ~SlidePage() override;  // waits for what is being worked out

    // What is drawn and how, at once; values and limits are worked out beside the window, then expressionShown() says what the colour bar
    // should. While one gene is worked out only the last one asked for meanwhile waits.
    void showExpression(const ExpressionSettings& settings);
    bool isQuiet() const { return !colouring_ && placing_ == 0; }  // what was asked for is on screen
    std::optional<ExpressionLegend> legend(const SlideView* view) const;  // of what lies over a view now
    QString origin() const;  // of the predicted map while it is drawn, in the words of an exported figure: gene, program, map, whose weights
    SlideView* view() const { return view_; }
    SlideView* secondView() const { return second_; }
    void addLayer(Layer* layer);  // on top, in both views
    void setSideBySide(bool on);  // measured on the left, predicted (or the bare slide) on the right
    bool isSideBySide() const;
    SpotOverlay* spots() const { return spots_; }
    MapOverlay* map() const { return map_; }
    void goTo(double x, double y);  // level-0 pixels, at 10×

Q_SIGNALS:
    void pointed(const QString& text);  // what is under the cursor, for the status bar
    void sideBySideChanged(bool on);
    void failed(const QString& message);
    void expressionShown(const ExpressionShown& shown);

private:
    void takeSlide();
    void takeSpots();
    void takeMap();
    void forgetColours();
    ColouringRequest wanted() const;
    void colour();
    void take(const ColouringRequest& request, Colouring colouring);
    void connectView(SlideView* view);
    QString measuredAt(double x, double y) const;
    QString predictedAt(double x, double y) const;
    void describeCursor(double x, double y);

    Document* document_;
    SlideView *view_, *second_;
    SpotOverlay* spots_;
    MapOverlay* map_;
    ExpressionSettings settings_;
    ColouringRequest shown_request_;            // what is on screen …
    ExpressionShown measured_, predicted_;      // … and what it says
    bool colouring_ = false;
    int placing_ = 0;  // tables whose places are being worked out
    QThreadPool pool_;  // one thread, so that places come before their colours
};

}  // namespace c2l::ui
