// What a dropped file or folder is: a project, or the slide, spots and counts of an import.
#pragma once

#include <QString>
#include <QStringList>
#include <optional>

namespace c2l::ui {

struct ImportGuess {
    QString project;              // an existing project file; then nothing else is set
    QString slide, spots, counts;  // empty when none was recognised
    std::optional<double> mpp;     // µm per pixel the slide's file gives
    QString note;                  // one sentence: what was taken for what, or why nothing was
    bool empty() const { return project.isEmpty() && slide.isEmpty() && spots.isEmpty() && counts.isEmpty(); }
};

// Blocks: reads headers and the first lines of files, at most a few hundred of a folder, three levels deep.
ImportGuess recognise_dropped(const QStringList& paths);

}  // namespace c2l::ui
