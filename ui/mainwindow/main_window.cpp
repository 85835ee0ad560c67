#include "ui/mainwindow/main_window.h"

#include <QApplication>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileInfo>
#include <QLabel>
#include <QMenu>
#include <QSettings>
#include <QStatusBar>
#include <QTabWidget>
#include <QUndoGroup>
#include <QVBoxLayout>

#include "ui/document/document.h"
#include "ui/gallery/tile_gallery.h"
#include "ui/mainwindow/annotations.h"
#include "ui/mainwindow/jobs.h"
#include "ui/mainwindow/landscape_page.h"
#include "ui/mainwindow/recent_projects.h"
#include "ui/mainwindow/registration.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/panels/central_field.h"
#include "ui/panels/expression_panel.h"
#include "ui/panels/gene_dial.h"
#include "ui/panels/import_form.h"
#include "ui/panels/job_panel.h"
#include "ui/panels/message_bar.h"
#include "ui/panels/project_panel.h"
#include "ui/panels/report_panel.h"

namespace c2l::ui {
namespace {
constexpr int kLayoutVersion = 2;  // of the saved arrangement of docks
const QStringList kTabs = {"slide", "tiles", "dial", "landscape", "report"};
}  // namespace

MainWindow::MainWindow(WorkerClient* worker, QWidget* parent) : QMainWindow(parent), document_(new Document(this)) {
    setWindowTitle(tr("C2L Studio"));
    setWindowIcon(QIcon(":/app/c2l-studio.svg"));
    setAcceptDrops(true);
    if (!worker) worker = new WorkerClient;
    makeCentre(new WorkerClient(worker->program(), worker->arguments()));
    makeDocks();
    worker->setParent(this);
    jobs_ = new Jobs(worker, {document_, job_, project_->form(), messages_}, this);
    registration_->setJobs(jobs_);
    makeMenus();
    connectDocument();
    connectRegistration();
    resize(1280, 800);
    resizeDocks({project_dock_, expression_dock_}, {grid(68), grid(64)}, Qt::Horizontal);
    resizeDocks({job_dock_}, {grid(52)}, Qt::Vertical);
    const QSettings settings;
    restoreGeometry(settings.value("window/geometry").toByteArray());
    restoreState(settings.value("window/state").toByteArray(), kLayoutVersion);
}

MainWindow::~MainWindow() { delete jobs_->worker(); }

void MainWindow::makeCentre(WorkerClient* dial_worker) {
    messages_ = new MessageBar;
    tabs_ = new QTabWidget;
    tabs_->setDocumentMode(true);
    slide_ = new SlidePage(document_);
    annotations_ = new Annotations(document_, slide_, this);
    registration_ = new SpotRegistration(document_, slide_, messages_, this);
    gallery_ = new TileGallery;
    dial_ = new GeneDial(document_, dial_worker);
    landscape_ = new LandscapePage(document_, slide_);
    report_ = new ReportPanel;
    tabs_->addTab(slide_, icon("overlay"), tr("Slide"));
    tabs_->addTab(gallery_, icon("gallery"), tr("Tiles"));
    tabs_->addTab(dial_, icon("settings"), tr("Gene dial"));
    tabs_->addTab(landscape_, icon("surface"), tr("Landscape"));
    tabs_->addTab(report_, icon("map"), tr("Report"));
    auto* centre = new QWidget;
    auto* column = new QVBoxLayout(centre);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(messages_);
    column->addWidget(tabs_, 1);
    setCentralWidget(centre);
    pointed_ = new QLabel;
    pointed_->setObjectName("pointed");
    pointed_->setToolTip(tr("Place under the cursor in µm from the slide's top-left corner, and the value of the gene there"));
    busy_ = new QLabel;
    magnification_ = new QLabel;
    magnification_->setToolTip(tr("Magnification: at 10× one screen pixel shows 1 µm"));
    statusBar()->addWidget(pointed_, 1);
    statusBar()->addPermanentWidget(busy_);
    statusBar()->addPermanentWidget(magnification_);
}

void MainWindow::makeDocks() {
    setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
    setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
    const auto dock = [this](const QString& title, const char* name, QWidget* widget, Qt::DockWidgetArea area) {
        auto* d = new QDockWidget(title, this);
        d->setObjectName(name);
        d->setWidget(widget);
        d->setFeatures(QDockWidget::DockWidgetMovable | QDockWidget::DockWidgetClosable);
        addDockWidget(area, d);
        return d;
    };
    project_ = new ProjectPanel(document_);
    expression_ = new ExpressionPanel;
    job_ = new JobPanel;
    project_dock_ = dock(tr("Project"), "project_dock", project_, Qt::LeftDockWidgetArea);
    expression_dock_ = dock(tr("Gene"), "gene_dock", expression_, Qt::RightDockWidgetArea);
    annotation_dock_ = dock(tr("Annotations"), "annotation_dock", annotations_->panel(), Qt::RightDockWidgetArea);
    tabifyDockWidget(expression_dock_, annotation_dock_);
    registration_dock_ = dock(tr("Spots"), "registration_dock", registration_->panel(), Qt::RightDockWidgetArea);
    tabifyDockWidget(expression_dock_, registration_dock_);
    registration_dock_->hide();
    expression_dock_->raise();
    job_dock_ = dock(tr("Job"), "job_dock", job_, Qt::BottomDockWidgetArea);
}

void MainWindow::connectDocument() {
    connect(document_, &Document::projectChanged, this, &MainWindow::projectOpened);
    connect(document_, &Document::failed, messages_, &MessageBar::warn);
    connect(slide_, &SlidePage::failed, messages_, &MessageBar::warn);
    connect(document_, &Document::busyChanged, this, [this] { busy_->setText(document_->busy()); });
    connect(document_, &Document::slideChanged, this, &MainWindow::recolour);
    const auto genes_changed = [this] {
        expression_->setGenes(document_->measured_genes(), document_->predicted_genes());
        if (!wanted_gene_.isEmpty() && expression_->setGene(wanted_gene_)) wanted_gene_.clear();
        else if (expression_->settings().gene.isEmpty()) expression_->setGene(document_->suggested_gene());
        job_->setProject(document_->project_path(), document_->spots() ? static_cast<int>(document_->spots()->spots.size()) : 0);
        recolour();
    };
    connect(document_, &Document::spotsChanged, this, genes_changed);
    connect(document_, &Document::mapChanged, this, [this, genes_changed] {
        genes_changed();
        if (document_->map()) expression_->setPredicted(true);
    });
    for (auto signal : {&Document::spotsChanged, &Document::slideChanged, &Document::syntheticChanged}) connect(document_, signal, this, &MainWindow::showPairs);
    connect(document_, &Document::reportsChanged, this, [this] {
        report_->setReports(document_->reports(), document_->simulated());
        if (document_->reports()) {
            job_->showCurve(document_->reports()->curve);
            job_->showPreviews(document_->reports()->previews);
        }
        job_->central->setAdapted(document_->reports() ? central_of(document_->reports()->adapt) : nlohmann::json());
    });
    connect(expression_, &ExpressionPanel::changed, this, &MainWindow::recolour);
    connect(annotations_, &Annotations::said, messages_, &MessageBar::inform);
    connect(annotations_, &Annotations::failed, messages_, &MessageBar::warn);
    connect(annotations_, &Annotations::importOffered, this, [this](const QString& slide, const QString& spots, const QString& counts) {
        ImportGuess guess;
        guess.slide = slide;
        guess.spots = spots;
        guess.counts = counts;
        if (document_->mpp() > 0) guess.mpp = document_->mpp();
        guess.note = tr("Spots placed by hand, with their labels and values as given");
        project_dock_->show();
        project_->showImport(true);
        project_->form()->fill(guess);
    });
    connect(gallery_, &TileGallery::showOnSlide, this, [this](double x, double y) {
        setTab("slide");
        slide_->goTo(x, y);
    });
    connect(gallery_, &TileGallery::dialRequested, this, [this](const QString& spot) {
        dial_->setSpot(spot);
        setTab("dial");
    });
    connect(project_, &ProjectPanel::jumpTo, this, [this](double x, double y) {
        setTab("slide");
        slide_->goTo(x, y);
    });
    connect(project_, &ProjectPanel::sampleRequested, jobs_, &Jobs::openSample);
    connect(project_->form(), &ImportForm::filesDropped, this, &MainWindow::openDropped);
    connect(project_->form(), &ImportForm::slideChosen, this, [this](const QString& path) { openDropped({path}); });
    connect(project_->form(), &ImportForm::importRequested, jobs_, [this](const nlohmann::json& p) { jobs_->start("import", p); });
    connect(job_, &JobPanel::runRequested, jobs_, [this](const nlohmann::json& p) { jobs_->start("run", p); });
    connect(job_->central, &CentralField::changed, dial_, &GeneDial::setCentral);
    connect(job_, &JobPanel::stopRequested, jobs_, &Jobs::stop);
    connect(slide_, &SlidePage::expressionShown, expression_, &ExpressionPanel::showExpression);
    connect(slide_, &SlidePage::pointed, pointed_, &QLabel::setText);
    connect(slide_->view(), &SlideView::viewChanged, this, [this] {
        const auto m = slide_->view()->magnification();
        magnification_->setText(m ? tr("%1×").arg(*m, 0, 'g', 3) : QString());
    });
}

// While spots are placed by hand the mouse and the steps of undo are theirs.
void MainWindow::connectRegistration() {
    annotations_->undoGroup()->addStack(registration_->edit()->undoStack());
    connect(registration_, &SpotRegistration::beginning, this, [this] {
        setTab("slide");
        expression_->setPredicted(false);
        expression_->setShown(true);
        annotations_->tools()->setTool(Tool::Select);
    });
    connect(registration_, &SpotRegistration::activeChanged, this, [this](bool active) {
        annotations_->undoGroup()->setActiveStack(active ? registration_->edit()->undoStack() : annotations_->store()->undoStack());
        registration_dock_->setVisible(active);
        if (active) registration_dock_->raise();
        else expression_dock_->raise();
    });
    connect(annotations_->tools(), &AnnotationTools::toolChanged, registration_, [this](Tool tool) {
        if (tool != Tool::Select) registration_->end();
    });
    connect(registration_dock_, &QDockWidget::visibilityChanged, registration_, [this] {
        if (registration_dock_->isHidden()) registration_->end();
    });
}

void MainWindow::projectOpened() {
    const QString path = document_->project_path();
    setWindowTitle(path.isEmpty() ? tr("C2L Studio") : tr("%1 – C2L Studio").arg(QFileInfo(path).completeBaseName()));
    export_->setEnabled(!path.isEmpty());
    job_->setProject(path, document_->spots() ? static_cast<int>(document_->spots()->spots.size()) : 0);
    if (!path.isEmpty()) remember_project(path);
}

void MainWindow::recolour() {
    slide_->showExpression(expression_->settings());
    landscape_->showExpression(expression_->settings());
}

void MainWindow::showPairs() {
    gallery_->setSimulated(document_->simulated());
    gallery_->setSources(document_->synthetic(), document_->slide(), document_->spots());
}

void MainWindow::open(const QString& path) { openDropped({path}); }

void MainWindow::openDropped(const QStringList& paths) {
    if (paths.isEmpty()) return;
    if (jobs_->worker()->isRunning() && paths.size() == 1 && paths.front().endsWith(".c2l")) return messages_->warn(tr("A job is running; stop it before opening another project."));
    document_->recognise(paths, [this](const ImportGuess& guess) {
        if (!guess.project.isEmpty()) return document_->open(guess.project);
        if (guess.empty()) return messages_->warn(guess.note);
        project_dock_->show();
        project_->showImport(true);
        project_->form()->fill(guess);
        if (!document_->has_project() && !guess.slide.isEmpty()) document_->open_slide(guess.slide);
    });
}

void MainWindow::setTab(const QString& name) { tabs_->setCurrentIndex(std::max(0, static_cast<int>(kTabs.indexOf(name)))); }

void MainWindow::setGene(const QString& gene) {
    if (!expression_->setGene(gene)) wanted_gene_ = gene;
}

void MainWindow::setSideBySide(bool on) {
    slide_->setSideBySide(on);
    expression_->setBoth(on);
    tabs_->setCurrentWidget(slide_);
    recolour();
}

void MainWindow::setTheme(Theme theme) { apply_theme(*qApp, theme); }

bool MainWindow::isQuiet() const {
    const auto& loader = slide_->view()->loader();
    return document_->busy().isEmpty() && slide_->isQuiet() && (!document_->slide() || (loader && loader->isOverviewCurrent() && !loader->isEstimating())) && (!document_->slide() || tabs_->currentWidget() != slide_ || (slide_->view()->isSettled() && slide_->secondView()->isSettled())) &&
           gallery_->pairs()->isQuiet() && dial_->isQuiet();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (!dragged_files(event->mimeData()).isEmpty()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    event->acceptProposedAction();
    openDropped(dragged_files(event->mimeData()));
}

void MainWindow::rememberLayout() {
    QSettings settings;
    settings.setValue("window/geometry", saveGeometry());
    settings.setValue("window/state", saveState(kLayoutVersion));
}

void MainWindow::closeEvent(QCloseEvent* event) {
    rememberLayout();
    QMainWindow::closeEvent(event);
}

}  // namespace c2l::ui
