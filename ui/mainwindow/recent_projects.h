// The projects opened last, newest first, kept in the user's settings.
#pragma once

#include <QStringList>

namespace c2l::ui {

QStringList recent_projects();               // only those that still exist
void remember_project(const QString& path);  // at most eight are kept

}  // namespace c2l::ui
