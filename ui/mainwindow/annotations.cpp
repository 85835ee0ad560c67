#include "ui/mainwindow/annotations.h"

#include <QAction>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QStandardPaths>
#include <QUndoGroup>

#include "annotation/spot_labels.h"
#include "ui/document/document.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/panels/save_path.h"

namespace c2l::ui {

namespace fs = std::filesystem;

Annotations::Annotations(Document* document, SlidePage* page, QObject* parent)
    : QObject(parent), document_(document), page_(page), store_(new AnnotationStore(this)), layer_(new AnnotationLayer(store_, this)), labels_(new SpotLabelLayer(store_, this)),
      tools_(new AnnotationTools(page->view(), store_, layer_, this)), spots_(new SpotSelection(this)), keeper_(new AnnotationKeeper(store_, this)),
      panel_(new AnnotationPanel(store_, tools_, spots_)), undo_(new QUndoGroup(this)) {
    undo_->addStack(store_->undoStack());
    undo_->setActiveStack(store_->undoStack());
    page_->addLayer(labels_);
    page_->addLayer(layer_);
    connect(document_, &Document::slideChanged, this, &Annotations::takeSlide);
    connect(document_, &Document::spotsChanged, this, &Annotations::takeSpots);
    connect(tools_, &AnnotationTools::lassoed, spots_, &SpotSelection::takeLasso);
    connect(spots_, &SpotSelection::changed, this, [this] {
        if (page_->spots()->count() == spots_->marks().size()) page_->spots()->setSelected(spots_->marks());
    });
    connect(page_->view(), &SlideView::spotClicked, this, [this](int index) {
        if (tools_->tool() == Tool::Select && page_->spots()->isVisible()) spots_->selectOnly(index);
    });
    connect(panel_, &AnnotationPanel::importRequested, this, &Annotations::importFile);
    connect(panel_, &AnnotationPanel::exportRequested, this, &Annotations::exportFile);
    connect(panel_, &AnnotationPanel::placeSpotsRequested, this, &Annotations::placeSpots);
    connect(panel_, &AnnotationPanel::said, this, &Annotations::said);
    connect(panel_, &AnnotationPanel::showRequested, this, [this](const QRectF& level0) { page_->view()->fitTo(level0); });
    connect(keeper_, &AnnotationKeeper::said, this, &Annotations::said);
    connect(keeper_, &AnnotationKeeper::failed, this, &Annotations::failed);
    connect(tools_, &AnnotationTools::failed, this, &Annotations::failed);
    connect(keeper_, &AnnotationKeeper::placedSpotsWritten, this, [this](const QString& positions, const QString& values) {
        if (!values.isEmpty()) Q_EMIT importOffered(slidePath(), positions, values);
    });
    takeSlide();
}

Annotations::~Annotations() { delete keeper_; }  // before the store it reads from

QString Annotations::slidePath() const { return document_->slide() ? QString::fromStdString(document_->slide()->info().path.string()) : QString(); }

QString Annotations::folder() const {
    const QString project = document_->project_path();
    return QFileInfo(project.isEmpty() ? slidePath() : project).absolutePath();
}

// With a project in its store, by the slide's content; those of a bare slide in the user's data folder, from where a new project takes them over.
void Annotations::takeSlide() {
    tools_->cancel();
    panel_->setMpp(document_->mpp());
    if (!document_->slide()) return keeper_->setPlace({}, {});
    const std::string id = document_->slide()->info().id;
    const fs::path data = QStandardPaths::writableLocation(QStandardPaths::AppDataLocation).toStdString();
    if (document_->has_project()) {
        const fs::path store = document_->snapshot()->path.string() + ".d";
        return keeper_->setPlace(annotations_file(store, id), spot_labels_file(store), annotations_file(data, id));
    }
    keeper_->setPlace(annotations_file(data, id), {});
}

void Annotations::takeSpots() {
    spots_->setSpots(document_->spots());
    labels_->setSpots(document_->spots(), document_->spot_diameter_px());
}

void Annotations::importFile() {
    const QString path = QFileDialog::getOpenFileName(panel_, tr("Import annotations"), folder(), tr("Annotations (*.geojson *.json *.xml);;All files (*)"));
    if (!path.isEmpty()) keeper_->importFile(path);
}

void Annotations::exportFile() {
    const QString path = ask_save_path(panel_, tr("Export annotations"), folder() + "/" + QFileInfo(slidePath()).completeBaseName() + ".geojson", tr("QuPath GeoJSON (*.geojson)"), "geojson");
    if (!path.isEmpty()) keeper_->exportFile(path);
}

void Annotations::placeSpots() {
    const QString table = QFileDialog::getOpenFileName(panel_, tr("Labels or values of the spots (cancel: the classes of the points)"), folder(), tr("Tables (*.csv *.tsv *.txt)"));
    const QString path = ask_save_path(panel_, tr("Write the spots to"), folder() + "/placed-spots.csv", tr("Tables (*.csv)"), "csv");
    if (!path.isEmpty()) keeper_->exportPlacedSpots(path, table);
}

void Annotations::fillMenu(QMenu* menu) {
    QAction* undo = undo_->createUndoAction(menu, tr("&Undo"));
    undo->setShortcut(QKeySequence::Undo);
    QAction* redo = undo_->createRedoAction(menu, tr("&Redo"));
    redo->setShortcut(QKeySequence::Redo);
    menu->addAction(undo);
    menu->addAction(redo);
    QAction* remove = menu->addAction(tr("&Delete selected"), store_, &AnnotationStore::removeSelected);
    remove->setShortcut(QKeySequence::Delete);
    menu->addSeparator();
    menu->addAction(tr("&Import annotations …"), this, &Annotations::importFile);
    menu->addAction(tr("&Export annotations …"), this, &Annotations::exportFile);
    menu->addAction(tr("&Points as spots …"), this, &Annotations::placeSpots);
}

}  // namespace c2l::ui
