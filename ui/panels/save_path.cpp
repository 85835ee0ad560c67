#include "ui/panels/save_path.h"

#include <QFileDialog>
#include <QFileInfo>

namespace c2l::ui {

QString ask_save_path(QWidget* parent, const QString& title, const QString& proposal, const QString& filter, const QString& ending) {
    QFileDialog dialog(parent, title, QFileInfo(proposal).absolutePath(), filter);
    dialog.setAcceptMode(QFileDialog::AcceptSave);
    dialog.setDefaultSuffix(ending);
    dialog.selectFile(QFileInfo(proposal).fileName());
    return dialog.exec() == QDialog::Accepted && !dialog.selectedFiles().isEmpty() ? dialog.selectedFiles().front() : QString();
}

}  // namespace c2l::ui
