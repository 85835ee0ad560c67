// The declarations of the commands, from which command line, worker and help are made.
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/command.h"
#include "project/project.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

class TestCommands : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void declarationsAreConsistent() {
        std::set<std::string> names;
        for (const Command& command : commands()) {
            QVERIFY2(names.insert(command.name).second, command.name.c_str());
            QVERIFY(!command.help.empty());
            std::set<std::string> params;
            for (const Param& param : command.params) {
                const std::string what = command.name + " " + param.name;
                QVERIFY2(params.insert(param.name).second, what.c_str());
                QVERIFY2(!param.help.empty(), what.c_str());
                QVERIFY2(param.type != ParamType::Choice || !param.choices.empty(), what.c_str());
                QVERIFY2(param.required ? param.default_value.is_null() || param.type == ParamType::Choice : true, what.c_str());
            }
        }
        for (const char* wanted : {"doctor", "info", "import", "register", "pretrain", "adapt", "synthesize", "assess", "fit", "predict", "evaluate", "experiment", "run", "demo", "export"})
            QVERIFY2(names.count(wanted), wanted);
        const json described = describe_commands();
        QCOMPARE(described.at("commands").size(), commands().size());
    }

    // Every default passes its own check.
    void defaultsAreValid() {
        for (const Command& command : commands()) {
            json given = json::object();
            for (const Param& param : command.params) {
                if (!param.default_value.is_null()) given[param.name] = param.default_value;
                if (param.required && param.type == ParamType::Path) given[param.name] = "x";
                if (param.required && param.type == ParamType::Choice) given[param.name] = param.choices.front();
            }
            const json complete = complete_params(command, given);
            QCOMPARE(complete.size(), command.params.size());
            QVERIFY(complete_params(command, complete) == complete);
        }
    }

    void mistakesAreRefused() {
        const Command& run = *find_command("run");
        const json good = {{"project", "a.c2l"}};
        complete_params(run, good);
        for (const json& bad : {json{{"project", 5}}, json::object(), json{{"project", "a"}, {"nothing", 1}}, json{{"project", "a"}, {"spots", -1}},
                                json{{"project", "a"}, {"spots", 1.5}}, json{{"project", "a"}, {"spots", "9"}}, json{{"project", "a"}, {"sampler", "magic"}},
                                json{{"project", "a"}, {"full", 1}}, json{{"project", "a"}, {"spots", 1e300}}, json(5), json::array()})
            QVERIFY_EXCEPTION_THROWN(complete_params(run, bad), Error);
        QVERIFY(!find_command("nothing"));
    }

    // Steps are known by the hash of their parameters, so one number has one spelling.
    void numbersHaveOneSpelling() {
        const Command& fit = *find_command("fit");
        const std::string whole = complete_params(fit, {{"project", "a"}, {"synthetic_weight", -1}, {"spots", 9u}}).dump();
        QCOMPARE(whole, complete_params(fit, {{"project", "a"}, {"synthetic_weight", -1.0}, {"spots", 9}}).dump());
        QCOMPARE(whole, complete_params(fit, {{"project", "a"}, {"spots", 9}}).dump());
    }

    void demoSparesOtherFolders() {
        QTemporaryDir dir;
        const fs::path folder = dir.path().toStdString(), mine = folder / "tiles/mine.txt";
        write_file(mine, "precious");
        try {
            run_command(*find_command("demo"), {{"output", folder.string()}}, {});
            QFAIL("the folder was taken");
        } catch (const Error& error) {
            QCOMPARE(error.code(), ErrorCode::BadInput);
        }
        QCOMPARE(read_file(mine), std::string("precious"));
        QVERIFY(!fs::exists(folder / "sample"));
    }

    // Stopped between making the project and filling it: the next demo fills it.
    void demoGoesOnAfterHalfAnImport() {
        QTemporaryDir dir;
        const fs::path folder = dir.path().toStdString(), project = folder / "simulated-section.c2l";
        const json params = {{"output", folder.string()}, {"size_mm", 2.2}, {"central", (folder / "none.safetensors").string()}, {"device", "cpu"}};
        QVERIFY_EXCEPTION_THROWN(run_command(*find_command("demo"), params, {}), Error);  // sample and import are done before the model is missed
        QCOMPARE(Project::open(project, Project::Mode::Read)->spots().size(), std::size_t{1});
        fs::remove(project);
        fs::remove_all(project.string() + ".d");
        Project::create(project);
        QVERIFY_EXCEPTION_THROWN(run_command(*find_command("demo"), params, {}), Error);
        QCOMPARE(Project::open(project, Project::Mode::Read)->spots().size(), std::size_t{1});
    }
};

QTEST_GUILESS_MAIN(TestCommands)
#include "test_commands.moc"
