// GeoJSON without loss, both ways, and ASAP XML in: real files, older spellings, and annotations at random.
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <nlohmann/json.hpp>

#include "annotation/random_annotations.h"
#include "annotation/read.h"
#include "base/error.h"
#include "base/file.h"
#include "real_data.h"

using namespace c2l;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// Written again the JSON means the same, and read again the values are the same.
void round_trip(const std::string& text) {
    const AnnotationSet once = parse_geojson(text);
    const std::string written = to_geojson(once);
    QCOMPARE(QString::fromStdString(json::parse(written).dump()), QString::fromStdString(json::parse(text).dump()));
    const AnnotationSet twice = parse_geojson(written);
    QVERIFY(twice.annotations == once.annotations);
    QVERIFY(twice.form == once.form);
    QCOMPARE(twice.source_json, once.source_json);
}

Annotation only(const std::string& text) {
    AnnotationSet set = parse_geojson(text);
    if (set.annotations.size() != 1) throw Error(ErrorCode::Internal, "one feature was expected");
    return set.annotations.front();
}

std::string feature(const std::string& properties, const std::string& more = "") {
    return R"({"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":)" + properties + more + "}";
}

Annotation without_source(Annotation a) {
    a.source_json.clear();
    return a;
}

}  // namespace

class TestAnnotationFiles : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void realQuPathFilesSurvive() {
        C2L_REAL_DATA(folder, "data/annotations/qupath_geojson");
        int seen = 0;
        for (const auto& entry : fs::directory_iterator(folder)) {
            qInfo("%s", entry.path().filename().c_str());
            QCOMPARE(recognise_annotation_file(entry.path()), std::string("geojson"));
            round_trip(read_file(entry.path()));
            const AnnotationSet set = read_annotations(entry.path());
            QCOMPARE(set.annotations.size(), std::size_t{1});
            QVERIFY(set.issues.empty());
            const Annotation& a = set.annotations[0];
            QVERIFY(a.type == ObjectType::Annotation);
            QCOMPARE(a.id, std::string("PathAnnotationObject"));
            QCOMPARE("qupath-" + a.name, entry.path().stem().string());
            QVERIFY(!a.locked);
            ++seen;
        }
        QCOMPARE(seen, 9);
    }

    void realShapesHaveTheirPlaces() {
        C2L_REAL_DATA(file, "data/annotations/qupath_geojson/qupath-rectangle.json");
        const Annotation rectangle = read_annotations(file).annotations.at(0);
        QVERIFY((bounds(rectangle.geometry) == Box{26268, 15298, 26478, 15474}));
        QCOMPARE(area_px(rectangle.geometry), 210.0 * 176.0);
        QCOMPARE(area_um2(rectangle.geometry, 0.5), 210.0 * 176.0 / 4);
        QCOMPARE(rectangle.geometry.vertices(), std::size_t{4});
        const Annotation points = read_annotations(file.parent_path() / "qupath-multipoint.json").annotations.at(0);
        QVERIFY(points.geometry.type == GeometryType::MultiPoint);
        QVERIFY((points.geometry.parts[0][0][1] == Point2{26807.1, 15451.72}));
    }

    void realAsapFiles() {
        C2L_REAL_DATA(folder, "data/annotations/asap");
        const auto read = [&](const char* name) {
            const AnnotationSet set = read_annotations(folder / name);
            if (set.annotations.size() != 1 || set.format != "asap_xml") throw Error(ErrorCode::Internal, name);
            return set.annotations.front();
        };
        const Annotation dot = read("asap-dot.xml"), set = read("asap-pointset.xml"), polygon = read("asap-polygon.xml");
        QVERIFY(dot.geometry == point_at({23071.5605, 16831.0098}));
        QVERIFY(dot.colour == (Rgb{0xF4, 0xFA, 0x58}));
        QCOMPARE(dot.name, std::string("Annotation 0"));
        QVERIFY(!dot.classification);
        QVERIFY(set.geometry.type == GeometryType::MultiPoint);
        QCOMPARE(set.geometry.vertices(), std::size_t{5});
        QVERIFY(polygon.geometry.type == GeometryType::Polygon);
        QVERIFY((polygon.geometry.parts[0][0].back() == Point2{22954.1191, 16565.2363}));
        QVERIFY(area_px(polygon.geometry) > 10000);
        // What came from ASAP goes out as GeoJSON and comes back the same.
        AnnotationSet out;
        out.annotations = {dot, set, polygon};
        const AnnotationSet back = parse_geojson(to_geojson(out));
        for (std::size_t i = 0; i < 3; ++i) QVERIFY(without_source(back.annotations[i]) == out.annotations[i]);
    }

    void asapGroupsBecomeClasses() {
        const AnnotationSet set = parse_asap_xml(R"(<?xml version='1.0'?><ASAP_Annotations><Annotations>
            <Annotation Name='a' Type='Polygon' PartOfGroup='invasive' Color='#FF0000'><Coordinates>
                <Coordinate Order='2' X='10' Y='10'/><Coordinate Order='0' X='0' Y='0'/><Coordinate Order='1' X='10' Y='0'/></Coordinates></Annotation>
            <Annotation Name='b' Type='Spline' PartOfGroup='tumour' Color='#0000FF'><Coordinates>
                <Coordinate Order='0' X='1' Y='1'/><Coordinate Order='1' X='2' Y='1'/><Coordinate Order='2' X='2' Y='2'/></Coordinates></Annotation>
            <Annotation Name='c' Type='Dot' PartOfGroup='None' Color='#F4FA58'><Coordinates><Coordinate Order='0' X='1e2' Y='-3.5'/></Coordinates></Annotation>
            <Annotation Name='d' Type='Measurement' PartOfGroup='gone' Color=''><Coordinates><Coordinate Order='0' X='1' Y='1'/><Coordinate Order='1' X='4' Y='5'/></Coordinates></Annotation>
            <Annotation Name='e' Type='Polygon' PartOfGroup='None' Color='#F4FA58'><Coordinates/></Annotation>
            </Annotations><AnnotationGroups><Group Name='tumour' PartOfGroup='None' Color='#00FF00'><Attributes/></Group>
            <Group Name='invasive' PartOfGroup='tumour' Color='#FF0000'><Attributes/></Group></AnnotationGroups></ASAP_Annotations>)");
        QCOMPARE(set.annotations.size(), std::size_t{4});
        QVERIFY((set.annotations[0].classification == Classification{"tumour: invasive", Rgb{255, 0, 0}}));
        QVERIFY(!set.annotations[0].colour);  // its class's
        QVERIFY((set.annotations[0].geometry.parts[0][0] == Ring{{0, 0}, {10, 0}, {10, 10}}));
        QVERIFY((set.annotations[1].classification == Classification{"tumour", Rgb{0, 255, 0}}));
        QVERIFY((set.annotations[1].colour == Rgb{0, 0, 255}));
        QVERIFY((set.annotations[2].geometry == point_at({100, -3.5})));
        QCOMPARE(length_px(set.annotations[3].geometry), 5.0);
        QVERIFY(set.annotations[3].classification->name == "gone" && !set.annotations[3].classification->colour);
        QCOMPARE(set.issues.size(), std::size_t{3});  // a spline, an unlisted group, an annotation of nothing
    }

    void formsSurvive_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<int>("count");
        const auto row = [](const char* name, const char* text, int count) { QTest::newRow(name) << QString::fromUtf8(text) << count; };
        row("collection", R"({"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[1.5,2]},"properties":{}},
            {"type":"Feature","id":"7f2c","geometry":null,"properties":null}]})", 2);
        row("collection with more", R"({"type":"FeatureCollection","crs":{"x":[1,{"y":null}]},"features":[],"features2":[{"type":"Feature"}],"name":"s"})", 0);
        row("features before type", R"({"features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{}}],"type":"FeatureCollection"})", 1);
        row("array", R"([{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{}},{"type":"Point","coordinates":[3,4]}])", 2);
        row("empty array of features", "[]", 0);
        row("geometry", R"({"type":"MultiPolygon","coordinates":[[[[0,0],[9,0],[9,9],[0,0]],[[1,1],[2,1],[2,2],[1,1]]],[[[20,0],[29,0],[29,9],[20,0]]]]})", 1);
        row("several lines", R"({"type":"MultiLineString","coordinates":[[[0,0],[1.25,1]],[[5,5],[6,6],[7,5]]]})", 1);
        row("empty shapes", R"([{"type":"Polygon","coordinates":[]},{"type":"MultiPolygon","coordinates":[]},{"type":"MultiPoint","coordinates":[]},{"type":"Point","coordinates":[]}])", 4);
        row("new QuPath", R"({"type":"FeatureCollection","features":[{"type":"Feature","id":"d0852662-6941-4506-bc90-cbda1c2fa7b0",
            "geometry":{"type":"Polygon","coordinates":[[[1,1],[5,1],[5,5],[1,1]]],"plane":{"c":-1,"z":2,"t":0},"isEllipse":true},
            "nucleusGeometry":{"type":"Polygon","coordinates":[[[2,2],[3,2],[3,3],[2,2]]]},
            "properties":{"objectType":"cell","name":"c 1","color":[1,2,3],"isLocked":true,"classification":{"names":["Immune","CD3+"],"color":[200,0,100]},
            "measurements":{"Area µm^2":12.5,"n":3,"ratio":"NaN"},"metadata":{"ANNOTATION_DESCRIPTION":"text"},"extra":{"deep":[1,2,{"a":"b"}]}}}]})", 1);
        row("old QuPath", R"({"type":"Feature","id":"PathCellObject","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"isLocked":false,
            "classification":{"name":"Tumor","colorRGB":-3670016},"measurements":[{"name":"b","value":2},{"name":"a","value":1.5},{"name":"a","value":1.5}]}})", 1);
        row("other programs", R"({"type":"Feature","id":12,"bbox":[0,0,1,1],"geometry":{"type":"Point","coordinates":[1,2]},"properties":{"classification":"Stroma","name":5,
            "isLocked":"no","color":"red","measurements":{},"metadata":{"n":1},"objectType":"blob"}})", 1);
        row("children", R"({"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{},"childObjects":[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]}}]})", 1);
    }
    void formsSurvive() {
        QFETCH(QString, text);
        QFETCH(int, count);
        QCOMPARE(static_cast<int>(parse_geojson(text.toStdString()).annotations.size()), count);
        round_trip(text.toStdString());
        round_trip("\n\t " + text.toStdString());
    }

    void readsBothSpellings() {
        const Annotation newer = only(feature(R"({"objectType":"detection","classification":{"names":["A","B"],"color":[200,0,1]},"measurements":{"x":1,"y":"NaN","z":"-Infinity"}})"));
        const Annotation older = only(feature(R"({"object_type":"detection","classification":{"name":"A: B","colorRGB":-3670015},"measurements":[{"name":"x","value":1},{"name":"y","value":null},{"name":"z","value":"-Infinity"}]})"));
        for (const Annotation& a : {newer, older}) {
            QVERIFY(a.type == ObjectType::Detection);
            QVERIFY((a.classification == Classification{"A: B", Rgb{200, 0, 1}}));
            QCOMPARE(a.measurements.size(), std::size_t{3});
            QVERIFY(std::isnan(a.measurements[1].value));
            QVERIFY(a.measurements[2].value < 0 && std::isinf(a.measurements[2].value));
        }
        QVERIFY(only(feature("null", R"(,"id":"TMACoreObject")")).type == ObjectType::TmaCore);
        QCOMPARE(only(feature(R"({"classification":"Stroma"})")).classification->name, std::string("Stroma"));
    }

    // QuPath before 0.4.4 wrote bare NaN, which is no JSON.
    void readsBareNotANumber() {
        const AnnotationSet set = parse_geojson(feature(R"({"name":"NaN -Infinity","measurements":{"a":NaN,"b":-Infinity,"c":Infinity,"d":-1.5}})"));
        const auto& m = set.annotations.at(0).measurements;
        QCOMPARE(m.size(), std::size_t{4});
        QVERIFY(std::isnan(m[0].value) && std::isinf(m[1].value) && m[1].value < 0 && std::isinf(m[2].value) && m[3].value == -1.5);
        QCOMPARE(set.annotations[0].name, std::string("NaN -Infinity"));
        QCOMPARE(set.issues.size(), std::size_t{1});
        QVERIFY(parse_geojson(to_geojson(set)).annotations == set.annotations);
    }

    // A changed field is written, and everything else stays as it was.
    void changesOnlyWhatWasChanged() {
        const std::string text = feature(R"({"isLocked":false,"classification":{"name":"Tumor","colorRGB":-3670016,"note":1},"measurements":[{"name":"a","value":1}],"other":[1,2]})");
        AnnotationSet set = parse_geojson(text);
        set.annotations[0].classification->name = "Stroma";
        json want = json::parse(text);
        want["properties"]["classification"]["name"] = "Stroma";
        QCOMPARE(json::parse(to_geojson(set)).dump(), want.dump());
        set.annotations[0].classification->colour = Rgb{1, 2, 3};
        want["properties"]["classification"].erase("colorRGB");
        want["properties"]["classification"]["color"] = {1, 2, 3};
        QCOMPARE(json::parse(to_geojson(set)).dump(), want.dump());
        set.annotations[0].locked = true;
        want["properties"]["isLocked"] = true;
        set.annotations[0].name = "new";
        want["properties"]["name"] = "new";
        set.annotations[0].measurements.push_back({"b", 2.5});
        want["properties"]["measurements"] = {{"a", 1}, {"b", 2.5}};
        QCOMPARE(json::parse(to_geojson(set)).dump(), want.dump());
        set.annotations[0].classification.reset();
        want["properties"].erase("classification");
        set.annotations[0].measurements.clear();
        want["properties"].erase("measurements");
        QCOMPARE(json::parse(to_geojson(set)).dump(), want.dump());
    }

    void ordinaryMeasurementsCanBeCleared() {
        AnnotationSet set = parse_geojson(feature(R"({"measurements":{"a":1}})"));
        QCOMPARE(set.annotations[0].measurements.size(), std::size_t{1});
        set.annotations[0].measurements.clear();
        QVERIFY(!json::parse(to_geojson(set))["properties"].contains("measurements"));
    }

    // An ellipse that has been reshaped is none any more; its plane stays.
    void aNewShapeDropsWhatWasSaidOfTheOld() {
        AnnotationSet set = parse_geojson(R"({"type":"Feature","bbox":[0,0,1,1],"geometry":{"type":"Polygon","isEllipse":true,"plane":{"z":3},"coordinates":[[[1,1],[5,1],[5,5],[1,1]]]},"properties":{"k":1}})");
        set.annotations[0] = with_geometry(set.annotations[0], rectangle({0, 0}, {4, 2}));
        const json out = json::parse(to_geojson(set));
        QVERIFY(!out.contains("bbox"));
        QVERIFY((out["geometry"] == json{{"type", "Polygon"}, {"plane", {{"z", 3}}}, {"coordinates", {{{0, 0}, {4, 0}, {4, 2}, {0, 2}, {0, 0}}}}}));
        QVERIFY(out["properties"]["k"] == 1);
    }

    // A bare shape stays bare until it is given what a shape cannot carry.
    void aBareGeometryBecomesAFeatureWhenItMust() {
        AnnotationSet set = parse_geojson(R"({"type":"Point","coordinates":[3,4]})");
        set.annotations[0].name = "here";
        const json out = json::parse(to_geojson(set));
        QVERIFY(out["type"] == "Feature");
        QVERIFY(out["properties"]["name"] == "here");
        set = parse_geojson(R"({"type":"Point","coordinates":[3,4]})");
        set.annotations.push_back(set.annotations[0]);
        QCOMPARE(parse_geojson(to_geojson(set)).annotations.size(), std::size_t{2});
        QVERIFY(json::parse(to_geojson(set))["type"] == "FeatureCollection");
    }

    void repairsAreSaid() {
        const AnnotationSet set = parse_geojson(R"([{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4]]]},{"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4]]]},
            {"type":"Point","coordinates":[1,2,3]},{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[0,0]]]},"properties":{"name":7}}])");
        QCOMPARE(set.issues.size(), std::size_t{4});
        QVERIFY(std::any_of(set.issues.begin(), set.issues.end(), [](const Issue& i) { return i.text.find("2 times") != std::string::npos && i.location == "feature 1"; }));
        QCOMPARE(area_px(set.annotations[0].geometry), 8.0);
    }

    void randomAnnotationsSurvive() {
        Random random(7);
        for (int round = 0; round < 300; ++round) {
            AnnotationSet set;
            for (std::int64_t n = random.below(6); n > 0; --n) set.annotations.push_back(test::random_annotation(random));
            if (set.annotations.size() == 1 && random.below(2)) set.form = GeoJsonForm::Feature;
            if (random.below(4) == 0) set.form = GeoJsonForm::Array;
            const std::string text = to_geojson(set);
            const AnnotationSet back = parse_geojson(text);
            QCOMPARE(back.annotations.size(), set.annotations.size());
            for (std::size_t i = 0; i < set.annotations.size(); ++i) QVERIFY2(without_source(back.annotations[i]) == set.annotations[i], text.c_str());
            QVERIFY(back.issues.empty());
            round_trip(text);
        }
    }

    // Fields moved from one random annotation to another's source: what is read last is what was set last.
    void randomChangesSurvive() {
        Random random(8);
        for (int round = 0; round < 300; ++round) {
            AnnotationSet set;
            set.annotations.push_back(test::random_annotation(random));
            set = parse_geojson(to_geojson(set));
            const std::string source = set.annotations[0].source_json;
            Annotation changed = test::random_annotation(random);
            changed.source_json = source;
            set.annotations[0] = with_geometry(changed, changed.geometry);
            const AnnotationSet back = parse_geojson(to_geojson(set));
            QVERIFY(without_source(back.annotations.at(0)) == without_source(changed));
        }
    }

    void filesAreRecognisedByContent() {
        QTemporaryDir dir;
        const fs::path path = fs::path(dir.path().toStdString()) / "some.bin";
        const auto kind = [&](const std::string& text) {
            write_file(path, text);
            return recognise_annotation_file(path);
        };
        QCOMPARE(kind("\xEF\xBB\xBF  {\"type\": \"FeatureCollection\", \"features\": []}"), std::string("geojson"));
        QCOMPARE(kind("[{\"type\":\"Feature\",\"geometry\":null}]"), std::string("geojson"));
        QCOMPARE(kind("<?xml version=\"1.0\"?>\n<ASAP_Annotations/>"), std::string("asap_xml"));
        for (const char* other : {"", " ", "{}", "<svg/>", "{\"tissue_hires_scalef\": 0.1}", "barcode,x,y\n", "II*", "{\"type\":\"service_account\"}"}) QCOMPARE(kind(other), std::string());
        QCOMPARE(recognise_annotation_file(path.parent_path()), std::string());
        QCOMPARE(recognise_annotation_file("/nowhere/at/all"), std::string());
    }

    void writesWholeFilesOrNone() {
        QTemporaryDir dir;
        const fs::path path = fs::path(dir.path().toStdString()) / "deep" / "a.geojson";
        AnnotationSet set;
        set.annotations.resize(2);
        write_geojson(path, set);
        QCOMPARE(read_annotations(path).annotations.size(), std::size_t{2});
        QVERIFY_THROWS_EXCEPTION(Error, write_geojson(path.parent_path() / "a.geojson" / "b", set));
    }

    void idsAreRandomUuids() {
        const std::string a = new_annotation_id(), b = new_annotation_id();
        QVERIFY(a != b);
        QCOMPARE(a.size(), std::size_t{36});
        QVERIFY(a[8] == '-' && a[14] == '4' && std::string("89ab").find(a[19]) != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestAnnotationFiles)
#include "test_annotation_files.moc"
