// Import and `register` of misplaced spots: what is found is said with the option that puts it right, and the option does.
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/command.h"
#include "project/project.h"
#include "sample/sample.h"
#include "spatial/read.h"
#include "spatial/registration.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// The sample's selection with its pixel columns mapped.
void write_selection(const fs::path& from, const fs::path& to, const Registration& r) {
    std::istringstream in(read_file(from));
    std::ostringstream out;
    std::string line;
    std::getline(in, line);
    out << line << '\n';
    out.precision(10);
    while (std::getline(in, line)) {
        std::istringstream row(line);
        std::vector<std::string> fields;
        for (std::string field; std::getline(row, field, '\t');) fields.push_back(field);
        const Position p = r.apply({std::stod(fields.at(4)), std::stod(fields.at(5))});
        for (std::size_t i = 0; i < fields.size(); ++i) {
            if (i) out << '\t';
            if (i == 4) out << p.x;
            else if (i == 5) out << p.y;
            else out << fields[i];
        }
        out << '\n';
    }
    write_file(to, out.str());
}

}  // namespace

class TestRegister : public QObject {
    Q_OBJECT
private:
    QTemporaryDir dir_;
    SampleFiles sample_;
    double width_ = 0, height_ = 0;

    fs::path at(const std::string& name) const { return fs::path(dir_.path().toStdString()) / name; }
    json import(const fs::path& spots, const std::string& project, json more = json::object()) {
        more.update({{"project", at(project).string()}, {"slide", sample_.slide.string()}, {"spots", spots.string()}, {"counts", sample_.counts.string()}});
        return run_command(*find_command("import"), more, {});
    }
    json place(const std::string& project, json more) {
        more["project"] = at(project).string();
        return run_command(*find_command("register"), more, {});
    }
    ProjectSpots kept(const std::string& project) { return Project::open(at(project), Project::Mode::Read)->spots().back(); }
    static bool is_said(const json& result, const std::string& words) {
        for (const json& issue : result.at("issues"))
            if (issue.at("text").get<std::string>().find(words) != std::string::npos) return true;
        return false;
    }

private Q_SLOTS:
    void initTestCase() {
        sample_ = write_sample(at("sample"), 3, {}, 4.0);
        const json right = import(sample_.spots, "right.c2l");
        width_ = right.at("width");
        height_ = right.at("height");
        QVERIFY(right.at("alignment").at("verdict") == "aligned");
        QVERIFY(right.at("alignment").at("proposal").is_null());
        QVERIFY(!is_said(right, "misplaced"));
        QVERIFY(!kept("right.c2l").registration);
    }

    // Mirrored about the frame: found, said with its option, and the option gives the very spots of the right import.
    void what_import_says_puts_it_right() {
        for (const Orientation o : {Orientation::Swap, Orientation::Rotate90}) {
            const std::string name = to_string(o);
            write_selection(sample_.spots, at(name + ".tsv"), inverse(oriented(o, 1, width_, height_)));
            const json wrong = import(at(name + ".tsv"), name + ".c2l");
            QVERIFY(wrong.at("alignment").at("verdict") == "misplaced");
            const json proposal = wrong.at("alignment").at("proposal");
            QVERIFY(proposal.at("options") == "--orient " + name);
            QVERIFY(is_said(wrong, "--orient " + name));
            QVERIFY(!kept(name + ".c2l").registration);  // said, not done
            const json again = import(at(name + ".tsv"), name + "-again.c2l", {{"orient", name}});
            QVERIFY(again.at("alignment").at("verdict") == "aligned");
            const json registered = place(name + ".c2l", {{"orient", proposal.at("orient")}, {"spot_scale", proposal.at("spot_scale")}});
            QVERIFY(registered.at("alignment").at("verdict") == "aligned");
            QCOMPARE(kept(name + ".c2l").content_id, kept(name + "-again.c2l").content_id);
            QVERIFY(kept(name + ".c2l").registration.has_value());
        }
    }

    // All spots off the slide: the project is made all the same, since the fix is known.
    void positions_of_a_larger_picture_are_scaled() {
        write_selection(sample_.spots, at("large.tsv"), oriented(Orientation::Identity, 4, 1, 1));
        const json wrong = import(at("large.tsv"), "large.c2l");
        QVERIFY(wrong.at("alignment").at("proposal").at("options") == "--spot-scale 0.25");
        const json registered = place("large.c2l", {{"spot_scale", 0.25}});
        QVERIFY(registered.at("alignment").at("on_tissue").get<double>() > 0.9);
    }

    void positions_that_fit_nowhere_are_refused() {
        write_selection(sample_.spots, at("far.tsv"), {{1, 0, 1e6, 0, 1, -1e6}});
        QVERIFY_EXCEPTION_THROWN(import(at("far.tsv"), "far.c2l"), Error);
        QVERIFY(!fs::exists(at("far.c2l")));
        // … unless the registration is given.
        write_file(at("far.json"), R"({"matrix": [1, 0, -1000000, 0, 1, 1000000]})");
        QVERIFY(import(at("far.tsv"), "far.c2l", {{"registration", at("far.json").string()}}).at("alignment").at("verdict") == "aligned");
    }

    void landmarks_register_with_residuals_in_um() {
        const Registration truth{{0.9, -0.3, 400, 0.3, 0.9, -200}};
        const Registration back = inverse(truth);
        write_selection(sample_.spots, at("turned.tsv"), back);
        std::string csv = "spot_x,spot_y,slide_x,slide_y\n";
        const std::vector<Position> places{{500, 600}, {3000, 900}, {1500, 3000}};
        for (const Position& p : places) {
            const Position spot = back.apply(p);
            csv += std::to_string(spot.x) + "," + std::to_string(spot.y) + "," + std::to_string(p.x) + "," + std::to_string(p.y) + "\n";
        }
        write_file(at("landmarks.csv"), csv);
        import(at("turned.tsv"), "turned.c2l", {{"landmarks", at("landmarks.csv").string()}});
        const std::string before = kept("turned.c2l").content_id;
        const json r = place("turned.c2l", {{"landmarks", at("landmarks.csv").string()}});
        QCOMPARE(kept("turned.c2l").content_id, before);  // the same registration makes the same spots
        QCOMPARE(r.at("residuals_um").size(), std::size_t(3));
        QVERIFY(r.at("rms_um").get<double>() < 0.01);
        QVERIFY(std::abs(r.at("registration").at("scale").get<double>() - truth.scale()) < 1e-5);
        QVERIFY(std::abs(r.at("registration").at("angle").get<double>() - truth.angle()) < 1e-3);
        // One place is 100 px off: residuals are in µm.
        write_file(at("off.csv"), "spot_x,spot_y,slide_x,slide_y\n0,0,0,0\n1000,0,1000,0\n0,1000,0,1000\n1000,1000,1100,1000\n");
        const json off = place("turned.c2l", {{"landmarks", at("off.csv").string()}});
        double squares = 0;
        for (const json& each : off.at("residuals_um")) squares += each.get<double>() * each.get<double>() / 4;
        QVERIFY(std::abs(std::sqrt(squares) - off.at("rms_um").get<double>()) < 1e-9);
        QVERIFY(off.at("rms_um").get<double>() > 5 && off.at("rms_um").get<double>() < 100 * kSampleMpp);
    }

    // Other positions are other spots; the former ones come back with their id.
    void reset_takes_the_file_s_positions() {
        const std::string id = kept("right.c2l").content_id;
        place("right.c2l", {{"matrix", "1,0,30,0,1,0"}});
        const ProjectSpots moved = kept("right.c2l");
        QVERIFY(moved.content_id != id);
        QVERIFY((*moved.registration == std::array<double, 6>{1, 0, 30, 0, 1, 0}));
        QVERIFY(json::parse(moved.alignment).contains("on_tissue"));
        place("right.c2l", {{"reset", true}});
        QCOMPARE(kept("right.c2l").content_id, id);
        QVERIFY(!kept("right.c2l").registration);
        const json info = run_command(*find_command("info"), {{"file", at("right.c2l").string()}}, {});
        QCOMPARE(info.at("spots").size(), std::size_t(2));
    }

    void landmarks_may_name_spots_and_files_may_be_json() {
        const SpotData data = read_spot_data({sample_.spots, sample_.counts}, {});
        json landmarks = json::array();
        for (const std::size_t i : {std::size_t{0}, data.spots.size() - 1})
            landmarks.push_back({{"spot", data.spots.barcodes[i]}, {"slide", {data.spots.x[i] + 12, data.spots.y[i] - 5}}});
        write_file(at("pairs.json"), json{{"landmarks", landmarks}}.dump());
        const json r = place("right.c2l", {{"registration", at("pairs.json").string()}});
        const auto m = r.at("registration").at("matrix").get<std::vector<double>>();
        QVERIFY(std::abs(m[0] - 1) < 1e-9 && std::abs(m[2] - 12) < 1e-6 && std::abs(m[5] + 5) < 1e-6);
    }

    void broken_registrations_are_refused() {
        write_file(at("deep.json"), std::string(100'000, '['));
        write_file(at("five.json"), R"({"matrix": [1, 0, 0, 0, 1]})");
        write_file(at("flat.json"), R"({"matrix": [1, 1, 0, 1, 1, 0]})");
        write_file(at("text.json"), R"({"landmarks": [{"spot": "nobody", "slide": [1, 2]}]})");
        write_file(at("one.csv"), "spot_x,spot_y,slide_x,slide_y\n1,2,3,4\n");
        write_file(at("word.csv"), "spot_x,spot_y,slide_x,slide_y\n1,2,3,x\n1,2\n");
        write_file(at("head.csv"), "a,b\n1,2\n");
        const std::string before = kept("right.c2l").content_id;
        for (const char* name : {"deep.json", "five.json", "flat.json", "text.json", "none.json"})
            QVERIFY_EXCEPTION_THROWN(place("right.c2l", {{"registration", at(name).string()}}), Error);
        for (const char* name : {"one.csv", "word.csv", "head.csv"}) QVERIFY_EXCEPTION_THROWN(place("right.c2l", {{"landmarks", at(name).string()}}), Error);
        for (const char* matrix : {"1,2,3", "a,b,c,d,e,f", "0,0,0,0,0,0", "1,0,0,0,1,nan"}) QVERIFY_EXCEPTION_THROWN(place("right.c2l", {{"matrix", matrix}}), Error);
        QVERIFY_EXCEPTION_THROWN(place("right.c2l", json::object()), Error);
        QVERIFY_EXCEPTION_THROWN(place("right.c2l", {{"reset", true}, {"orient", "swap"}}), Error);
        QVERIFY_EXCEPTION_THROWN(place("right.c2l", {{"matrix", "1,0,0,0,1,0"}, {"orient", "swap"}}), Error);
        QCOMPARE(kept("right.c2l").content_id, before);
    }
};

QTEST_APPLESS_MAIN(TestRegister)
#include "test_register.moc"
