// Jobs as the window starts them: asks the worker, shows how it goes in the job panel, and has the document read what was made.
#pragma once

#include <QObject>
#include <nlohmann/json.hpp>

#include "ui/jobs/worker_client.h"

namespace c2l::ui {

class Document;
class ImportForm;
class JobPanel;
class MessageBar;

class Jobs : public QObject {
    Q_OBJECT
public:
    struct Parts {
        Document* document;
        JobPanel* panel;
        ImportForm* form;
        MessageBar* messages;
    };
    Jobs(WorkerClient* worker, const Parts& parts, QObject* parent = nullptr);

    void start(const QString& method, const nlohmann::json& params);
    void stop();
    // The simulated section: opened when it was made before, else made by a `demo` job.
    void openSample();
    WorkerClient* worker() const { return worker_; }

Q_SIGNALS:
    void runningChanged(bool running);

private:
    void progressed(const Progress& progress, const std::vector<rpc::LossPoint>& losses);
    void finished(const QString& method, const nlohmann::json& result);
    void ended(const QString& method, const QString& message, bool good);

    WorkerClient* worker_;
    Parts parts_;
    nlohmann::json params_;
    std::string step_;
};

// The newest project file in a folder or one level below; empty when there is none.
QString find_project(const QString& folder);
QString sample_folder();

}  // namespace c2l::ui
