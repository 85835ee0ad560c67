#include "ui/mainwindow/jobs.h"

#include <QDir>
#include <QDirIterator>
#include <QFileInfo>
#include <QStandardPaths>

#include "ui/document/document.h"
#include "ui/panels/import_form.h"
#include "ui/panels/job_panel.h"
#include "ui/panels/message_bar.h"

namespace c2l::ui {
namespace {

QString text(const nlohmann::json& object, const char* key) {
    const auto it = object.find(key);
    return it != object.end() && it->is_string() ? QString::fromStdString(it->get<std::string>()) : QString();
}

QString done_text(const QString& method, const nlohmann::json& params) {
    if (method == "run") return QObject::tr("Done. The map, the tiles and the report are in the tabs.");
    if (method == "demo") return QObject::tr("Done: the simulated section is open.");
    if (method == "import") return QObject::tr("Imported. Check that the spots lie on tissue, then press Run.");
    if (method == "register") return QObject::tr("The spots are placed. Results made before belong to their former positions; press Run for new ones.");
    if (method == "export") return QObject::tr("Saved %1").arg(text(params, "output"));
    return QObject::tr("Done: %1").arg(step_text(method.toStdString()));
}

}  // namespace

QString find_project(const QString& folder) {
    QFileInfo newest;
    for (const QString& place : QStringList{folder} + QDir(folder).entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
        const QDir dir(QDir(folder).filePath(place));
        for (const QFileInfo& file : dir.entryInfoList({"*.c2l"}, QDir::Files))
            if (!newest.exists() || file.lastModified() > newest.lastModified()) newest = file;
    }
    return newest.exists() ? newest.absoluteFilePath() : QString();
}

QString sample_folder() { return QDir(QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation)).filePath("C2L Studio sample"); }

Jobs::Jobs(WorkerClient* worker, const Parts& parts, QObject* parent) : QObject(parent), worker_(worker), parts_(parts) {
    connect(worker_, &WorkerClient::progressed, this, &Jobs::progressed);
    connect(worker_, &WorkerClient::previewed, parts_.panel, &JobPanel::showPreview);
    connect(worker_, &WorkerClient::issueFound, parts_.panel, &JobPanel::addIssue);
    connect(worker_, &WorkerClient::logged, parts_.panel, &JobPanel::addLine);
    connect(worker_, &WorkerClient::finished, this, &Jobs::finished);
    connect(worker_, &WorkerClient::stopped, this, [this](const QString& method, const QString& message) { ended(method, message, false); });
    connect(worker_, &WorkerClient::failed, this, [this](const QString& method, const QString& message) {
        parts_.messages->warn(message);
        ended(method, message, false);
    });
}

void Jobs::start(const QString& method, const nlohmann::json& params) {
    if (worker_->isRunning()) {
        parts_.messages->warn(tr("A job is running; wait for it or stop it first."));
        return;
    }
    params_ = params;
    step_.clear();
    parts_.messages->hide();
    parts_.panel->jobStarted(method, params);
    if (method == "import") parts_.form->setBusy(true, tr("Importing …"));
    Q_EMIT runningChanged(true);
    worker_->start(method, params);
}

void Jobs::stop() {
    if (!worker_->isRunning() || worker_->isStopping()) return;
    worker_->stop();
    parts_.panel->jobStopping();
}

void Jobs::openSample() {
    const QString folder = sample_folder();
    if (worker_->isRunning()) return parts_.messages->warn(tr("A job is running; stop it before opening the sample."));
    if (const QString made = find_project(folder); !made.isEmpty()) return parts_.document->open(made);
    start("demo", {{"output", folder.toStdString()}});
}

void Jobs::progressed(const Progress& progress, const std::vector<rpc::LossPoint>& losses) {
    parts_.panel->showProgress(progress, losses);
    // A new step begins where another one has left its results: show them while the job goes on.
    const std::string before = std::exchange(step_, progress.step);
    if (before.empty() || before == step_) return;
    if (worker_->method() == "run") {
        parts_.document->refresh();
    } else if (worker_->method() == "demo") {
        const QString made = find_project(text(params_, "output"));
        if (made.isEmpty()) return;
        if (parts_.document->project_path() == made) parts_.document->refresh();
        else parts_.document->open(made);
    }
}

void Jobs::finished(const QString& method, const nlohmann::json& result) {
    ended(method, done_text(method, params_), true);
    if (method == "import") {
        parts_.form->clear();
        parts_.document->open(text(params_, "project"));
    } else if (method == "demo") {
        QString made = result.is_object() ? text(result, "project") : QString();
        if (made.isEmpty()) made = find_project(text(params_, "output"));
        if (!made.isEmpty() && parts_.document->project_path() != made) parts_.document->open(made);
    }
    parts_.messages->inform(done_text(method, params_));
}

void Jobs::ended(const QString& method, const QString& message, bool good) {
    parts_.panel->jobEnded(message, good);
    if (method == "import") {
        parts_.form->setBusy(false);
        if (!good) parts_.form->showNote(message, true);
    }
    parts_.document->refresh();  // whatever was saved, whichever way it ended
    Q_EMIT runningChanged(false);
}

}  // namespace c2l::ui
