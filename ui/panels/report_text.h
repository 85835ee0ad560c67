// The report as HTML: what the held-out figures say, with their controls, in words a biologist can check.
#pragma once

#include <QPalette>
#include <QString>

#include "ui/document/results.h"

namespace c2l::ui {

QString report_html(const Reports& reports, bool simulated, const QPalette& palette);

}  // namespace c2l::ui
