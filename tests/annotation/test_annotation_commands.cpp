// The commands that read and write annotations: info of a file, and spots as QuPath objects.
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>

#include "annotation/placed_spots.h"
#include "annotation/read.h"
#include "annotation/spot_labels.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/png.h"
#include "pipeline/command.h"
#include "project/project.h"
#include "real_data.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

class TestAnnotationCommands : public QObject {
    Q_OBJECT
    QTemporaryDir dir_;
    fs::path in(const char* name) const { return fs::path(dir_.path().toStdString()) / name; }
    static json run(const char* command, const json& params) { return run_command(*find_command(command), params, {}); }

    // A project whose spots were placed by hand; its patient must not be in any export.
    void make_project() {
        write_file(in("patient-ZX81.png"), encode_png(Image(400, 300, 200)));
        std::vector<Annotation> points;
        for (int i = 0; i < 6; ++i) {
            Annotation a;
            a.geometry = point_at({50.0 + 50 * i, 100.5});
            a.classification = Classification{i % 2 ? "Tumor" : "Stroma", std::nullopt};
            points.push_back(a);
        }
        write_placed_spots(place_spots(points), in("spots.csv"), in("values.csv"));
        const auto project = Project::create(in("p.c2l"));
        ProjectSlide slide;
        slide.path = in("patient-ZX81.png");
        slide.content_id = sha256_file(slide.path);
        slide.patient = "ZX81";
        slide.mpp = 0.5;
        ProjectSpots spots;
        spots.slide = project->add_slide(slide);
        spots.spots = in("spots.csv");
        spots.counts = in("values.csv");
        spots.content_id = "x";
        spots.format = "csv";
        project->add_spots(spots);
        write_spot_labels(spot_labels_file(project->store()), {{"S2", {"Invasive, front", Rgb{1, 2, 3}}}});
    }

private Q_SLOTS:
    void infoOfRealFiles() {
        C2L_REAL_DATA(folder, "data/annotations");
        const json wand = run("info", {{"file", (folder / "qupath_geojson/qupath-wand.json").string()}});
        QVERIFY(wand["kind"] == "annotations" && wand["format"] == "geojson" && wand["objects"] == 1 && wand["geometries"]["Polygon"] == 1 && wand["types"]["annotation"] == 1);
        QVERIFY(wand["issues"].empty() && wand["vertices"] > 100);
        const json points = run("info", {{"file", (folder / "asap/asap-pointset.xml").string()}});
        QVERIFY(points["format"] == "asap_xml" && points["geometries"]["MultiPoint"] == 1 && points["vertices"] == 5);
    }

    void infoSaysWhatIsWrong() {
        write_file(in("bad.json"), R"({"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":["a",1]}}]})");
        try {
            run("info", {{"file", in("bad.json").string()}});
            QFAIL("accepted");
        } catch (const Error& error) {
            QVERIFY(QString(error.what()).contains("feature 1: a coordinate is not a number"));
        }
    }

    void spotsBecomeQuPathObjects() {
        make_project();
        const json out = run("export", {{"project", in("p.c2l").string()}, {"what", "spots"}, {"output", in("spots.geojson").string()}, {"gene", "label: Tumor"}});
        QVERIFY(out["spots"] == 6 && out["labelled"] == 1);
        const AnnotationSet set = read_annotations(in("spots.geojson"));
        QCOMPARE(set.annotations.size(), std::size_t{6});
        const Annotation& s2 = set.annotations[1];
        QCOMPARE(s2.name, std::string("S2"));
        QVERIFY(s2.type == ObjectType::Detection);
        QVERIFY((s2.classification == Classification{"Invasive, front", Rgb{1, 2, 3}}));
        QVERIFY(!set.annotations[0].classification);
        const Point2 centre = centroid(s2.geometry);
        QVERIFY(std::abs(centre.x - 100) < 0.01 && std::abs(centre.y - 100.5) < 0.01);
        const auto value = [&](const std::string& name) {
            const auto found = std::find_if(s2.measurements.begin(), s2.measurements.end(), [&](const Measurement& m) { return m.name == name; });
            return found == s2.measurements.end() ? -1.0 : found->value;
        };
        QCOMPARE(value("Total"), 1.0);
        QCOMPARE(value("label: Tumor"), 1.0);
        QCOMPARE(s2.id.size(), std::size_t{36});
        const std::string text = read_file(in("spots.geojson"));
        QVERIFY(text.find("ZX81") == std::string::npos);  // nothing of the patient, not even a file's name
        run("export", {{"project", in("p.c2l").string()}, {"what", "spots"}, {"output", in("again.geojson").string()}, {"gene", "label: Tumor"}});
        QCOMPARE(read_file(in("again.geojson")), text);  // the same objects by the same ids
        QVERIFY_THROWS_EXCEPTION(Error, run("export", {{"project", in("p.c2l").string()}, {"what", "spots"}, {"output", in("no.geojson").string()}, {"gene", "NOGENE"}}));
        QVERIFY(!fs::exists(in("no.geojson")));
    }
};

QTEST_GUILESS_MAIN(TestAnnotationCommands)
#include "test_annotation_commands.moc"
