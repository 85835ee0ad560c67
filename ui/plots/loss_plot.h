// Training and held-out loss over steps, growing while a job runs.
#pragma once

#include <QWidget>

class QCustomPlot;
class QTimer;

namespace c2l::ui {

class LossPlot : public QWidget {
    Q_OBJECT
public:
    explicit LossPlot(QWidget* parent = nullptr);

    void clear();
    void add(double step, double loss, bool held_out);  // cheap: drawn at most ten times a second
    void redraw();                                        // now
    int points(bool held_out) const;
    QSize sizeHint() const override { return {360, 160}; }
    QSize minimumSizeHint() const override { return {220, 110}; }

protected:
    void changeEvent(QEvent* event) override;

private:
    void restyle();

    QCustomPlot* plot_;
    QTimer* timer_;
};

}  // namespace c2l::ui
