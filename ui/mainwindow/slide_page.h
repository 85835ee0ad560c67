// The slide with what is drawn over it: measured spots or the predicted map of one gene, or both side by side in two views of the same place.
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

private:
    void takeSlide();
    void takeSpots();
    void takeMap();
    ExpressionShown showMeasured(const ExpressionSettings& settings);
    ExpressionShown showPredicted(const ExpressionSettings& settings, const ExpressionShown* measured);
    void connectView(SlideView* view);
    QString measuredAt(double x, double y) const;
    QString predictedAt(double x, double y) const;
    void describeCursor(double x, double y);

    Document* document_;
    SlideView *view_, *second_;
    SpotOverlay* spots_;
    MapOverlay* map_;
    QString gene_, measured_unit_, predicted_unit_;
};

// Limits of the colours as the settings ask for them.
ColourScale scale_for(const std::vector<float>& values, const ExpressionSettings& settings);

}  // namespace c2l::ui
