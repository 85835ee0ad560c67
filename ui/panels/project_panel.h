// What the project holds: slide, spots, findings; and the form that imports them.
#pragma once

#include <QWidget>

#include "base/issue.h"

class QFormLayout;
class QLabel;
class QListWidget;
class QPushButton;

namespace c2l::ui {

class Document;
class ImportForm;

class ProjectPanel : public QWidget {
    Q_OBJECT
public:
    ProjectPanel(Document* document, QWidget* parent = nullptr);
    ImportForm* form() const { return form_; }
    QListWidget* issues() const { return issues_; }
    void showImport(bool on);

Q_SIGNALS:
    void sampleRequested();
    void jumpTo(double x, double y);  // an issue with a place was chosen; level-0 pixels

private:
    void refresh();
    void refreshIssues();

    Document* document_;
    QLabel *title_, *facts_, *issues_title_;
    QListWidget* issues_;
    QPushButton *import_toggle_, *sample_;
    ImportForm* form_;
    QString shown_;  // the project on show
};

}  // namespace c2l::ui
