// Shows the report; says what to do while there is none.
#pragma once

#include <QWidget>
#include <memory>

#include "ui/document/results.h"

class QTextBrowser;

namespace c2l::ui {

class ReportPanel : public QWidget {
    Q_OBJECT
public:
    explicit ReportPanel(QWidget* parent = nullptr);
    void setReports(std::shared_ptr<const Reports> reports, bool simulated);
    QString text() const;  // plain

protected:
    void changeEvent(QEvent* event) override;

private:
    void render();

    QTextBrowser* browser_;
    std::shared_ptr<const Reports> reports_;
    bool simulated_ = false;
};

}  // namespace c2l::ui
