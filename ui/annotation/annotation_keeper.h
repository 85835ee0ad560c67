// Files of annotations: those of the slide on screen, kept without being asked; and what is imported and exported.
//
// A second after a change the annotations are written in the background, whole or not at all; the file that was there when the slide was
// opened stays beside it as *.backup. A file that cannot be read is never written over. GUI thread only.
#pragma once

#include <QObject>
#include <QThreadPool>
#include <QTimer>
#include <filesystem>

#include "ui/annotation/annotation_store.h"

namespace c2l::ui {

class AnnotationKeeper : public QObject {
    Q_OBJECT
public:
    explicit AnnotationKeeper(AnnotationStore* store, QObject* parent = nullptr);
    ~AnnotationKeeper() override;  // writes what is not yet written, and waits for it

    // Where the slide's annotations and spot labels are kept; empty paths: nowhere. What is there is read (where there is nothing, what is at
    // `otherwise`, which is kept at the new place from then on); loaded() follows.
    void setPlace(const std::filesystem::path& annotations, const std::filesystem::path& labels, const std::filesystem::path& otherwise = {});
    const std::filesystem::path& place() const { return annotations_; }
    void saveNow();
    bool isQuiet() const { return running_ == 0 && !timer_.isActive(); }

    void importFile(const QString& path);  // QuPath GeoJSON or ASAP XML, added to what is there; can be undone
    void exportFile(const QString& path);  // QuPath GeoJSON
    // Points as spots, with values of a table (empty: their classes), as two files that an import takes.
    void exportPlacedSpots(const QString& positions, const QString& table);

Q_SIGNALS:
    void loaded();
    void failed(const QString& message);
    void said(const QString& message);
    void placedSpotsWritten(const QString& positions, const QString& values);  // values: empty when there are none

private:
    template <class Work, class Done>
    void run(Work work, Done done);

    AnnotationStore* store_;
    QThreadPool pool_;  // one thread: files are read and written in the order asked for
    QTimer timer_;
    std::filesystem::path annotations_, labels_;
    int generation_ = 0;  // of the place; what was read for an earlier one is dropped
    int running_ = 0;
    bool loading_ = false, dirty_ = false, readable_ = true, backed_up_ = false;
};

}  // namespace c2l::ui
