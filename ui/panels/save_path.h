// Asks where a file is to go.
#pragma once

#include <QString>

class QWidget;

namespace c2l::ui {

// Empty when the user thinks better of it. The ending is added before the question whether a file may be replaced, so that it is of the file that
// will be written. `ending` without the dot.
QString ask_save_path(QWidget* parent, const QString& title, const QString& proposal, const QString& filter, const QString& ending);

}  // namespace c2l::ui
