#include "ui/jobs/worker_client.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <QProcessEnvironment>
#include <QStandardPaths>
#include <utility>

namespace c2l::ui {
namespace {

QString find_worker() {
#ifdef Q_OS_WIN
    const QString name = "c2l.exe";
#else
    const QString name = "c2l";
#endif
    const QString beside = QDir(QCoreApplication::applicationDirPath()).filePath(name);
    return QFileInfo(beside).isExecutable() ? beside : QStandardPaths::findExecutable(name);
}

}  // namespace

WorkerClient::WorkerClient(QString program, QStringList arguments, QObject* parent)
    : QObject(parent), program_(program.isEmpty() ? find_worker() : std::move(program)), arguments_(std::move(arguments)) {
    process_.setProcessChannelMode(QProcess::SeparateChannels);
    // As the program sets it for itself: given here, it need not start twice, which takes half a second of every first tile.
    auto environment = QProcessEnvironment::systemEnvironment();
    if (!environment.contains("OMP_WAIT_POLICY") && !environment.contains("GOMP_SPINCOUNT")) environment.insert("GOMP_SPINCOUNT", "1000");
    process_.setProcessEnvironment(environment);
    connect(&process_, &QProcess::readyReadStandardOutput, this, &WorkerClient::receive);
    connect(&process_, &QProcess::readyReadStandardError, this, [this] {
        const QString text = QString::fromUtf8(process_.readAllStandardError());
        last_words_ = (last_words_ + text).right(2000);
        for (const QString& line : text.split('\n', Qt::SkipEmptyParts)) Q_EMIT logged(line);
    });
    connect(&process_, &QProcess::finished, this, &WorkerClient::processEnded);
    connect(&process_, &QProcess::errorOccurred, this, &WorkerClient::processFailed);
    patience_.setSingleShot(true);
    connect(&patience_, &QTimer::timeout, this, &WorkerClient::killUnresponsive);
    idle_.setSingleShot(true);
    idle_.setInterval(kIdleMs);
    connect(&idle_, &QTimer::timeout, this, [this] {
        if (isRunning() || process_.state() == QProcess::NotRunning) return;
        ending_ = true;
        process_.closeWriteChannel();  // end of input ends the worker
    });
}

WorkerClient::~WorkerClient() {
    disconnect(&process_, nullptr, this, nullptr);
    if (process_.state() == QProcess::NotRunning) return;
    process_.closeWriteChannel();  // the worker stops the job, keeps its checkpoint, and ends
    if (process_.waitForFinished(3000)) return;
    process_.kill();
    process_.waitForFinished(1000);
}

bool WorkerClient::start(const QString& method, const nlohmann::json& params) {
    if (isRunning()) return false;
    idle_.stop();
    method_ = method;
    step_.clear();
    last_words_.clear();
    stopping_ = killed_ = false;
    job_id_ = next_id_++;
    request_ = rpc::request(job_id_, method.toStdString(), params);
    Q_EMIT started(method);
    if (!ending_) sendJob();  // else as soon as the idle process has gone
    return true;
}

void WorkerClient::sendJob() {
    if (process_.state() == QProcess::NotRunning) {
        reader_ = {};
        process_.start(program_, arguments_);
    }
    if (isRunning()) send(request_);  // a failed start has ended the job already
}

void WorkerClient::setPatience(int answer_ms, int end_ms) {
    answer_ms_ = answer_ms;
    end_ms_ = end_ms;
}

void WorkerClient::stop() {
    if (!isRunning() || stopping_) return;
    stopping_ = true;
    cancel_id_ = next_id_++;
    send(rpc::request(cancel_id_, "cancel", {{"job", job_id_}}));
    patience_.start(answer_ms_);
}

void WorkerClient::send(const nlohmann::json& message) {
    const std::string bytes = rpc::frame(rpc::dump(message));
    process_.write(bytes.data(), static_cast<qint64>(bytes.size()));
}

void WorkerClient::receive() {
    const QByteArray bytes = process_.readAllStandardOutput();
    for (const auto& item : reader_.feed({bytes.constData(), static_cast<std::size_t>(bytes.size())})) {
        if (item.error.empty()) handle(rpc::read_incoming(item.payload));
        else Q_EMIT logged(tr("The worker sent something unreadable: %1").arg(QString::fromStdString(item.error)));
    }
}

void WorkerClient::handle(const rpc::Incoming& message) {
    using Kind = rpc::Incoming::Kind;
    if (message.kind == Kind::Notification) return handleNotification(message);
    if (message.kind == Kind::Invalid) return;
    if (message.id == cancel_id_) {
        if (isRunning() && stopping_) patience_.start(end_ms_);
        return;
    }
    if (message.id != job_id_ || !isRunning()) return;
    const QString method = endJob();
    idle_.start();
    if (message.kind == Kind::Result) {
        Q_EMIT finished(method, message.value);
    } else if (message.error_code == rpc::kCancelled) {
        Q_EMIT stopped(method, tr("Stopped; Run goes on from where it was."));
    } else {
        QString text = QString::fromStdString(message.error);
        if (!message.error_path.empty()) text.prepend(QString::fromStdString(message.error_path) + ": ");
        Q_EMIT failed(method, text);
    }
}

void WorkerClient::handleNotification(const rpc::Incoming& message) {
    if (const auto job = message.value.find("job"); !isRunning() || job == message.value.end() || *job != job_id_) return;
    if (message.method == "progress") {
        const Progress progress = rpc::read_progress(message.value);
        step_ = progress.step;
        Q_EMIT progressed(progress, rpc::read_losses(message.value));
    } else if (message.method == "preview") {
        Q_EMIT previewed(rpc::read_preview(message.value));
    } else if (message.method == "issue") {
        Q_EMIT issueFound(rpc::read_issue(message.value));
    }
}

QString WorkerClient::endJob() {
    patience_.stop();
    stopping_ = false;
    return std::exchange(method_, QString());
}

void WorkerClient::killUnresponsive() {
    killed_ = true;
    process_.kill();
}

void WorkerClient::processEnded(int code, QProcess::ExitStatus status) {
    idle_.stop();
    if (std::exchange(ending_, false)) {
        if (isRunning()) sendJob();
        return;
    }
    if (!isRunning()) return;
    const QString at = step_.empty() ? QString() : tr(" during %1").arg(QString::fromStdString(step_));
    const bool asked = stopping_;
    const QString method = endJob();
    if (killed_) {
        Q_EMIT stopped(method, tr("The worker did not answer and was ended%1; what had been saved is kept, Run goes on from there.").arg(at));
    } else if (asked) {
        Q_EMIT stopped(method, tr("Stopped; Run goes on from where it was."));
    } else {
        const QString how = status == QProcess::CrashExit ? tr("crashed") : tr("ended with exit code %1").arg(code);
        QString text = tr("The worker %1%2; what had been saved is kept and shown, Run goes on from there.").arg(how, at);
        const QStringList lines = last_words_.split('\n', Qt::SkipEmptyParts);
        if (!lines.isEmpty()) text += tr(" Its last words: %1").arg(lines.last().trimmed());
        Q_EMIT failed(method, text);
    }
}

void WorkerClient::processFailed(QProcess::ProcessError error) {
    if (error != QProcess::FailedToStart || !isRunning()) return;  // everything else ends in processEnded
    const QString method = endJob();
    Q_EMIT failed(method, program_.isEmpty() ? tr("The program c2l was not found beside this one; reinstall C2L Studio.")
                                             : tr("%1 could not be started: %2").arg(program_, process_.errorString()));
}

}  // namespace c2l::ui
