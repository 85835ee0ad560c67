// Menus and their actions.
#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QClipboard>
#include <QDockWidget>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QLineEdit>
#include <QMenuBar>
#include <QMessageBox>
#include <QPushButton>
#include <QSettings>
#include <QTabWidget>

#include "base/provenance.h"
#include "ui/document/document.h"
#include "ui/mainwindow/annotations.h"
#include "ui/mainwindow/jobs.h"
#include "ui/mainwindow/main_window.h"
#include "ui/mainwindow/recent_projects.h"
#include "ui/mainwindow/registration.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/mainwindow/stain_menu.h"
#include "ui/mainwindow/view_picture.h"
#include "ui/panels/expression_panel.h"
#include "ui/panels/import_form.h"
#include "ui/panels/job_panel.h"
#include "ui/panels/message_bar.h"
#include "ui/panels/project_panel.h"
#include "ui/panels/save_path.h"
#include "ui/viewer/associated_images.h"

namespace c2l::ui {

QAction* MainWindow::add(QMenu* menu, const QString& icon_name, const QString& text, const QKeySequence& key, const QString& tip, const std::function<void()>& act) {
    auto* action = menu->addAction(text);
    if (!icon_name.isEmpty()) action->setIcon(icon(icon_name));
    action->setShortcut(key);
    action->setStatusTip(tip);
    connect(action, &QAction::triggered, this, act);
    return action;
}

void MainWindow::makeMenus() {
    makeFileMenu();
    annotations_->fillMenu(menuBar()->addMenu(tr("&Annotate")));
    makeViewMenu();
    makeJobMenu();
    makeHelpMenu();
}

void MainWindow::makeFileMenu() {
    QMenu* file = menuBar()->addMenu(tr("&File"));
    add(file, {}, tr("&New project …"), QKeySequence::New, tr("Closes this project and shows the form for a new one"), [this] {
        if (jobs_->worker()->isRunning()) return messages_->warn(tr("A job is running; stop it before starting a new project."));
        document_->close();
        project_->form()->clear();
        project_dock_->show();
        project_->showImport(true);
    });
    add(file, "open", tr("&Open project …"), QKeySequence::Open, tr("Opens a project file (*.c2l)"), [this] { chooseProject(); });
    recent_ = file->addMenu(tr("Open &recent"));
    connect(recent_, &QMenu::aboutToShow, this, &MainWindow::fillRecent);
    add(file, {}, tr("Open &sample (simulated section)"), {}, tr("Makes a simulated section and runs the main job on it"), [this] { jobs_->openSample(); });
    file->addSeparator();
    add(file, "import", tr("&Import a section …"), QKeySequence("Ctrl+I"), tr("Shows the form that imports a slide and its spots"), [this] {
        project_dock_->show();
        project_->showImport(true);
        project_->form()->slide->setFocus();
    });
    export_ = file->addMenu(icon("export"), tr("&Export"));
    export_->setEnabled(false);
    add(export_, {}, tr("Map as &h5ad …"), QKeySequence("Ctrl+E"), tr("The predicted map for scanpy and squidpy"), [this] { exportTo("h5ad", tr("Export map"), tr("AnnData (*.h5ad)"), "h5ad"); });
    add(export_, {}, tr("Map as &CSV …"), {}, tr("The predicted map as a table"), [this] { exportTo("csv", tr("Export map"), tr("Tables (*.csv)"), "csv"); });
    add(export_, {}, tr("&Figure …"), QKeySequence("Ctrl+Shift+E"), tr("The predicted map of the shown gene over the slide, with scale bar and colour bar"), [this] { exportTo("png", tr("Export figure"), tr("Images (*.png)"), "png"); });
    file->addSeparator();
    add(file, {}, tr("&Quit"), QKeySequence::Quit, tr("Stops a running job, keeps its checkpoint and ends"), [this] { close(); });
}

void MainWindow::chooseProject() {
    const QString path = QFileDialog::getOpenFileName(this, tr("Open project"), QFileInfo(recent_projects().value(0)).absolutePath(), tr("C2L projects (*.c2l)"));
    if (!path.isEmpty()) open(path);
}

void MainWindow::fillRecent() {
    recent_->clear();
    for (const QString& path : recent_projects()) recent_->addAction(path, this, [this, path] { open(path); });
    if (recent_->isEmpty()) recent_->addAction(tr("None yet"))->setEnabled(false);
}

void MainWindow::exportTo(const QString& what, const QString& title, const QString& filter, const QString& suffix) {
    const ExpressionSettings& shown = expression_->settings();
    const QFileInfo project(document_->project_path());
    const bool figure = what == "png";
    if (!document_->map()) return messages_->warn(tr("There is no predicted map yet; press Run first."));
    if (figure && document_->predicted(shown.gene).empty()) return messages_->warn(tr("Search a gene of the predicted map first; the figure shows that gene."));
    const QString name = project.completeBaseName() + (figure ? "-" + shown.gene : QString("-map")) + "." + suffix;
    const QString path = ask_save_path(this, title, project.absoluteDir().filePath(name), filter, suffix);
    if (path.isEmpty()) return;
    nlohmann::json p = {{"project", document_->project_path().toStdString()}, {"what", what.toStdString()}, {"output", path.toStdString()}};
    if (figure) p["gene"] = shown.gene.toStdString();
    jobs_->start("export", p);
}

void MainWindow::makeViewMenu() {
    QMenu* view = menuBar()->addMenu(tr("&View"));
    const QStringList names = {tr("&Slide"), tr("&Tiles"), tr("Gene &dial"), tr("&Landscape"), tr("&Report")};
    for (int i = 0; i < names.size(); ++i)
        add(view, {}, names[i], QKeySequence(QString("Alt+%1").arg(i + 1)), tr("Shows this tab"), [this, i] { tabs_->setCurrentIndex(i); });
    view->addSeparator();
    add(view, "gene-search", tr("&Find gene"), QKeySequence::Find, tr("Searches a gene"), [this] {
        expression_dock_->show();
        expression_->focusSearch();
    });
    add(view, {}, tr("&Measured"), QKeySequence("M"), tr("Shows what was measured at the spots"), [this] { expression_->setPredicted(false); });
    add(view, {}, tr("&Predicted"), QKeySequence("P"), tr("Shows the predicted map"), [this] { if (document_->map()) expression_->setPredicted(true); });
    add(view, "overlay", tr("Show or hide &overlay"), QKeySequence("O"), tr("Shows or hides what is drawn over the slide; hold H to peek"), [this] { expression_->setShown(!expression_->settings().shown); });
    view->addSeparator();
    add(view, "zoom-in", tr("Zoom &in"), QKeySequence::ZoomIn, tr("Enlarges the slide"), [this] { slide_->view()->zoomAt(QRectF(slide_->view()->rect()).center(), 1.5); });
    add(view, "zoom-out", tr("Zoom o&ut"), QKeySequence::ZoomOut, tr("Shrinks the slide"), [this] { slide_->view()->zoomAt(QRectF(slide_->view()->rect()).center(), 1 / 1.5); });
    add(view, "fit-to-window", tr("&Whole slide"), QKeySequence("Ctrl+0"), tr("Fits the slide into the view"), [this] { slide_->view()->fit(); });
    QMenu* turn = view->addMenu(tr("T&urn the slide"));
    const auto turn_to = [this, turn](const QString& text, const QString& tip, const std::function<double(double)>& to) {
        add(turn, {}, text, {}, tip, [this, to] { slide_->view()->setAngle(to(slide_->view()->transform().angle())); });
    };
    turn_to(tr("90° to the &right (E)"), tr("Turns the slide clockwise; Alt+wheel turns it by any angle"), [](double angle) { return angle + 90; });
    turn_to(tr("90° to the &left (Q)"), tr("Turns the slide counter-clockwise; Alt+wheel turns it by any angle"), [](double angle) { return angle - 90; });
    turn_to(tr("&Upright"), tr("Shows the slide as the file has it"), [](double) { return 0.0; });
    stain_ = new StainMenu(slide_, view->addMenu(tr("S&tain")), this);
    connect(stain_, &StainMenu::failed, messages_, &MessageBar::warn);
    auto* beside = add(view, {}, tr("Measured and predicted s&ide by side"), QKeySequence("T"), tr("Two views of the same place: measured, and predicted or the bare slide"), [this] { setSideBySide(!slide_->isSideBySide()); });
    beside->setCheckable(true);
    connect(slide_, &SlidePage::sideBySideChanged, beside, &QAction::setChecked);
    add(view, {}, tr("La&bel and macro …"), {}, tr("Pictures of the glass in the slide file; hidden until asked for, since they may name the patient"), [this] {
        const auto slide = slide_->view()->slide();
        if (!slide) return messages_->warn(tr("There is no slide yet; open one first."));
        auto* pictures = new AssociatedImages(slide, this);
        pictures->setAttribute(Qt::WA_DeleteOnClose);
        pictures->open();
    });
    view->addSeparator();
    picture_ = new ViewPicture(slide_, this);
    picture_->fillMenu(view);
    connect(picture_, &ViewPicture::said, messages_, &MessageBar::inform);
    connect(picture_, &ViewPicture::failed, messages_, &MessageBar::warn);
    view->addSeparator();
    for (QDockWidget* dock : {project_dock_, expression_dock_, annotation_dock_, job_dock_}) view->addAction(dock->toggleViewAction());
    QMenu* theme = view->addMenu(tr("T&heme"));
    auto* group = new QActionGroup(this);
    const Theme current = theme_from(QSettings().value("theme").toString());
    for (const auto& [choice, text] : {std::pair{Theme::System, tr("As the desktop")}, {Theme::Light, tr("Light")}, {Theme::Dark, tr("Dark")}}) {
        auto* action = add(theme, {}, text, {}, tr("Colours of the window"), [this, choice = choice] {
            QSettings().setValue("theme", to_string(choice));
            setTheme(choice);
        });
        action->setCheckable(true);
        action->setChecked(choice == current);
        group->addAction(action);
    }
}

void MainWindow::makeJobMenu() {
    QMenu* job = menuBar()->addMenu(tr("&Job"));
    auto* run = add(job, "run", tr("&Run main job"), QKeySequence("Ctrl+R"), tr("Adapt, synthesise, assess, fit, evaluate, predict"), [this] { job_->run->click(); });
    auto* stop = add(job, "stop", tr("&Stop"), QKeySequence("Ctrl+."), tr("Stops the job and keeps a checkpoint"), [this] { jobs_->stop(); });
    add(job, {}, tr("&Place the spots by hand …"), {}, tr("Moves, turns and scales the spots over the slide, or fits them to landmark pairs"), [this] { registration_->begin(); });
    add(job, {}, tr("&Copy command"), QKeySequence("Ctrl+Shift+C"), tr("Copies the command line that does the same"), [this] { QApplication::clipboard()->setText(job_->commandLine()); });
    stop->setEnabled(false);
    connect(jobs_, &Jobs::runningChanged, this, [run, stop](bool running) {
        run->setEnabled(!running);
        stop->setEnabled(running);
    });
}

void MainWindow::makeHelpMenu() {
    QMenu* help = menuBar()->addMenu(tr("&Help"));
    add(help, {}, tr("&Keys and mouse"), QKeySequence::HelpContents, tr("How to move over the slide"), [this] {
        messages_->inform(tr("Drag or Space pans · wheel zooms at the cursor · 1–6 are 1× to 40× · F fits · Q, E and Alt+wheel turn · H held hides the overlay · M and P switch measured and predicted, T shows both · S compares stain views with the scan · O shows or hides the overlay · Ctrl+F finds a gene"));
    });
    add(help, {}, tr("&About C2L Studio"), {}, tr("Version and licence"), [this] {
        QMessageBox::about(this, tr("About C2L Studio"),
                           tr("<b>C2L Studio %1</b><p>Gene-conditioned local tissue generation for dense spatial transcriptomics.</p>"
                              "<p>For research only; not for diagnosis.</p><p>GPL-3.0-or-later. Built with Qt %2, VTK, QCustomPlot, OpenSlide, HDF5 and SQLite.</p>")
                               .arg(program_version(), qVersion()));
    });
}

}  // namespace c2l::ui
