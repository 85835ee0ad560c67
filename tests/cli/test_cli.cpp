// The program as its users see it: exit codes, one clear line on stderr, nothing written when an input is bad.
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sched.h>

#include "base/file.h"
#include "real_data.h"

using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Outcome {
    int code = -1;
    std::string out, err;
    std::size_t lines() const { return static_cast<std::size_t>(std::count(err.begin(), err.end(), '\n')); }
};

Outcome c2l_program(const QStringList& arguments, const QByteArray& input = {}) {
    QProcess process;
    process.start(QStringLiteral(C2L_BIN_DIR "/c2l"), arguments);
    process.write(input);
    process.closeWriteChannel();
    if (!process.waitForFinished(240000)) process.kill();
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1, process.readAllStandardOutput().toStdString(),
            process.readAllStandardError().toStdString()};
}

QString text(const fs::path& path) { return QString::fromStdString(path.string()); }

// Exit 1, exactly one line on stderr that names the program, nothing on stdout.
void verify_refused(const Outcome& outcome) {
    QVERIFY2(outcome.code == 1, (std::to_string(outcome.code) + " " + outcome.err).c_str());
    QVERIFY2(outcome.lines() == 1, outcome.err.c_str());
    QVERIFY2(outcome.err.starts_with("c2l: "), outcome.err.c_str());
    QVERIFY2(outcome.err.size() > 30 && outcome.err.size() < 600, outcome.err.c_str());
}

}  // namespace

class TestCli : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    fs::path folder() const { return dir_.path().toStdString(); }
    bool nothing_written() const { return fs::is_empty(folder() / "out"); }

private Q_SLOTS:
    void init() {
        fs::remove_all(folder() / "out");
        fs::create_directories(folder() / "out");
    }

    void usage() {
        QCOMPARE(c2l_program({"--help"}).code, 0);
        QCOMPARE(c2l_program({"--version"}).code, 0);
        QCOMPARE(c2l_program({"run", "--help"}).code, 0);
        QVERIFY(c2l_program({"run", "--help"}).out.find("--synthetic-weight") != std::string::npos);
        for (const QStringList& bad : {QStringList{}, {"nonsense"}, {"run"}, {"run", "a.c2l", "--nonsense"}, {"run", "a.c2l", "--spots", "many"}, {"run", "a.c2l", "--spots", "-3"},
                                       {"import", "a.c2l"}, {"run", "a.c2l", "--sampler", "magic"}, {"info"}, {"info", "a", "--progress", "maybe"}}) {
            const Outcome outcome = c2l_program(bad);
            QVERIFY2(outcome.code == 2, bad.join(' ').toUtf8());
            QVERIFY(!outcome.err.empty());
        }
        for (const QStringList& bad : {QStringList{"run", "a.c2l", "--nonsense", "--json"}, {"run", "a.c2l", "--margin", "nan", "--json"}}) {
            const Outcome outcome = c2l_program(bad);
            QVERIFY2(outcome.code == 2, bad.join(' ').toUtf8());
            QCOMPARE(json::parse(outcome.out).at("error").at("code").get<std::string>(), std::string("bad_input"));
        }
        QVERIFY(c2l_program({"run", "--help"}).out.find("--spots INT") != std::string::npos);
    }

    // As under a batch system that gives a job some of the machine's CPUs.
    void takes_no_more_cores_than_it_may() {
        if (!fs::exists("/usr/bin/taskset")) QSKIP("SKIPPED: taskset is not installed");
        cpu_set_t mine;
        QCOMPARE(sched_getaffinity(0, sizeof(mine), &mine), 0);
        int cpu = 0;
        while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &mine)) ++cpu;
        QProcess process;
        process.start(QStringLiteral("/usr/bin/taskset"), {QStringLiteral("-c"), QString::number(cpu), QStringLiteral(C2L_BIN_DIR "/c2l"), QStringLiteral("doctor"), QStringLiteral("--json")});
        QVERIFY(process.waitForFinished(60000));
        const auto said = json::parse(process.readAllStandardOutput().toStdString(), nullptr, false);
        QVERIFY(said.is_object());
        QCOMPARE(said.at("threads").get<int>(), 1);
    }

    void doctor() {
        const Outcome outcome = c2l_program({"doctor", "--json"});
        QCOMPARE(outcome.code, 0);
        const json report = json::parse(outcome.out);
        for (const char* key : {"devices", "blas", "threads", "versions", "readers", "warnings"}) QVERIFY2(report.contains(key), key);
    }

    void missingFiles() {
        for (const QStringList& arguments : {QStringList{"info", "/nowhere/x.svs"}, {"run", "/nowhere/x.c2l"}, {"export", "/nowhere/x.c2l", "h5ad", "-o", text(folder() / "out/x.h5ad")},
                                             {"import", text(folder() / "out/a.c2l"), "--slide", "/nowhere/x.svs", "--spots", "/nowhere/s"}})
            verify_refused(c2l_program(arguments));
        QVERIFY(nothing_written());
        const Outcome outcome = c2l_program({"info", "/nowhere/x.svs", "--json"});
        QCOMPARE(json::parse(outcome.out).at("error").at("code").get<std::string>(), std::string("not_found"));
        QCOMPARE(outcome.lines(), std::size_t{1});
    }

    void pickles() {
        std::string pickle = "\x80\x04\x95";
        pickle += std::string(200, 'x');
        for (const auto& [name, content] : {std::pair<std::string, std::string>{"a.safetensors", pickle}, {"b.safetensors", "PK\x03\x04" + std::string(300, 'z')},
                                            {"c.safetensors", std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10)}, {"d.safetensors", ""}, {"e.safetensors", std::string(8, '\0')}}) {
            const fs::path file = folder() / name;
            std::ofstream(file, std::ios::binary) << content;
            verify_refused(c2l_program({"info", text(file)}));
        }
    }

    void brokenSlides() {
        C2L_REAL_DATA(slides, "data/slides");
        std::vector<fs::path> bad = {slides / "aperio/broken.svs"};
        for (const auto& entry : fs::directory_iterator(slides / "openslide_python"))
            if (entry.path().filename().string().starts_with("un")) bad.push_back(entry.path());
        QVERIFY(bad.size() >= 2);
        for (const fs::path& slide : bad) {
            verify_refused(c2l_program({"info", text(slide)}));
            verify_refused(c2l_program({"import", text(folder() / "out/a.c2l"), "--slide", text(slide), "--mpp", "0.5"}));
            QVERIFY2(nothing_written(), slide.c_str());
        }
    }

    void truncatedCounts() {
        C2L_REAL_DATA(visium, "data/visium");
        fs::path h5;
        for (const auto& entry : fs::recursive_directory_iterator(visium))
            if (entry.path().extension() == ".h5" || entry.path().extension() == ".h5ad") h5 = entry.path();
        QVERIFY(!h5.empty());
        std::ifstream in(h5, std::ios::binary);
        std::string data(std::istreambuf_iterator<char>(in), {});
        for (const double part : {0.1, 0.5, 0.9}) {
            const fs::path file = folder() / ("cut" + h5.extension().string());
            std::ofstream(file, std::ios::binary) << data.substr(0, static_cast<std::size_t>(part * static_cast<double>(data.size())));
            verify_refused(c2l_program({"info", text(file)}));
        }
    }

    void countsOfOtherSpots() {
        C2L_REAL_DATA(her2st, "data/her2st");
        const fs::path spots = folder() / "other.tsv";
        std::ofstream(spots) << "x\ty\tnew_x\tnew_y\tpixel_x\tpixel_y\tselected\n"
                                "900\t900\t900\t900\t100\t100\t1\n901\t900\t901\t900\t300\t100\t1\n";
        verify_refused(c2l_program({"import", text(folder() / "out/a.c2l"), "--slide", text(her2st / "images/C4.jpg"), "--spots", text(spots), "--counts",
                                    text(her2st / "counts/C4.tsv.gz"), "--mpp", "0.687"}));
        QVERIFY(nothing_written());
        // Without µm per pixel the advice says what it should be.
        const Outcome outcome = c2l_program({"import", text(folder() / "out/a.c2l"), "--slide", text(her2st / "images/C4.jpg"), "--spots",
                                             text(her2st / "spots/C4_selection.tsv"), "--counts", text(her2st / "counts/C4.tsv.gz")});
        verify_refused(outcome);
        QVERIFY2(outcome.err.find("--mpp") != std::string::npos, outcome.err.c_str());
        QVERIFY(nothing_written());
    }

    void worker() {
        const auto frame = [](const std::string& payload) { return "Content-Length: " + std::to_string(payload.size()) + "\r\n\r\n" + payload; };
        const std::string input = "garbage\r\n\r\n" + frame(R"({"jsonrpc":"2.0","id":1,"method":"capabilities"})") +
                                  frame(R"({"jsonrpc":"2.0","id":2,"method":"info","params":{"nothing":1}})") + frame("{") +
                                  frame(R"({"jsonrpc":"2.0","id":3,"method":"shutdown"})");
        const Outcome outcome = c2l_program({"worker"}, QByteArray::fromStdString(input));
        QCOMPARE(outcome.code, 0);
        QVERIFY(outcome.out.find("\"commands\"") != std::string::npos);
        QVERIFY(outcome.out.find("-32602") != std::string::npos);
        QVERIFY(outcome.out.find("-32700") != std::string::npos);
        QVERIFY(outcome.out.find("\"id\":3") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestCli)
#include "test_cli.moc"
