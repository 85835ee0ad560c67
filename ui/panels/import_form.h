// Inline form that makes a project from a slide and its spots, filled by hand or by a drop.
#pragma once

#include <QFrame>
#include <nlohmann/json.hpp>

#include "ui/document/dropped.h"

class QFormLayout;
class QLabel;
class QLineEdit;
class QMimeData;
class QPushButton;

namespace c2l::ui {

class ImportForm : public QFrame {
    Q_OBJECT
public:
    explicit ImportForm(QWidget* parent = nullptr);

    void fill(const ImportGuess& guess);      // keeps what the guess says nothing about
    void clear();
    nlohmann::json params() const;            // of the `import` request
    QString problem() const;                  // what is still missing, one phrase; empty when it can be imported
    void setBusy(bool busy, const QString& note = {});
    void showNote(const QString& note, bool warning);

    QLineEdit *slide, *spots, *counts, *mpp, *patient, *project;
    QPushButton* submit;

Q_SIGNALS:
    void filesDropped(const QStringList& paths);
    void importRequested(const nlohmann::json& params);
    void slideChosen(const QString& path);  // by hand: its µm/px are not known yet

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dragLeaveEvent(QDragLeaveEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    QWidget* makeZone();
    QLineEdit* makePathRow(QFormLayout* form, const QString& label, const QString& tip, const QString& filter, bool folder);
    void check();
    void suggestProject();

    QLabel *note_, *zone_;
    std::optional<double> file_mpp_;
    bool slide_probed_ = false;
    bool own_project_name_ = false;  // typed by the user: no more suggestions
    bool busy_ = false, dragging_ = false;
};

// Local files of a drag; empty when it carries something else.
QStringList dragged_files(const QMimeData* data);

}  // namespace c2l::ui
