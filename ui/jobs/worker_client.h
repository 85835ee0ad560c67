// The window's end of the worker: one child process, one job at a time, nothing that blocks.
//
// The process starts with the first job and ends after a while without one, so that its memory returns. A job always ends in
// exactly one of finished, stopped, failed, whatever happens to the process.
#pragma once

#include <QObject>
#include <QProcess>
#include <QStringList>
#include <QTimer>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/issue.h"
#include "base/job.h"
#include "rpc/frame.h"
#include "rpc/message.h"

namespace c2l::ui {

class WorkerClient : public QObject {
    Q_OBJECT
public:
    static constexpr int kAnswerMs = 5000;  // for the answer to "cancel"; then the process is killed
    static constexpr int kEndMs = 20000;    // for the job to end after it said that it is stopping
    static constexpr int kIdleMs = 30000;

    // Empty program: `c2l` beside this executable, else the one on the PATH.
    explicit WorkerClient(QString program = {}, QStringList arguments = {"worker"}, QObject* parent = nullptr);
    ~WorkerClient() override;  // ends the process: a running job keeps its checkpoint

    bool start(const QString& method, const nlohmann::json& params);  // returns at once; false while a job runs
    void stop();                                                      // returns at once
    void setPatience(int answer_ms, int end_ms);                      // instead of kAnswerMs and kEndMs
    bool isRunning() const { return !method_.isEmpty(); }
    bool isStopping() const { return stopping_; }
    QString method() const { return method_; }  // of the running job
    const QString& program() const { return program_; }
    const QStringList& arguments() const { return arguments_; }
    qint64 processId() const { return process_.processId(); }

Q_SIGNALS:
    void started(const QString& method);
    void progressed(const c2l::Progress& progress, const std::vector<c2l::rpc::LossPoint>& losses);
    void previewed(const c2l::Preview& preview);
    void issueFound(const c2l::Issue& issue);
    void finished(const QString& method, const nlohmann::json& result);
    void stopped(const QString& method, const QString& message);
    void failed(const QString& method, const QString& message);
    void logged(const QString& line);  // what the worker writes to its standard error

private:
    void send(const nlohmann::json& message);
    void sendJob();
    void receive();
    void handle(const rpc::Incoming& message);
    void handleNotification(const rpc::Incoming& message);
    void processEnded(int code, QProcess::ExitStatus status);
    void processFailed(QProcess::ProcessError error);
    void killUnresponsive();
    QString endJob();  // forgets the job; its method

    QString program_;
    QStringList arguments_;
    QProcess process_;
    rpc::FrameReader reader_;
    QTimer patience_, idle_;
    QString method_;
    nlohmann::json request_;
    std::string step_;       // last step heard of
    QString last_words_;     // end of the standard error
    std::int64_t next_id_ = 1, job_id_ = 0, cancel_id_ = -1;
    int answer_ms_ = kAnswerMs, end_ms_ = kEndMs;
    bool stopping_ = false, killed_ = false;
    bool ending_ = false;  // the idle process was told to end
};

}  // namespace c2l::ui
