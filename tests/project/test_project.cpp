// The project file and its artifact store: round trips, moved files, damage, and programs that die in the middle.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QTemporaryDir>
#include <QTest>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "project/project.h"
#include "project/schema.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

Provenance provenance(const std::string& params, std::vector<std::string> inputs = {"abc"}) {
    Provenance p;
    p.step = "adapt";
    p.params = params;
    p.inputs = std::move(inputs);
    p.seed = 7;
    p.device = "cpu";
    return p;
}

template <class Function>
ErrorCode code_of(const Function& function) {
    try {
        function();
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::Internal;
}

std::size_t entries(const fs::path& folder) {
    std::size_t n = 0;
    if (fs::exists(folder))
        for ([[maybe_unused]] const auto& entry : fs::recursive_directory_iterator(folder)) ++n;
    return n;
}

}  // namespace

class TestProject : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    int count_ = 0;
    fs::path fresh() {
        const fs::path folder = fs::path(dir_.path().toStdString()) / std::to_string(count_++);
        fs::create_directories(folder);
        return folder;
    }

private Q_SLOTS:
    void roundTrip() {
        const fs::path file = fresh() / "a.c2l";
        write_file(file.parent_path() / "s.svs", "slide");
        write_file(file.parent_path() / "counts.tsv", "counts");
        {
            auto project = Project::create(file);
            ProjectSlide slide;
            slide.path = file.parent_path() / "s.svs";
            slide.content_id = sha256_file(slide.path);
            slide.mpp = 0.5;
            slide.patient = "C";
            const auto id = project->add_slide(slide);
            QCOMPARE(project->add_slide(slide), id);  // the same content is added once
            ProjectSpots spots;
            spots.slide = id;
            spots.spots = file.parent_path() / "counts.tsv";
            spots.content_id = "x";
            spots.format = "csv";
            project->add_spots(spots);
            project->add_spots(spots);
            project->set_mpp(id, 0.25);
            project->set_setting("limits", "[0,1]");
            project->set_setting("limits", "[0,2]");
        }
        QVERIFY(Project::is_project(file));
        const auto project = Project::open(file, Project::Mode::Read);
        QCOMPARE(project->slides().size(), std::size_t{1});
        QCOMPARE(*project->slides()[0].mpp, 0.25);
        QCOMPARE(project->slides()[0].patient, std::string("C"));
        QVERIFY(!project->slides()[0].missing);
        QCOMPARE(project->spots().size(), std::size_t{1});
        QVERIFY(project->spots()[0].counts.empty());
        QCOMPARE(*project->setting("limits"), std::string("[0,2]"));
        QVERIFY(!project->setting("nothing"));
        QCOMPARE(code_of([&] { project->set_mpp(1, 1); }), ErrorCode::Internal);
    }

    void reimportedSpotsAreTheLatest() {
        const fs::path file = fresh() / "a.c2l";
        write_file(file.parent_path() / "s.svs", "slide");
        auto project = Project::create(file);
        ProjectSlide slide;
        slide.path = file.parent_path() / "s.svs";
        slide.content_id = sha256_file(slide.path);
        ProjectSpots spots;
        spots.slide = project->add_slide(slide);
        spots.spots = slide.path;
        for (const char* content : {"first", "second", "first"}) {
            spots.content_id = content;
            const auto id = project->add_spots(spots);
            QCOMPARE(project->spots().back().id, id);
            QCOMPARE(project->spots().back().content_id, std::string(content));
        }
        QCOMPARE(project->spots().size(), std::size_t{2});
    }

    void createNeverOverwrites() {
        const fs::path file = fresh() / "a.c2l";
        write_file(file, "precious");
        QCOMPARE(code_of([&] { Project::create(file); }), ErrorCode::BadInput);
        QCOMPARE(read_file(file), std::string("precious"));
        QCOMPARE(code_of([&] { Project::open(file, Project::Mode::Write); }), ErrorCode::BadInput);
        QCOMPARE(code_of([&] { Project::open(file.parent_path() / "none.c2l", Project::Mode::Write); }), ErrorCode::NotFound);
    }

    void filesThatMoved() {
        const fs::path folder = fresh();
        fs::create_directories(folder / "data");
        write_file(folder / "data/s.svs", "slide one");
        {
            auto project = Project::create(folder / "a.c2l");
            ProjectSlide slide;
            slide.path = folder / "data/s.svs";
            slide.content_id = sha256_file(slide.path);
            project->add_slide(slide);
        }
        // Both moved together: found by the relative path.
        const fs::path other = fresh();
        fs::rename(folder / "data", other / "data");
        fs::rename(folder / "a.c2l", other / "a.c2l");
        fs::rename(folder / "a.c2l.d", other / "a.c2l.d");
        QCOMPARE(Project::open(other / "a.c2l", Project::Mode::Read)->slides()[0].path, other / "data/s.svs");
        // Only the slide moved, beside the project: found by content, also when its time of change is another.
        fs::rename(other / "data/s.svs", other / "s.svs");
        fs::last_write_time(other / "s.svs", fs::file_time_type::clock::now() - std::chrono::hours(5));
        QCOMPARE(Project::open(other / "a.c2l", Project::Mode::Read)->slides()[0].path, other / "s.svs");
        // Another content of the same size is another slide.
        write_file(other / "s.svs", "slide two");
        QVERIFY(Project::open(other / "a.c2l", Project::Mode::Read)->slides()[0].missing);
        fs::remove(other / "s.svs");
        QVERIFY(Project::open(other / "a.c2l", Project::Mode::Read)->slides()[0].missing);
    }

    void oneWriterManyReaders() {
        const fs::path file = fresh() / "a.c2l";
        auto writer = Project::create(file);
        QCOMPARE(code_of([&] { Project::open(file, Project::Mode::Write); }), ErrorCode::Io);
        const auto reader = Project::open(file, Project::Mode::Read);
        writer->set_setting("k", "1");
        QCOMPARE(*reader->setting("k"), std::string("1"));
        writer.reset();
        Project::open(file, Project::Mode::Write);
    }

    void artifacts() {
        const fs::path file = fresh() / "a.c2l";
        auto project = Project::create(file);
        const auto p = provenance(R"({"a":1})");
        int made = 0;
        const auto make = [&](const fs::path& staging) {
            ++made;
            write_file(staging / "deep/file.txt", "content");
        };
        write_file(project->work_folder(p) / "checkpoint", "half");
        const Artifact first = project->obtain(p, make), second = project->obtain(p, make);
        QCOMPARE(made, 1);
        QCOMPARE(first.id, p.id());
        QCOMPARE(first.folder, second.folder);
        QCOMPARE(first.folder.filename().string(), "adapt-" + p.id().substr(0, 16));
        QCOMPARE(first.provenance.params, p.params);
        QCOMPARE(first.provenance.id(), p.id());
        QCOMPARE(read_file(first.folder / "deep/file.txt"), std::string("content"));
        QVERIFY(!fs::exists(project->store() / "work" / p.id()));  // the checkpoints went with the step
        const auto other = project->obtain(provenance(R"({"a":2})"), make);
        QVERIFY(other.id != first.id);
        QCOMPARE(project->artifacts("adapt").size(), std::size_t{2});
        QCOMPARE(project->artifacts("adapt")[0].id, other.id);
        QVERIFY(project->artifacts("fit").empty());
        project->obtain(p, make);  // found, not made: now it is the one that was asked for last
        QCOMPARE(made, 2);
        QCOMPARE(project->artifacts("adapt")[0].id, first.id);
        QVERIFY(!project->find(std::string(64, '0')));
        // A record that was edited is not what it says: the step is made again.
        std::string record = read_file(other.folder / "provenance.json");
        record.replace(record.find("\"a\": 2"), 6, "\"a\": 3");
        write_file(other.folder / "provenance.json", record);
        QVERIFY(!project->find(other.id));
        project->obtain(provenance(R"({"a":2})"), make);
        QCOMPARE(made, 3);
        const std::string deep = std::string(500000, '[') + std::string(500000, ']');
        for (const std::string& bad : {std::string("{ not json"), R"({"id":")" + other.id + R"(","params":)" + deep + "}", std::string("[]")}) {
            write_file(other.folder / "provenance.json", bad);
            QVERIFY(!project->find(other.id));
        }
    }

    void failedStepLeavesNothing() {
        auto project = Project::create(fresh() / "a.c2l");
        const auto p = provenance("{}");
        const auto before = entries(project->store());
        QVERIFY_EXCEPTION_THROWN(project->obtain(p, [](const fs::path& staging) {
            write_file(staging / "half", "x");
            throw Error(ErrorCode::Stopped, "stopped");
        }), Error);
        QVERIFY(!project->find(p.id()));
        QVERIFY(entries(project->store()) <= before + 1);  // but for the empty staging folder
        auto bad = provenance("{}");
        bad.step = "../evil";
        QCOMPARE(code_of([&] { project->obtain(bad, [](const fs::path&) { }); }), ErrorCode::Internal);
    }

    // A child process makes an artifact of 40 files and is killed at some point; whatever the point, the project opens again,
    // holds the artifact whole or not at all, and making it again gives the same content.
    void killedAnywhere() {
        const fs::path file = fresh() / "a.c2l";
        Project::create(file);
        constexpr int kFiles = 40;
        const auto p = provenance("{}");
        int whole = 0;
        for (int round = 0; round < 30; ++round) {
            int pipe_ends[2];
            QCOMPARE(pipe(pipe_ends), 0);
            const pid_t child = fork();
            if (child == 0) {
                try {
                    auto project = Project::open(file, Project::Mode::Write);
                    write_file(project->work_folder(p) / "checkpoint", std::string(1000, 'c'));
                    project->set_setting("round", std::to_string(round));
                    project->obtain(p, [&](const fs::path& staging) {
                        for (int i = 0; i < kFiles; ++i) {
                            write_file(staging / std::to_string(i), std::string(2000, static_cast<char>('a' + i % 26)));
                            if (write(pipe_ends[1], "x", 1) != 1) _exit(3);
                        }
                    });
                } catch (...) {
                    _exit(2);
                }
                _exit(0);
            }
            close(pipe_ends[1]);
            char c;
            for (int i = 0; i < round * 2 && read(pipe_ends[0], &c, 1) == 1; ++i) {
            }
            if (round >= 20) usleep(static_cast<useconds_t>(500 * (round - 20)));
            kill(child, SIGKILL);
            close(pipe_ends[0]);
            waitpid(child, nullptr, 0);
            auto project = Project::open(file, Project::Mode::Write);  // the lock went with the child
            if (const auto artifact = project->find(p.id())) {
                ++whole;
                for (int i = 0; i < kFiles; ++i) QCOMPARE(read_file(artifact->folder / std::to_string(i)).size(), std::size_t{2000});
                fs::remove_all(artifact->folder);
            }
            QVERIFY(!fs::exists(project->store() / "staging"));
        }
        qInfo("the artifact was there after %d of 30 kills", whole);
    }

    void newerSchemaIsRefused() {
        const fs::path file = fresh() / "a.c2l";
        Project::create(file);
        {
            Database database(file, Database::Mode::Write);
            database.execute("PRAGMA user_version = 99");
        }
        const auto size = fs::file_size(file);
        QCOMPARE(code_of([&] { Project::open(file, Project::Mode::Write); }), ErrorCode::Unsupported);
        QCOMPARE(fs::file_size(file), size);
    }

    void olderSchemaIsMigratedAfterABackup() {
        const fs::path file = fresh() / "a.c2l";
        {
            auto project = Project::create(file);
            project->set_setting("k", "1");
        }
        const std::vector<Migration> steps = {{1, "ALTER TABLE slides ADD COLUMN stain TEXT NOT NULL DEFAULT 'he'"}, {2, "CREATE TABLE notes (text TEXT)"}};
        {
            Database database(file, Database::Mode::Write);
            QVERIFY(migrate(database, steps, 3));
            QVERIFY(!migrate(database, steps, 3));
            QCOMPARE(database.number("PRAGMA user_version"), std::int64_t{3});
            database.execute("INSERT INTO notes VALUES ('x')");
        }
        const fs::path backup = file.string() + ".schema1.backup";
        QVERIFY(fs::exists(backup));
        Database old(backup, Database::Mode::Read);
        QCOMPARE(old.number("PRAGMA user_version"), std::int64_t{1});
        QCOMPARE(old.number("SELECT count(*) FROM settings"), std::int64_t{1});
    }

    void failedMigrationChangesNothing() {
        const fs::path file = fresh() / "a.c2l";
        Project::create(file);
        const std::vector<Migration> steps = {{1, "CREATE TABLE notes (text TEXT)"}, {2, "THIS IS NOT SQL"}};
        {
            Database database(file, Database::Mode::Write);
            QVERIFY_EXCEPTION_THROWN(migrate(database, steps, 3), Error);
            QCOMPARE(database.number("PRAGMA user_version"), std::int64_t{1});
            QCOMPARE(database.number("SELECT count(*) FROM sqlite_master WHERE name = 'notes'"), std::int64_t{0});
        }
        Project::open(file, Project::Mode::Write);
    }

    void damagedFileIsRefused() {
        const fs::path file = fresh() / "a.c2l";
        Project::create(file);
        std::string data = read_file(file);
        for (std::size_t i = 200; i < data.size(); ++i) data[i] = static_cast<char>(i * 31);
        write_file(file, data);
        const auto code = code_of([&] { Project::open(file, Project::Mode::Write)->slides(); });
        QVERIFY(code == ErrorCode::BadInput || code == ErrorCode::Io);
        write_file(file, data.substr(0, 50));
        QCOMPARE(code_of([&] { Project::open(file, Project::Mode::Write); }), ErrorCode::BadInput);
    }
};

QTEST_GUILESS_MAIN(TestProject)
#include "test_project.moc"
