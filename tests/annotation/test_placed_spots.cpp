// Spots placed by hand: names, labels and values, and that the spot readers take what is written.
#include <QTemporaryDir>
#include <QTest>

#include "annotation/placed_spots.h"
#include "annotation/read.h"
#include "base/error.h"
#include "base/file.h"
#include "real_data.h"
#include "spatial/read.h"

using namespace c2l;
namespace fs = std::filesystem;

namespace {

Annotation point(const std::string& name, Point2 at, const std::string& label = "") {
    Annotation a;
    a.geometry = point_at(at);
    a.name = name;
    if (!label.empty()) a.classification = Classification{label, std::nullopt};
    return a;
}

const std::vector<Annotation> kPoints = {point("a", {10.25, 20}, "Tumour"), point("", {30, 40}), point("b", {50, 60}, "Stroma"), point("a", {70, 80}, "Tumour")};

}  // namespace

class TestPlacedSpots : public QObject {
    Q_OBJECT
    QTemporaryDir dir_;
    fs::path file(const char* name, const std::string& text) {
        const fs::path path = fs::path(dir_.path().toStdString()) / name;
        write_file(path, text);
        return path;
    }
    QString refusal(const std::string& table) {
        try {
            with_values(place_spots(kPoints), file("bad.csv", table));
        } catch (const Error& error) {
            return QString::fromStdString(error.what());
        }
        return "accepted";
    }

private Q_SLOTS:
    void pointsGetUniqueNames() {
        auto points = kPoints;
        Annotation set;
        set.geometry = points_at({{1, 1}, {2, 2}});
        set.name = "set";
        points.push_back(set);
        set.name = "";
        points.push_back(set);
        points.push_back(point("S1", {5, 5}));
        Annotation area;
        area.geometry = rectangle({0, 0}, {1, 1});
        points.push_back(area);  // no point: not taken
        const PlacedSpots spots = place_spots(points);
        QCOMPARE(spots.names, (std::vector<std::string>{"a", "S2", "b", "a-2", "set-1", "set-2", "S3", "S4", "S1"}));
        QVERIFY((spots.at[3] == Point2{70, 80}));
        QCOMPARE(spots.columns, (std::vector<std::string>{"label: Stroma", "label: Tumour"}));
        QCOMPARE(spots.values.at(0, 1), 1.f);
        QCOMPARE(spots.values.at(2, 1), 0.f);
        QCOMPARE(spots.values.at(1, 0), 0.f);
    }

    void valuesJoinByName() {
        const PlacedSpots spots = with_values(place_spots(kPoints), file("v.csv", "\xEF\xBB\xBF" "spot;ERBB2;\"type; by eye\";CD3E\r\nb;3;in situ;0.5\r\n\r\n\"a\";12;\"said \"\"yes\"\"\";1e2\r\nz;1;;2\r\nS1;0;in situ;7"));
        QCOMPARE(spots.names, (std::vector<std::string>{"a", "S1", "b"}));
        QCOMPARE(spots.columns, (std::vector<std::string>{"ERBB2", "type; by eye: in situ", "type; by eye: said  yes", "CD3E"}));
        QCOMPARE(spots.values.at(0, 0), 12.f);
        QCOMPARE(spots.values.at(0, 3), 100.f);
        QCOMPARE(spots.values.at(2, 3), 0.5f);
        QCOMPARE(spots.values.at(1, 1), 1.f);
        QCOMPARE(spots.values.at(0, 2), 1.f);
        QCOMPARE(spots.issues.size(), std::size_t{2});
        QCOMPARE(QString::fromStdString(spots.issues[0].location), QString("a-2"));
    }

    void importReadsWhatIsWritten() {
        const PlacedSpots spots = with_values(place_spots(kPoints), file("w.tsv", "name\tERBB2\tCD3E\na\t5\t0\nS1\t1\t2\nb\t0\t9\na-2\t4\t4\n"));
        const fs::path positions = fs::path(dir_.path().toStdString()) / "positions.csv", values = positions.parent_path() / "values.csv";
        write_placed_spots(spots, positions, values);
        QCOMPARE(recognise_spot_file(positions), std::string("csv"));
        const SpotData data = read_spot_data({positions, values}, {});
        QCOMPARE(data.spots.barcodes, (std::vector<std::string>{"a", "S1", "b", "a-2"}));
        QCOMPARE(data.spots.x[0], 10.25);
        QCOMPARE(data.spots.y[3], 80.0);
        QCOMPARE(data.expression.genes, (std::vector<std::string>{"ERBB2", "CD3E"}));
        QCOMPARE(data.expression.column(0), (std::vector<float>{5, 1, 0, 4}));
        QCOMPARE(data.expression.column(1), (std::vector<float>{0, 2, 9, 4}));
        QVERIFY(data.issues.empty());
        QVERIFY(data.expression.unit == ExpressionUnit::AsGiven);  // whole numbers, and yet no counts
    }

    void labelsAloneAreImportedToo() {
        const fs::path positions = fs::path(dir_.path().toStdString()) / "p2.csv", values = positions.parent_path() / "v2.csv";
        write_placed_spots(place_spots(kPoints), positions, values);
        const SpotData data = read_spot_data({positions, values}, {});
        QCOMPARE(data.expression.genes, (std::vector<std::string>{"label: Stroma", "label: Tumour"}));
        QCOMPARE(data.expression.column(1), (std::vector<float>{1, 0, 0, 1}));
        // A single column of values is a table as well.
        write_placed_spots(with_values(place_spots(kPoints), file("one.csv", "spot,score\na,0.5\nb,1.5\n")), positions, values);
        const SpotData one = read_spot_data({positions, values}, {});
        QCOMPARE(one.expression.genes, (std::vector<std::string>{"score"}));
        QCOMPARE(one.expression.column(0), (std::vector<float>{0.5f, 1.5f}));
        // Bare points have places and nothing else.
        fs::remove(values);
        write_placed_spots(place_spots({point("", {1, 2})}), positions, values);
        QVERIFY(!fs::exists(values));
        QVERIFY_THROWS_EXCEPTION(Error, write_placed_spots({}, positions, values));
    }

    void realPointsCanBePlaced() {
        C2L_REAL_DATA(real, "data/annotations/qupath_geojson/qupath-multipoint.json");
        const PlacedSpots spots = place_spots(read_annotations(real).annotations);
        QCOMPARE(spots.names, (std::vector<std::string>{"multipoint-1", "multipoint-2", "multipoint-3"}));
        QVERIFY((spots.at[0] == Point2{26833.53, 15424.94}));
    }

    void badTablesAreOneSentence() {
        QVERIFY(refusal("").contains("is not a table of values"));
        QVERIFY(refusal("spot\na\n").contains("is not a table of values"));
        QVERIFY(refusal("spot,v\n").contains("is not a table of values"));
        QVERIFY(refusal("spot,v\na,1,2\n").contains("line 2: has 3 columns where the header has 2"));
        QVERIFY(refusal("spot,v\na,1\na,2\n").contains("line 3: spot 'a' is there twice"));
        QVERIFY(refusal("spot,v\nx,1\ny,2\n").contains("names none of the placed spots"));
        QVERIFY(refusal("spot,v\na,1\nb,\n").contains("line 3: 'v' has no value"));
        QVERIFY(refusal("spot,v\na,-1\n").contains("line 2: 'v' must be a number from 0"));
        QVERIFY(refusal("spot,v\na,nan\n").contains("line 2: 'v' must be"));
        QVERIFY(refusal("spot,v\na,1e99\n").contains("line 2: 'v' must be"));
        QVERIFY(refusal("spot,v\na,\nb,\n").contains("has no values"));
        QVERIFY(refusal("spot,v\na,\"1\n").contains("line 2: has a quote that is never closed"));
        QVERIFY(refusal("spot,v\na,\"1\"x\n").contains("line 2: has text after a closing quote"));
        QVERIFY(refusal("spot,v\ra,1\r").contains("stray carriage return"));
    }
};

QTEST_GUILESS_MAIN(TestPlacedSpots)
#include "test_placed_spots.moc"
