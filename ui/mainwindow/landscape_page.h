// The predicted map of one gene as a landscape, with the tissue to drape over it.
#pragma once

#include <QWidget>

#include "ui/panels/expression_panel.h"

class QCheckBox;
class QLabel;
class QSlider;
class QStackedWidget;

namespace c2l {
class LandscapeView;
}

namespace c2l::ui {

class Document;
class SlidePage;

class LandscapePage : public QWidget {
    Q_OBJECT
public:
    LandscapePage(Document* document, SlidePage* slide, QWidget* parent = nullptr);
    void showExpression(const ExpressionSettings& settings);  // at once when visible, else when it becomes so
    LandscapeView* view() const { return view_; }

protected:
    void showEvent(QShowEvent* event) override;

private:
    void refresh();  // now, or when it is shown next
    void render();

    Document* document_;
    SlidePage* slide_;
    LandscapeView* view_;
    QStackedWidget* stack_;
    QLabel* empty_;
    QCheckBox* tissue_;
    QSlider* height_;
    ExpressionSettings settings_;
    bool stale_ = true;
};

}  // namespace c2l::ui
