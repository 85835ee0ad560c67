// The dock of annotations: tools, classes with their colours, the list of objects, and what to do with selected spots.
#pragma once

#include <QWidget>

#include "ui/annotation/annotation_list.h"
#include "ui/annotation/annotation_tools.h"
#include "ui/annotation/spot_selection.h"

class QButtonGroup;
class QLabel;
class QListWidget;
class QListWidgetItem;
class QPushButton;
class QToolButton;
class QTreeView;
class QVBoxLayout;

namespace c2l::ui {

class AnnotationPanel : public QWidget {
    Q_OBJECT
public:
    AnnotationPanel(AnnotationStore* store, AnnotationTools* tools, SpotSelection* spots, QWidget* parent = nullptr);

    void setMpp(double mpp);
    QToolButton* toolButton(Tool tool) const;
    QListWidget* classList() const { return classes_; }
    QTreeView* list() const { return list_; }
    std::optional<Classification> chosenClass() const;  // none: "unclassified"

    QPushButton *set_class, *lock, *remove, *label_spots, *unlabel_spots, *copy_list, *clear_spots, *spots_inside, *place_spots, *import_file, *export_file;
    QToolButton *add_class, *colour_class, *remove_class;

Q_SIGNALS:
    void importRequested();
    void exportRequested();
    void placeSpotsRequested();
    void said(const QString& message);
    void showRequested(const QRectF& level0);  // double click in the list

private:
    QWidget* makeTools();
    QWidget* makeClasses();
    QWidget* makeObjects();
    QWidget* makeSpots();
    void showClasses();
    void showSelection();
    void showSpots();
    void takeListSelection();
    void renameClass(QListWidgetItem* item);
    void chooseColour();

    AnnotationStore* store_;
    AnnotationTools* tools_;
    SpotSelection* spots_;
    AnnotationList* model_;
    QButtonGroup* tool_buttons_;
    QListWidget* classes_;
    QTreeView* list_;
    QLabel *objects_, *selected_spots_;
    bool updating_ = false;
};

}  // namespace c2l::ui
