// Annotations in the window: layers over the slide, tools, dock, files; puts the pieces of ui/annotation together.
#pragma once

#include <QObject>

#include "ui/annotation/annotation_keeper.h"
#include "ui/annotation/annotation_panel.h"

class QMenu;
class QUndoGroup;

namespace c2l::ui {

class Document;
class SlidePage;

class Annotations : public QObject {
    Q_OBJECT
public:
    Annotations(Document* document, SlidePage* page, QObject* parent = nullptr);
    ~Annotations() override;  // writes what is not yet kept

    AnnotationStore* store() const { return store_; }
    AnnotationTools* tools() const { return tools_; }
    AnnotationKeeper* keeper() const { return keeper_; }
    SpotSelection* spots() const { return spots_; }
    AnnotationPanel* panel() const { return panel_; }  // for a dock, which owns it
    QUndoGroup* undoGroup() const { return undo_; }    // whose active stack the menu's undo and redo go by; annotations' at first
    void fillMenu(QMenu* menu);                        // undo, redo, delete, files

Q_SIGNALS:
    void said(const QString& message);
    void failed(const QString& message);
    // Spots were written from points: slide, positions and values for an import.
    void importOffered(const QString& slide, const QString& spots, const QString& counts);

private:
    void takeSlide();
    void takeSpots();
    void importFile();
    void exportFile();
    void placeSpots();
    QString folder() const;  // where a dialog begins
    QString slidePath() const;

    Document* document_;
    SlidePage* page_;
    AnnotationStore* store_;
    AnnotationLayer* layer_;
    SpotLabelLayer* labels_;
    AnnotationTools* tools_;
    SpotSelection* spots_;
    AnnotationKeeper* keeper_;
    AnnotationPanel* panel_;
    QUndoGroup* undo_;
};

}  // namespace c2l::ui
