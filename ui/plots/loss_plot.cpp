#include "ui/plots/loss_plot.h"

#include <qcustomplot.h>

#include <QEvent>
#include <QTimer>
#include <QVBoxLayout>
#include <cmath>

namespace c2l::ui {

LossPlot::LossPlot(QWidget* parent) : QWidget(parent), plot_(new QCustomPlot(this)), timer_(new QTimer(this)) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(plot_);
    plot_->addGraph()->setName(tr("training"));
    plot_->addGraph()->setName(tr("held out"));
    plot_->graph(1)->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, 5));
    plot_->xAxis->setLabel(tr("step"));
    plot_->yAxis->setLabel(tr("flow loss"));
    plot_->xAxis->ticker()->setTickCount(5);
    plot_->yAxis->ticker()->setTickCount(4);
    plot_->legend->setVisible(true);
    // In a row of its own above the curves, which fill all of the field.
    plot_->axisRect()->insetLayout()->take(plot_->legend);
    plot_->plotLayout()->insertRow(0);
    plot_->plotLayout()->addElement(0, 0, plot_->legend);
    plot_->plotLayout()->setRowStretchFactor(0, 0.001);
    plot_->legend->setFillOrder(QCPLegend::foColumnsFirst);
    plot_->legend->setMargins(QMargins(0, 0, 0, 0));
    plot_->legend->setColumnStretchFactor(0, 0.001);  // names side by side, however wide the plot
    plot_->axisRect()->setMinimumMargins(QMargins(0, 6, 8, 0));
    setToolTip(tr("Loss of the local model over training steps (no unit; lower is better).\n"
                  "Held out: spots kept back from training decide when to stop."));
    timer_->setInterval(100);
    timer_->setSingleShot(true);
    connect(timer_, &QTimer::timeout, this, &LossPlot::redraw);
    restyle();
    clear();
}

void LossPlot::clear() {
    plot_->graph(0)->data()->clear();
    plot_->graph(1)->data()->clear();
    redraw();
}

void LossPlot::add(double step, double loss, bool held_out) {
    if (!std::isfinite(step) || !std::isfinite(loss)) return;
    plot_->graph(held_out ? 1 : 0)->addData(step, loss);
    if (!timer_->isActive()) timer_->start();
}

int LossPlot::points(bool held_out) const { return plot_->graph(held_out ? 1 : 0)->dataCount(); }

void LossPlot::redraw() {
    const bool empty = points(false) + points(true) == 0;
    plot_->legend->setVisible(!empty);
    if (empty) {
        plot_->xAxis->setRange(0, 1);
        plot_->yAxis->setRange(0, 1);
    } else {
        plot_->rescaleAxes();
        plot_->xAxis->scaleRange(1.03);
        plot_->yAxis->scaleRange(1.1);
    }
    plot_->xAxis->setTickLabels(!empty);
    plot_->yAxis->setTickLabels(!empty);
    plot_->replot(QCustomPlot::rpQueuedReplot);
}

void LossPlot::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) restyle();
}

void LossPlot::restyle() {
    const QPalette& p = palette();
    const QColor text = p.color(QPalette::WindowText), accent = p.color(QPalette::Highlight);
    QColor faint = text;
    faint.setAlphaF(0.45f);
    QColor grid = text;
    grid.setAlphaF(0.12f);
    QFont small = font();
    small.setPointSizeF(small.pointSizeF() * 0.85);
    plot_->setBackground(p.color(QPalette::Window));
    for (QCPAxis* axis : {plot_->xAxis, plot_->yAxis}) {
        axis->setBasePen(QPen(faint));
        axis->setTickPen(QPen(faint));
        axis->setSubTickPen(Qt::NoPen);
        axis->setLabelColor(text);
        axis->setTickLabelColor(text);
        axis->setLabelFont(small);
        axis->setTickLabelFont(small);
        axis->setLabelPadding(2);
        axis->grid()->setPen(QPen(grid, 1));
        axis->grid()->setZeroLinePen(Qt::NoPen);
    }
    plot_->legend->setFont(small);
    plot_->legend->setTextColor(text);
    plot_->legend->setBorderPen(Qt::NoPen);
    QColor plate = p.color(QPalette::Window);
    plate.setAlphaF(0.8f);
    plot_->legend->setBrush(plate);
    plot_->graph(0)->setPen(QPen(faint, 1));
    plot_->graph(1)->setPen(QPen(accent, 2));
    plot_->replot(QCustomPlot::rpQueuedReplot);
}

}  // namespace c2l::ui
