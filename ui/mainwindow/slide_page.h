// The slide with what is drawn over it: measured spots or the predicted map of one gene.
#pragma once

#include <QWidget>
#include <vector>

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

    // Recolours; returns what the colour bar should say.
    ExpressionShown showExpression(const ExpressionSettings& settings);
    SlideView* view() const { return view_; }
    SpotOverlay* spots() const { return spots_; }
    MapOverlay* map() const { return map_; }
    void goTo(double x, double y);  // level-0 pixels, at 10×

Q_SIGNALS:
    void pointed(const QString& text);  // what is under the cursor, for the status bar

private:
    void takeSlide();
    void takeSpots();
    void takeMap();
    ExpressionShown showMeasured(const ExpressionSettings& settings);
    ExpressionShown showPredicted(const ExpressionSettings& settings);
    void describeCursor(double x, double y);

    Document* document_;
    SlideView* view_;
    SpotOverlay* spots_;
    MapOverlay* map_;
    QString gene_, unit_;
};

// Limits of the colours as the settings ask for them.
ColourScale scale_for(const std::vector<float>& values, const ExpressionSettings& settings);

}  // namespace c2l::ui
