// The window's end of the worker protocol against a real child process.
#include <QSignalSpy>
#include <QTest>

#include "ui/jobs/command_line.h"
#include "ui/jobs/worker_client.h"

using namespace c2l;
using namespace c2l::ui;

namespace {
const QString kWorker = QStringLiteral(C2L_BIN_DIR "/quick_worker");

struct Heard {
    explicit Heard(WorkerClient& client) {
        QObject::connect(&client, &WorkerClient::progressed, [this](const Progress& p, const std::vector<rpc::LossPoint>& l) {
            last = p;
            losses += static_cast<int>(l.size());
        });
        QObject::connect(&client, &WorkerClient::issueFound, [this](const Issue& i) { issues.push_back(i); });
        QObject::connect(&client, &WorkerClient::finished, [this](const QString&, const nlohmann::json& r) { result = r, ++ends; });
        QObject::connect(&client, &WorkerClient::stopped, [this](const QString&, const QString& m) { stopped = m, ++ends; });
        QObject::connect(&client, &WorkerClient::failed, [this](const QString&, const QString& m) { failed = m, ++ends; });
    }
    Progress last;
    int losses = 0, ends = 0;
    std::vector<Issue> issues;
    nlohmann::json result;
    QString stopped, failed;
};
}  // namespace

class TestWorkerClient : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void finishes_with_every_loss_point();
    void stops();
    void kills_a_job_that_ignores_the_stop();
    void survives_a_crash_and_starts_again();
    void reports_an_error_of_the_job();
    void reports_a_silent_exit();
    void reports_a_missing_program();
    void refuses_a_second_job();
    void writes_the_command_line();
};

void TestWorkerClient::finishes_with_every_loss_point() {
    WorkerClient client(kWorker, {});
    Heard heard(client);
    QVERIFY(client.start("run", {{"seed", 0}}));
    QVERIFY(client.isRunning());
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
    QCOMPARE(heard.result["pearson"].get<double>(), 0.4567);
    QCOMPARE(heard.losses, 20);
    QCOMPARE(heard.last.done, 20);
    QCOMPARE(heard.issues.size(), std::size_t{1});
    QVERIFY(!client.isRunning());
    const auto process = client.processId();
    QVERIFY(client.start("run", {{"seed", 0}}));  // the same process serves the next job
    QCOMPARE(client.processId(), process);
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 2, 10000);
}

void TestWorkerClient::stops() {
    WorkerClient client(kWorker, {});
    Heard heard(client);
    client.start("run", {{"seed", 4}});
    QTRY_VERIFY_WITH_TIMEOUT(heard.losses > 0, 10000);
    client.stop();
    QVERIFY(client.isStopping());
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
    QVERIFY(!heard.stopped.isEmpty());
    QVERIFY(client.processId() != 0);  // the process itself lives on
}

void TestWorkerClient::kills_a_job_that_ignores_the_stop() {
    WorkerClient client(kWorker, {});
    client.setPatience(200, 300);
    Heard heard(client);
    client.start("run", {{"seed", 3}});
    QTRY_VERIFY_WITH_TIMEOUT(heard.losses > 0, 10000);
    client.stop();
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
    QVERIFY2(heard.stopped.contains("did not answer"), qPrintable(heard.stopped));
}

void TestWorkerClient::survives_a_crash_and_starts_again() {
    WorkerClient client(kWorker, {});
    Heard heard(client);
    client.start("run", {{"seed", 1}});
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
    QVERIFY2(heard.failed.contains("crashed") && heard.failed.contains("something went very wrong"), qPrintable(heard.failed));
    QVERIFY(client.start("run", {{"seed", 0}}));
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 2, 10000);
    QVERIFY(!heard.result.is_null());
}

void TestWorkerClient::reports_an_error_of_the_job() {
    WorkerClient client(kWorker, {});
    Heard heard(client);
    client.start("run", {{"seed", 2}});
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
    QCOMPARE(heard.failed, QString("/x/slide.tif: the slide has no tissue; choose another"));
}

void TestWorkerClient::reports_a_silent_exit() {
    WorkerClient client(kWorker, {});
    Heard heard(client);
    client.start("run", {{"seed", 5}});
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
    QVERIFY2(heard.failed.contains("exit code 7"), qPrintable(heard.failed));
}

void TestWorkerClient::reports_a_missing_program() {
    WorkerClient client("/nowhere/c2l", {});
    Heard heard(client);
    client.start("run", {});
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
    QVERIFY2(heard.failed.contains("/nowhere/c2l"), qPrintable(heard.failed));
    QVERIFY(!client.isRunning());
}

void TestWorkerClient::refuses_a_second_job() {
    WorkerClient client(kWorker, {});
    Heard heard(client);
    QVERIFY(client.start("run", {{"seed", 4}}));
    QVERIFY(!client.start("run", {{"seed", 0}}));
    client.stop();
    QTRY_COMPARE_WITH_TIMEOUT(heard.ends, 1, 10000);
}

void TestWorkerClient::writes_the_command_line() {
    const nlohmann::json params = {{"project", "/x/My section.c2l"}, {"adapt_steps", 600}, {"spots", 100}, {"full", true}, {"quiet", false}, {"fraction", nullptr}};
    QCOMPARE(command_line("run", params), QString("c2l run '/x/My section.c2l' --adapt-steps 600 --full --spots 100"));
    QCOMPARE(command_line("export", {{"project", "a.c2l"}, {"what", "h5ad"}, {"output", "it's.h5ad"}}), QString("c2l export a.c2l h5ad --output 'it'\\''s.h5ad'"));
}

QTEST_GUILESS_MAIN(TestWorkerClient)
#include "test_worker_client.moc"
