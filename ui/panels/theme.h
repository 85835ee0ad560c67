// Colours and icons of the window: Fusion with a light and a dark palette and one accent.
#pragma once

#include <QColor>
#include <QIcon>
#include <QString>

class QApplication;
class QVBoxLayout;
class QWidget;

namespace c2l::ui {

enum class Theme { System, Light, Dark };

void apply_theme(QApplication& app, Theme theme);  // System: dark when the desktop's own palette is
Theme theme_from(const QString& name);             // "light", "dark", else System
QString to_string(Theme theme);
bool is_dark();
QColor accent();

// An icon of resources/icons in the palette's text colour; null when there is none of that name.
QIcon icon(const QString& name);
// Multiples of the 4-px grid.
constexpr int grid(int n) { return 4 * n; }
// The widget's layout: one column without margins, as panels have it.
QVBoxLayout* column_of(QWidget* widget);

// "1 tile", "12,345 tiles": a number with its noun.
QString counted(qint64 n, const QString& one, const QString& many);
// "1 min 20 s", "2.1 GB": numbers with their unit, for labels.
QString duration_text(double seconds);
QString bytes_text(double bytes);

}  // namespace c2l::ui
