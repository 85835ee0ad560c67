#include "ui/panels/report_panel.h"

#include <QEvent>
#include <QScrollBar>
#include <QTextBrowser>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/panels/report_text.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

// Long lines are hard to read; the scroll bar stays at the edge of the window all the same.
class Page : public QTextBrowser {
protected:
    void resizeEvent(QResizeEvent* event) override {
        setViewportMargins(0, 0, std::max(0, width() - grid(230)), 0);
        QTextBrowser::resizeEvent(event);
    }
};

}  // namespace

ReportPanel::ReportPanel(QWidget* parent) : QWidget(parent), browser_(new Page) {
    browser_->setFrameShape(QFrame::NoFrame);
    browser_->document()->setDocumentMargin(grid(5));
    browser_->setAutoFillBackground(true);
    browser_->setBackgroundRole(QPalette::Base);
    browser_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setAutoFillBackground(true);
    setBackgroundRole(QPalette::Base);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(browser_);
    render();
}

void ReportPanel::setReports(std::shared_ptr<const Reports> reports, bool simulated) {
    reports_ = std::move(reports);
    simulated_ = simulated;
    render();
}

QString ReportPanel::text() const { return browser_->toPlainText(); }

void ReportPanel::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) render();
}

void ReportPanel::render() {
    const int at = browser_->verticalScrollBar()->value();
    browser_->document()->setDefaultStyleSheet("p { margin-top: 4px; margin-bottom: 8px; } h3 { margin-top: 20px; margin-bottom: 4px; }");
    if (reports_ && !reports_->empty()) {
        browser_->setHtml(report_html(*reports_, simulated_, palette()));
    } else {
        browser_->setHtml(QString("<p style='color:%1'>%2</p>")
                              .arg(palette().color(QPalette::PlaceholderText).name(),
                                   tr("No results yet. Press Run in the Job panel; accuracy on held-out spots, tile quality and cost appear here.")));
    }
    browser_->verticalScrollBar()->setValue(at);  // a report that is read again stays where it was
}

}  // namespace c2l::ui
