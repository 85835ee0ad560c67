#include "ui/mainwindow/recent_projects.h"

#include <QFileInfo>
#include <QSettings>

namespace c2l::ui {

QStringList recent_projects() {
    QStringList list = QSettings().value("recent").toStringList();
    list.removeIf([](const QString& path) { return !QFileInfo(path).isFile(); });
    return list;
}

void remember_project(const QString& path) {
    const QString absolute = QFileInfo(path).absoluteFilePath();
    QStringList list = recent_projects();
    list.removeAll(absolute);
    list.prepend(absolute);
    QSettings().setValue("recent", QStringList(list.mid(0, 8)));
}

}  // namespace c2l::ui
