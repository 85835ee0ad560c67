// Files that are broken, or made to break: each gets one sentence that says where.
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>
#include <fstream>

#include "annotation/read.h"
#include "base/error.h"
#include "base/random.h"

using namespace c2l;

namespace {

QString refusal(const std::function<void()>& read) {
    try {
        read();
    } catch (const Error& error) {
        return QString::fromStdString(error.what());
    }
    return "accepted";
}

std::string point(const std::string& coordinates) {
    return R"({"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":{}},
        {"type":"Feature","geometry":{"type":"Point","coordinates":)" + coordinates + R"(},"properties":{}}]})";
}

const std::string kGood = R"({"type":"FeatureCollection","features":[{"type":"Feature","id":"x","geometry":{"type":"Polygon","coordinates":[[[0,0],[9,0.5],[9,9],[0,0]],[[1,1],[2,1],[2,2],[1,1]]]},
    "properties":{"objectType":"cell","name":"n","color":[1,2,3],"classification":{"names":["A","B"],"colorRGB":-1},"measurements":{"a":1,"b":NaN},"metadata":{"k":"v"}}}],"crs":{"a":[]}})";
const std::string kGoodXml = R"(<?xml version="1.0"?><ASAP_Annotations><Annotations><Annotation Name="a" Type="Polygon" PartOfGroup="g" Color="#FF0000"><Coordinates>
    <Coordinate Order="0" X="1" Y="1"/><Coordinate Order="1" X="10" Y="1"/><Coordinate Order="2" X="5" Y="9.5"/></Coordinates></Annotation></Annotations>
    <AnnotationGroups><Group Name="g" PartOfGroup="g" Color="#00FF00"><Attributes/></Group></AnnotationGroups></ASAP_Annotations>)";

}  // namespace

class TestHostileAnnotations : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void geojsonIsRefused_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("says");
        const auto row = [](const char* name, const std::string& text, const char* says) { QTest::newRow(name) << QByteArray::fromStdString(text) << QString(says); };
        row("not a number", point("[NaN,1]"), "feature 2: a coordinate is not a number");
        row("infinite", point("[1,-Infinity]"), "feature 2: a coordinate is not a number");
        row("too large for a double", point("[1e999,1]"), "after feature 1: holds a number that is too large");
        row("outside any slide", point("[1e12,1]"), "feature 2: a coordinate lies outside any slide");
        row("text", point("[\"1\",2]"), "feature 2: a coordinate is not a number");
        row("one number", point("[1]"), "feature 2: a position is not a pair of numbers");
        row("no list", point("{}"), "feature 2: a position is not a pair of numbers");
        row("nested too deep for its type", point("[[1,2]]"), "feature 2: a position");
        row("polygon of numbers", R"([{"type":"Polygon","coordinates":[1,2]}])", "feature 1: its coordinates are not a list of positions");
        row("multipolygon of positions", R"({"type":"MultiPolygon","coordinates":[[[1,2],[3,4]]]})", "feature 1: a position is not a pair of numbers");
        row("polygon without list", R"({"type":"Polygon","coordinates":"x"})", "feature 1: its coordinates are nested too little");
        row("no coordinates", R"({"type":"Polygon"})", "feature 1: its geometry has no coordinates");
        row("no geometry", R"({"type":"Feature","properties":{}})", "feature 1: has no geometry");
        row("geometry without type", R"({"type":"Feature","geometry":{"coordinates":[1,2]}})", "feature 1: its geometry has no type");
        row("geometry of a wrong type", R"({"type":"Feature","geometry":[1,2]})", "feature 1: its geometry has no type");
        row("unknown geometry", R"([{"type":"Circle","coordinates":[1,2]}])", "feature 1: its geometry is of the unknown type 'Circle'");
        row("geometry collection", R"({"type":"GeometryCollection","geometries":[]})", "feature 1: is a collection of geometries");
        row("feature without type", R"({"type":"FeatureCollection","features":[{"geometry":null}]})", "feature 1: has no type");
        row("bare geometry in a collection", R"({"type":"FeatureCollection","features":[{"type":"Point","coordinates":[1,2]}]})", "feature 1: is of type 'Point'");
        row("number as feature", R"({"type":"FeatureCollection","features":[5]})", "feature 1: is not an object");
        row("list as feature", R"({"type":"FeatureCollection","features":[[]]})", "feature 1: is not an object");
        row("number in an array", "[5]", "feature 1: is not an object");
        row("features is no list", R"({"type":"FeatureCollection","features":5})", "without a list of features");
        row("no features", R"({"type":"FeatureCollection"})", "without a list of features");
        row("other JSON", R"({"a":1})", "is JSON, but not GeoJSON");
        row("a number", "5", "is JSON, but not GeoJSON");
        row("nothing", "", "is not valid JSON at byte");
        row("cut off", kGood.substr(0, 200), "is not valid JSON at byte");
        row("two values", "[] []", "is not valid JSON at byte");
        row("broken text", "[{\"type\":\"\xff\xfe\"}]", "is not valid JSON at byte");
        row("deep", "{\"type\":\"Feature\",\"geometry\":null,\"x\":" + std::string(100000, '[') + std::string(100000, ']') + "}", "nested deeper");
        row("deep and cut off", std::string(1000000, '['), "nested deeper");
    }
    void geojsonIsRefused() {
        QFETCH(QByteArray, text);
        QFETCH(QString, says);
        const QString said = refusal([&] { parse_geojson(text.toStdString()); });
        QVERIFY2(said.contains(says), qPrintable(said));
        QVERIFY2(!said.contains('\n') && said.size() < 200, qPrintable(said));
    }

    void xmlIsRefused_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("says");
        const auto annotation = [](const std::string& x, const std::string& type = "Dot") {
            return "<ASAP_Annotations><Annotations><Annotation Name='a' Type='" + type + "' PartOfGroup='None' Color='#FFFFFF'><Coordinates><Coordinate Order='0' X='" + x +
                   "' Y='1'/></Coordinates></Annotation></Annotations></ASAP_Annotations>";
        };
        const auto row = [](const char* name, const std::string& text, const char* says) { QTest::newRow(name) << QByteArray::fromStdString(text) << QString(says); };
        row("text", annotation("x"), "annotation 1: X=\"x\" is not a number");
        row("nothing", annotation(""), "annotation 1: X=\"\" is not a number");
        row("not a number", annotation("nan"), "annotation 1: a coordinate lies outside any slide");
        row("infinite", annotation("inf"), "annotation 1: a coordinate lies outside any slide");
        row("far", annotation("2e9"), "annotation 1: a coordinate lies outside any slide");
        row("decimal comma", annotation("1,5"), "annotation 1: X=\"1,5\" is not a number");
        row("unknown type", annotation("1", "Blob"), "annotation 1: is of the unknown type 'Blob'");
        row("cut off", kGoodXml.substr(0, 150), "is not valid XML; save it again in ASAP");
        row("other XML", "<svg/>", "is XML, but not of ASAP");
        row("empty", "", "is not valid XML");
        row("billion laughs", R"(<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><ASAP_Annotations>&b;</ASAP_Annotations>)", "document type");
        row("file inclusion", R"(<!DOCTYPE x [<!ENTITY a SYSTEM "secret.txt">]><ASAP_Annotations>&a;</ASAP_Annotations>)", "document type");
        std::string deep = "<ASAP_Annotations>";
        for (int i = 0; i < 100000; ++i) deep += "<a>";
        row("deep", deep, "nested deeper");
    }
    void xmlIsRefused() {
        QFETCH(QByteArray, text);
        QFETCH(QString, says);
        const QString said = refusal([&] { parse_asap_xml(text.toStdString()); });
        QVERIFY2(said.contains(says), qPrintable(said));
    }

    void groupsThatContainThemselvesEnd() {
        const AnnotationSet set = parse_asap_xml(kGoodXml);
        QCOMPARE(set.annotations.at(0).classification->name, std::string("g"));
    }

    // A sparse file of impossible size is refused before it is read.
    void hugeFilesAreRefused() {
        QTemporaryDir dir;
        const std::filesystem::path path = std::filesystem::path(dir.path().toStdString()) / "huge.geojson";
        std::ofstream(path) << R"({"type":"FeatureCollection","features":[)";
        std::filesystem::resize_file(path, kMostAnnotationBytes + 1);
        QVERIFY(refusal([&] { read_annotations(path); }).contains("is larger than"));
        QVERIFY(refusal([&] { read_annotations(path.parent_path() / "none"); }).contains("no such file"));
        QVERIFY(refusal([&] { read_annotations(path.parent_path()); }).contains("is not an annotation file"));
    }

    // Every cut and many flipped bytes: refused or read, never a crash; and what is read can be written and read again.
    void damagedFilesNeverCrash() {
        Random random(3);
        const auto survive = [](const std::string& text, bool xml) {
            try {
                const AnnotationSet set = xml ? parse_asap_xml(text) : parse_geojson(text);
                parse_geojson(to_geojson(set));
            } catch (const Error& error) {
                QVERIFY(error.code() != ErrorCode::Internal);
            }
        };
        for (const bool xml : {false, true}) {
            const std::string& good = xml ? kGoodXml : kGood;
            for (std::size_t cut = 0; cut < good.size(); ++cut) survive(good.substr(0, cut), xml);
            for (int round = 0; round < 4000; ++round) {
                std::string bad = good;
                for (std::int64_t n = 1 + random.below(3); n > 0; --n) {
                    const auto at = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(bad.size())));
                    switch (random.below(4)) {
                        case 0: bad[at] = static_cast<char>(random.below(256)); break;
                        case 1: bad[at] = "[]{}\",:0-9eNn<>/&"[random.below(17)]; break;
                        case 2: bad.erase(at, static_cast<std::size_t>(1 + random.below(8))); break;
                        default: bad.insert(at, bad.substr(static_cast<std::size_t>(random.below(static_cast<std::int64_t>(at) + 1)), 12)); break;
                    }
                    if (bad.empty()) bad = " ";
                }
                survive(bad, xml);
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestHostileAnnotations)
#include "test_hostile_annotations.moc"
