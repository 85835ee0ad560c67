// Command line of c2l-studio.
#pragma once

#include <QSize>
#include <QString>
#include <QStringList>
#include <optional>

#include "slide/stain_transform.h"

namespace c2l::ui {

struct StudioOptions {
    QString file;               // project, slide or folder to open; empty: none
    QString gene, tab, theme;   // empty: as the settings say
    bool side_by_side = false;
    QString screenshot;         // save a picture of the window there and end
    QSize size;                 // of the window; invalid: as it was left
    QString benchmark;          // "view": measure the viewer on `file` and end; empty: none
    int spots = 0, bins = 0;  // over the slide of the benchmark
    double turned = 0;
    std::optional<StainView> stain;  // of the benchmark, or of the window; none: as it was left
    QString picture;            // save the slide view as a picture there and end
    bool json = false;          // figures as JSON
    QString error;              // a usage error, one sentence
};

StudioOptions parse_options(const QStringList& arguments);  // handles --help and --version itself, by ending the program

}  // namespace c2l::ui
