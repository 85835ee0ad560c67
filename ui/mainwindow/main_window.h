// The window: puts document, views, panels and jobs together. No logic of its own beyond that.
#pragma once

#include <QMainWindow>

#include "ui/panels/theme.h"

class QAction;
class QDockWidget;
class QLabel;
class QMenu;
class QTabWidget;

namespace c2l::ui {

class Annotations;
class Document;
class ExpressionPanel;
class GeneDial;
class JobPanel;
class Jobs;
class LandscapePage;
class MessageBar;
class ProjectPanel;
class ReportPanel;
class SlidePage;
class SpotRegistration;
class StainMenu;
class TileGallery;
class ViewPicture;
class WorkerClient;

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    // Takes the worker; null: the `c2l` beside this program.
    explicit MainWindow(WorkerClient* worker = nullptr, QWidget* parent = nullptr);
    ~MainWindow() override;

    void open(const QString& path);  // a project, a slide, or anything that may be dropped
    void openDropped(const QStringList& paths);
    void setTab(const QString& name);  // slide, tiles, dial, landscape, report
    void setGene(const QString& gene);
    void setSideBySide(bool on);       // measured and predicted in two views
    void setTheme(Theme theme);
    bool isQuiet() const;  // everything asked for has been read and is on screen

    Document* document() const { return document_; }
    Jobs* jobs() const { return jobs_; }
    SlidePage* slidePage() const { return slide_; }
    ViewPicture* picture() const { return picture_; }
    StainMenu* stain() const { return stain_; }
    Annotations* annotations() const { return annotations_; }
    SpotRegistration* registration() const { return registration_; }
    TileGallery* gallery() const { return gallery_; }
    GeneDial* dial() const { return dial_; }
    ReportPanel* report() const { return report_; }
    ProjectPanel* projectPanel() const { return project_; }
    ExpressionPanel* expressionPanel() const { return expression_; }
    JobPanel* jobPanel() const { return job_; }
    MessageBar* messages() const { return messages_; }
    QTabWidget* tabs() const { return tabs_; }

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void closeEvent(QCloseEvent* event) override;

private:
    void makeCentre(WorkerClient* dial_worker);
    void makeDocks();
    void makeMenus();
    void makeFileMenu();
    void makeViewMenu();
    void makeJobMenu();
    void makeHelpMenu();
    void connectDocument();
    void connectRegistration();
    void recolour();
    void showPairs();
    void projectOpened();
    void chooseProject();
    void exportTo(const QString& what, const QString& title, const QString& filter, const QString& suffix);
    void fillRecent();
    QAction* add(QMenu* menu, const QString& icon, const QString& text, const QKeySequence& key, const QString& tip, const std::function<void()>& act);
    void rememberLayout();

    Document* document_;
    Jobs* jobs_;
    MessageBar* messages_;
    QTabWidget* tabs_;
    SlidePage* slide_;
    StainMenu* stain_ = nullptr;
    ViewPicture* picture_ = nullptr;
    Annotations* annotations_;
    SpotRegistration* registration_;
    TileGallery* gallery_;
    GeneDial* dial_;
    LandscapePage* landscape_;
    ReportPanel* report_;
    ProjectPanel* project_;
    ExpressionPanel* expression_;
    JobPanel* job_;
    QDockWidget *project_dock_, *expression_dock_, *annotation_dock_, *registration_dock_, *job_dock_;
    QLabel *pointed_, *busy_, *magnification_;
    QMenu *recent_ = nullptr, *export_ = nullptr;
    QString wanted_gene_;  // asked for before its genes were read
};

}  // namespace c2l::ui
