// Annotations through real widgets: drawn with the mouse, undone, kept, imported and exported; spots chosen with a lasso.
#include <QApplication>
#include <QClipboard>
#include <QListWidget>
#include <QMouseEvent>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QTreeView>
#include <QVBoxLayout>
#include <cmath>
#include <numbers>

#include "annotation/read.h"
#include "base/file.h"
#include "base/random.h"
#include "real_data.h"
#include "spatial/read.h"
#include "ui/annotation/annotation_keeper.h"
#include "ui/annotation/annotation_panel.h"
#include "ui/overlay/spot_overlay.h"
#include "ui/panels/theme.h"
#include "ui_viewer/fake_slide.h"
#include "ui_viewer/shots.h"

using namespace c2l;
using namespace c2l::ui;
namespace fs = std::filesystem;

namespace {

// Pink with darker cells, so that pictures look like tissue.
class PinkSlide : public FakeSlide {
public:
    using FakeSlide::FakeSlide;
    Colour pixel(int level, std::int64_t x, std::int64_t y) const override {
        const double d = info_.levels[static_cast<std::size_t>(level)].downsample, at = static_cast<double>(x) * d, down = static_cast<double>(y) * d;
        const bool cell = std::fmod(at, 90) < 36 && std::fmod(down + at / 3, 80) < 34;
        return cell ? Colour{116, 76, 150} : Colour{232, 184, 208};
    }
};

std::shared_ptr<const SpotData> grid_spots(int side, double first, double pitch) {
    auto data = std::make_shared<SpotData>();
    for (int r = 0; r < side; ++r)
        for (int c = 0; c < side; ++c) {
            data->spots.barcodes.push_back(std::to_string(c) + "x" + std::to_string(r));
            data->spots.x.push_back(first + pitch * c);
            data->spots.y.push_back(first + pitch * r);
        }
    return data;
}

// A view with everything that belongs to annotations, as the window has it.
struct Desk {
    QWidget window;
    SlideView view;
    AnnotationStore store;
    AnnotationLayer layer{&store};
    AnnotationTools tools{&view, &store, &layer};
    SpotOverlay overlay;
    SpotSelection spots;
    SpotLabelLayer labels{&store};
    AnnotationPanel panel{&store, &tools, &spots};

    Desk() {
        auto* layout = new QHBoxLayout(&window);
        layout->setContentsMargins(0, 0, 0, 0);
        layout->addWidget(&view, 1);
        layout->addWidget(&panel);
        view.addLayer(&overlay);
        view.addLayer(&labels);
        view.addLayer(&layer);
        view.setOverviewVisible(false);
        view.setSlide(std::make_shared<PinkSlide>(8000, 6000));
        panel.setMpp(0.25);
        QObject::connect(&tools, &AnnotationTools::lassoed, &spots, &SpotSelection::takeLasso);
        QObject::connect(&spots, &SpotSelection::changed, &overlay, [this] { overlay.setSelected(spots.marks()); });
        window.resize(1100, 720);
        window.show();
        if (!QTest::qWaitForWindowExposed(&window)) qWarning("no window");
        view.setView({4000, 3000}, 0.1);
    }
    ~Desk() {
        // Members go in another order than a window's children would.
        for (QWidget* w : {static_cast<QWidget*>(&view), static_cast<QWidget*>(&panel)}) w->setParent(nullptr);
    }

    QPoint at(double x, double y) const { return view.transform().toWidget(QPointF(x, y)).toPoint(); }
    void drag(const std::vector<QPointF>& level0, Qt::KeyboardModifiers modifiers = {}) {
        QTest::mousePress(&view, Qt::LeftButton, modifiers, at(level0.front().x(), level0.front().y()));
        for (const QPointF& p : level0) {
            QMouseEvent move(QEvent::MouseMove, at(p.x(), p.y()), view.mapToGlobal(at(p.x(), p.y())), Qt::NoButton, Qt::LeftButton, modifiers);
            QApplication::sendEvent(&view, &move);
        }
        QTest::mouseRelease(&view, Qt::LeftButton, modifiers, at(level0.back().x(), level0.back().y()));
    }
    void click(double x, double y, Qt::KeyboardModifiers modifiers = {}) { QTest::mouseClick(&view, Qt::LeftButton, modifiers, at(x, y)); }
    void choose(Tool tool) { QTest::mouseClick(panel.toolButton(tool), Qt::LeftButton); }
    void chooseClass(const QString& name) { panel.classList()->setCurrentItem(panel.classList()->findItems(name, Qt::MatchExactly).at(0)); }
    const Annotation& last() const { return *store.annotations().back(); }
};

bool near(double a, double b, double slack) { return std::abs(a - b) <= slack; }

}  // namespace

class TestAnnotationsWindow : public QObject {
    Q_OBJECT
    QTemporaryDir dir_;
    fs::path in(const char* name) const { return fs::path(dir_.path().toStdString()) / name; }

private Q_SLOTS:
    void initTestCase() { apply_theme(*qApp, Theme::Light); }

    void drawsARectangle() {
        Desk d;
        d.choose(Tool::Rectangle);
        d.chooseClass("Stroma");
        d.drag({{2000, 2000}, {2500, 2400}, {3000, 2600}});
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        const Box b = bounds(d.last().geometry);
        QVERIFY(near(b.left, 2000, 10) && near(b.right, 3000, 10) && near(b.top, 2000, 10) && near(b.bottom, 2600, 10));
        QCOMPARE(d.last().classification->name, std::string("Stroma"));
        QCOMPARE(d.last().id.size(), std::size_t{36});
        QCOMPARE(d.panel.list()->model()->rowCount(), 1);
        QVERIFY(d.panel.list()->model()->index(0, AnnotationList::Size).data().toString().endsWith("µm²"));
        // A click alone draws nothing, and dragging does not pan.
        const QPointF centre = d.view.transform().centre();
        d.click(3500, 3500);
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        QCOMPARE(d.view.transform().centre(), centre);
    }

    void drawsPolygons() {
        Desk d;
        d.choose(Tool::Polygon);
        for (const QPointF& p : {QPointF(2000, 2000), QPointF(4000, 2000), QPointF(4000, 3500), QPointF(5000, 5000)}) d.click(p.x(), p.y());
        QTest::keyClick(&d.view, Qt::Key_Backspace);  // the last corner was a slip
        QCOMPARE(d.layer.preview().vertices(), std::size_t{3});
        QTest::keyClick(&d.view, Qt::Key_Return);
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        QVERIFY(near(area_px(d.last().geometry), 0.5 * 2000 * 1500, 30000));
        // Closed by a click on the first corner; and by a double click.
        for (const QPointF& p : {QPointF(5000, 2000), QPointF(6000, 2000), QPointF(6000, 3000), QPointF(5000, 2000)}) d.click(p.x(), p.y());
        QCOMPARE(d.store.annotations().size(), std::size_t{2});
        for (const QPointF& p : {QPointF(5000, 4000), QPointF(6000, 4000), QPointF(6000, 5000)}) d.click(p.x(), p.y());
        QTest::mouseDClick(&d.view, Qt::LeftButton, {}, d.at(6000, 5000));
        QCOMPARE(d.store.annotations().size(), std::size_t{3});
        // A free line crossing itself becomes valid shapes; Esc gives up.
        d.drag({{2000, 4000}, {3000, 5000}, {3000, 4000}, {2000, 5000}});
        QCOMPARE(d.store.annotations().size(), std::size_t{4});
        QVERIFY(d.last().geometry.type == GeometryType::MultiPolygon);
        d.click(1000, 1000);
        d.click(1500, 1000);
        QTest::keyClick(&d.view, Qt::Key_Escape);
        QVERIFY(d.layer.preview().empty());
        QTest::keyClick(&d.view, Qt::Key_Escape);
        QVERIFY(d.tools.tool() == Tool::Select);
        QCOMPARE(d.store.annotations().size(), std::size_t{4});
    }

    void undoDuringAStrokeEndsIt() {
        Desk d;
        d.choose(Tool::Brush);
        d.drag({{2000, 3000}, {2600, 3000}});
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        const auto at = [&](double x) { return d.at(x, 3000); };
        QTest::mousePress(&d.view, Qt::LeftButton, {}, at(2600));  // on the area that has just been drawn
        QTest::mouseMove(&d.view, at(2900));
        d.store.undoStack()->undo();
        QCOMPARE(d.store.annotations().size(), std::size_t{0});
        QTest::mouseRelease(&d.view, Qt::LeftButton, {}, at(3200));
        QVERIFY(d.store.annotations().size() <= 1);  // nothing was held on to
    }

    void brushPaintsOnAndErases() {
        Desk d;
        d.choose(Tool::Brush);
        d.drag({{2000, 3000}, {2600, 3000}, {3200, 3000}});
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        const double first = area_px(d.last().geometry), radius = d.tools.brushRadius() / d.view.transform().scale();
        QVERIFY(near(first, 1200 * 2 * radius + std::numbers::pi * radius * radius, first * 0.03));
        d.drag({{3200, 3000}, {3200, 4000}});  // begins on the selected area: the same one grows
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        const double second = area_px(d.last().geometry);
        QVERIFY(second > first * 1.5);
        d.drag({{2600, 2000}, {2600, 4000}}, Qt::AltModifier);  // erases across: two pieces
        QVERIFY(area_px(d.last().geometry) < second);
        QVERIFY(d.last().geometry.type == GeometryType::MultiPolygon);
        d.drag({{6000, 3000}, {6400, 3000}});  // beside it: another one
        QCOMPARE(d.store.annotations().size(), std::size_t{2});
        const double size = d.tools.brushRadius();
        QTest::keyClick(&d.view, Qt::Key_BracketRight);
        QVERIFY(d.tools.brushRadius() > size);
        QTest::keyClick(&d.view, Qt::Key_BracketLeft);
        QCOMPARE(d.tools.brushRadius(), size);
        // Nothing selected: there is nothing to erase from, and it is said.
        d.store.select({});
        QSignalSpy failed(&d.tools, &AnnotationTools::failed);
        d.drag({{2000, 3000}, {2200, 3000}}, Qt::AltModifier);
        QCOMPARE(failed.size(), 1);
        QCOMPARE(d.store.annotations().size(), std::size_t{2});
    }

    void pointsAreNumbered() {
        Desk d;
        d.choose(Tool::Point);
        d.click(2000, 2000);
        d.click(3000, 2000);
        QCOMPARE(d.store.annotations().size(), std::size_t{2});
        QCOMPARE(d.store.annotations()[0]->name, std::string("S1"));
        QCOMPARE(d.last().name, std::string("S2"));
        d.store.undoStack()->undo();
        d.click(4000, 2000);
        QCOMPARE(d.last().name, std::string("S2"));
        QVERIFY(d.panel.place_spots->isEnabled());
    }

    void selectsMovesAndDeletes() {
        Desk d;
        d.choose(Tool::Rectangle);
        d.drag({{2000, 2000}, {5000, 5000}});
        d.drag({{3000, 3000}, {3500, 3500}});  // inside the first
        d.choose(Tool::Select);
        d.click(1500, 1500);
        QVERIFY(d.store.selection().empty());
        d.click(3200, 3200);
        QCOMPARE(d.store.selection(), std::vector<int>{1});  // the smaller one
        d.click(2200, 2200, Qt::ControlModifier);
        QCOMPARE(d.store.selection(), (std::vector<int>{0, 1}));
        d.click(3200, 3200);
        QCOMPARE(d.store.selection(), std::vector<int>{1});
        const Geometry before = d.store.annotations()[1]->geometry;
        d.drag({{3200, 3200}, {3400, 3200}, {4200, 3700}});
        const Box moved_to = bounds(d.store.annotations()[1]->geometry);
        QVERIFY(near(moved_to.left, 4000, 15) && near(moved_to.top, 3500, 15));
        d.store.undoStack()->undo();
        QVERIFY(d.store.annotations()[1]->geometry == before);
        // Dragging beside what is selected pans as ever.
        const QPointF centre = d.view.transform().centre();
        d.drag({{1500, 1500}, {1700, 1500}, {2500, 1500}});
        QVERIFY(d.view.transform().centre() != centre);
        QVERIFY(d.store.annotations()[0]->geometry == rectangle({bounds(d.store.annotations()[0]->geometry).left, bounds(d.store.annotations()[0]->geometry).top},
                                                                {bounds(d.store.annotations()[0]->geometry).right, bounds(d.store.annotations()[0]->geometry).bottom}));
        // What is locked stays.
        d.store.select({0});
        QTest::mouseClick(d.panel.lock, Qt::LeftButton);
        QVERIFY(d.store.annotations()[0]->locked);
        QCOMPARE(d.panel.lock->text(), QString("Unlock"));
        QTest::mouseClick(d.panel.remove, Qt::LeftButton);
        QCOMPARE(d.store.annotations().size(), std::size_t{2});
        d.store.select({0, 1});
        QTest::mouseClick(d.panel.remove, Qt::LeftButton);
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        QVERIFY(d.store.selection().empty());
    }

    void classesAreRenamedRecolouredAndGiven() {
        Desk d;
        d.choose(Tool::Rectangle);
        d.chooseClass("Tumor");
        d.drag({{2000, 2000}, {3000, 3000}});
        QTest::mouseClick(d.panel.add_class, Qt::LeftButton);
        QCOMPARE(d.panel.chosenClass()->name, std::string("New class"));
        QListWidgetItem* item = d.panel.classList()->currentItem();
        item->setText("Duct");
        QTRY_VERIFY(d.store.findClass("Duct") && !d.store.findClass("New class"));
        QCOMPARE(d.panel.chosenClass()->name, std::string("Duct"));
        d.store.select({0});
        QTest::mouseClick(d.panel.set_class, Qt::LeftButton);
        QCOMPARE(d.last().classification->name, std::string("Duct"));
        d.store.changeClass("Duct", {"Duct", Rgb{1, 2, 3}});
        QVERIFY(d.last().classification->colour == (Rgb{1, 2, 3}));
        d.chooseClass("unclassified");
        QTest::mouseClick(d.panel.set_class, Qt::LeftButton);
        QVERIFY(!d.last().classification);
        for (int i = 0; i < 2; ++i) d.store.undoStack()->undo();
        QVERIFY(d.last().classification->colour != (Rgb{1, 2, 3}));
        // A name that is taken is refused and the old one shown again.
        d.chooseClass("Stroma");
        d.panel.classList()->currentItem()->setText("Tumor");
        QTRY_COMPARE(d.panel.classList()->findItems("Tumor", Qt::MatchExactly).size(), 1);
        QVERIFY(d.store.findClass("Stroma"));
    }

    // Any mixture of changes, undone to the first and done again to the last, passes through exactly the same states.
    void undoRestoresExactly() {
        Random random(11);
        AnnotationStore store;
        std::vector<std::shared_ptr<const AnnotationState>> states{store.shared()};
        const auto same = [](const AnnotationState& a, const AnnotationState& b) {
            return a.labels == b.labels && a.classes == b.classes && a.annotations.size() == b.annotations.size() &&
                   std::equal(a.annotations.begin(), a.annotations.end(), b.annotations.begin(), [](const auto& x, const auto& y) { return *x == *y; });
        };
        for (int step = 0; step < 90; ++step) {
            const auto any = [&] { return static_cast<int>(random.below(static_cast<std::int64_t>(store.annotations().size()))); };
            if (!store.annotations().empty()) store.select({any(), any()});
            Annotation a;
            a.geometry = rectangle({random.uniform(0, 9), 0}, {random.uniform(10, 90), 50});
            switch (random.below(8)) {
                case 0:
                case 1: store.add({a, a}, "add"); break;
                case 2: store.removeSelected(); break;
                case 3: store.moveSelected(random.uniform(-5, 5), 1); break;
                case 4: store.classifySelected(Classification{"c" + std::to_string(random.below(3)), std::nullopt}); break;
                case 5: store.addClass(QString("c%1").arg(random.below(4))); break;
                case 6: store.label({"s" + std::to_string(random.below(5))}, Classification{"c1", Rgb{1, 1, 1}}); break;
                default: store.changeClass("c1", {"c1", Rgb{static_cast<std::uint8_t>(random.below(256)), 0, 0}}); break;
            }
            if (store.undoStack()->index() > static_cast<int>(states.size()) - 1) states.push_back(store.shared());
        }
        QVERIFY(states.size() > 40);
        for (std::size_t i = states.size(); i-- > 0;) {
            QVERIFY(same(store.state(), *states[i]));
            store.undoStack()->undo();
        }
        for (std::size_t i = 0; i < states.size(); ++i) {
            QVERIFY(same(store.state(), *states[i]));
            store.undoStack()->redo();
        }
        QVERIFY(!store.undoStack()->canRedo());
    }

    void lassoSelectsSpots() {
        Desk d;
        const auto data = grid_spots(10, 2000, 400);
        d.overlay.setSpots(data->spots.x, data->spots.y, 200);
        d.labels.setSpots(data, 200);
        d.spots.setSpots(data);
        d.choose(Tool::Lasso);
        d.drag({{1800, 1800}, {3000, 1800}, {3000, 2600}, {1800, 2600}});
        QCOMPARE(d.spots.size(), std::size_t{6});  // columns 0–2, rows 0 and 1
        d.drag({{4900, 4900}, {5100, 4900}, {5100, 5100}, {4900, 5100}}, Qt::ShiftModifier);  // between spots
        QCOMPARE(d.spots.size(), std::size_t{6});
        d.drag({{5100, 5100}, {5300, 5100}, {5300, 5300}, {5100, 5300}}, Qt::ShiftModifier);
        QCOMPARE(d.spots.size(), std::size_t{7});
        d.drag({{1800, 1800}, {2200, 1800}, {2200, 2600}, {1800, 2600}}, Qt::AltModifier);
        QCOMPARE(d.spots.size(), std::size_t{5});
        QCOMPARE(d.spots.barcodes(), (std::vector<std::string>{"1x0", "2x0", "1x1", "2x1", "8x8"}));
        QTest::mouseClick(d.panel.copy_list, Qt::LeftButton);
        QCOMPARE(QApplication::clipboard()->text(), QString("1x0\n2x0\n1x1\n2x1\n8x8\n"));
        d.chooseClass("Tumor");
        QTest::mouseClick(d.panel.label_spots, Qt::LeftButton);
        QCOMPARE(d.store.labels().size(), std::size_t{5});
        QCOMPARE(d.store.labels().at("8x8").name, std::string("Tumor"));
        d.spots.selectOnly(1);
        QTest::mouseClick(d.panel.unlabel_spots, Qt::LeftButton);
        QCOMPARE(d.store.labels().size(), std::size_t{4});
        d.store.undoStack()->undo();
        QCOMPARE(d.store.labels().size(), std::size_t{5});
        QTest::mouseClick(d.panel.clear_spots, Qt::LeftButton);
        QCOMPARE(d.spots.size(), std::size_t{0});
        QVERIFY(!d.panel.copy_list->isEnabled());
        QVERIFY(d.store.annotations().empty());  // a lasso is no annotation
    }

    void areasSelectSpots() {
        Desk d;
        const auto data = grid_spots(10, 2000, 400);
        d.overlay.setSpots(data->spots.x, data->spots.y, 200);
        d.spots.setSpots(data);
        QVERIFY(!d.panel.spots_inside->isEnabled());
        d.view.setAngle(30);  // drawing works in a turned view as in any
        d.choose(Tool::Polygon);
        for (const QPointF& corner : {QPointF(1800, 1800), {3000, 1800}, {3000, 2600}, {1800, 2600}}) d.click(corner.x(), corner.y());
        QTest::keyClick(&d.view, Qt::Key_Return);
        QCOMPARE(d.store.annotations().size(), std::size_t{1});
        QVERIFY(near(area_px(d.last().geometry), 1200.0 * 800, 1e4));
        QTest::mouseClick(d.panel.spots_inside, Qt::LeftButton);
        QCOMPARE(d.spots.size(), std::size_t{6});  // columns 0–2, rows 0 and 1
        d.choose(Tool::Select);
        d.drag({{2400, 2200}, {2800, 2600}});  // a column and a row further
        QVERIFY(near(bounds(d.last().geometry).left, 2200, 20) && near(bounds(d.last().geometry).top, 2200, 20));
        QTest::mouseClick(d.panel.spots_inside, Qt::LeftButton);
        QCOMPARE(d.spots.barcodes(), (std::vector<std::string>{"1x1", "2x1", "3x1", "1x2", "2x2", "3x2"}));
        d.store.select({});
        QVERIFY(!d.panel.spots_inside->isEnabled());
    }

    void annotationsAreKept() {
        const fs::path place = in("kept/annotations/abc.geojson"), labels = in("kept/annotations/spot-labels.csv");
        Annotation a;
        a.id = new_annotation_id();
        a.geometry = rectangle({1, 2}, {30, 40});
        a.classification = Classification{"Duct", Rgb{9, 8, 7}};
        {
            AnnotationStore store;
            AnnotationKeeper keeper(&store);
            keeper.setPlace(place, labels);
            QTRY_VERIFY(keeper.isQuiet());
            QVERIFY(!fs::exists(place));
            store.add({a}, "add");
            store.label({"1x1", "odd \"name\", here"}, a.classification);
            QVERIFY(!keeper.isQuiet());
        }  // closing writes at once
        QVERIFY(fs::exists(place) && fs::exists(labels));
        {
            AnnotationStore store;
            AnnotationKeeper keeper(&store);
            QSignalSpy loaded(&keeper, &AnnotationKeeper::loaded);
            keeper.setPlace(place, labels);
            QTRY_COMPARE(loaded.size(), 1);
            QCOMPARE(store.annotations().size(), std::size_t{1});
            QVERIFY(store.annotations()[0]->geometry == a.geometry && store.annotations()[0]->classification == a.classification);
            QVERIFY(store.findClass("Duct"));
            QCOMPARE(store.labels().at("odd \"name\", here").name, std::string("Duct"));
            QVERIFY(!store.undoStack()->canUndo());
            store.select({0});
            store.removeSelected();
            QTRY_VERIFY_WITH_TIMEOUT(keeper.isQuiet(), 5000);
            QVERIFY(read_annotations(place).annotations.empty());
            QCOMPARE(read_annotations(place.string() + ".backup").annotations.size(), std::size_t{1});
            keeper.setPlace(in("kept/annotations/other.geojson"), labels);  // another slide
            QVERIFY(store.annotations().empty());
            // A new project takes over what was drawn on the bare slide, once.
            keeper.setPlace(in("kept/annotations/new.geojson"), labels, place.string() + ".backup");
            QTRY_COMPARE(store.annotations().size(), std::size_t{1});
            QTRY_VERIFY_WITH_TIMEOUT(keeper.isQuiet(), 5000);
            QCOMPARE(read_annotations(in("kept/annotations/new.geojson")).annotations.size(), std::size_t{1});
        }
        // A damaged file is said, and never written over.
        write_file(place, "{\"type\":\"FeatureCollection\",\"features\":[{");
        AnnotationStore store;
        {
            AnnotationKeeper keeper(&store);
            QSignalSpy failed(&keeper, &AnnotationKeeper::failed);
            keeper.setPlace(place, labels);
            QTRY_COMPARE(failed.size(), 1);
            store.add({a}, "add");
        }
        QCOMPARE(read_file(place), std::string("{\"type\":\"FeatureCollection\",\"features\":[{"));
    }

    void importsAndExports() {
        C2L_REAL_DATA(folder, "data/annotations");
        AnnotationStore store;
        AnnotationKeeper keeper(&store);
        QSignalSpy said(&keeper, &AnnotationKeeper::said), failed(&keeper, &AnnotationKeeper::failed);
        keeper.importFile(QString::fromStdString((folder / "qupath_geojson/qupath-wand.json").string()));
        keeper.importFile(QString::fromStdString((folder / "asap/asap-pointset.xml").string()));
        QTRY_COMPARE(said.size(), 2);
        QCOMPARE(store.annotations().size(), std::size_t{2});
        keeper.exportFile(QString::fromStdString(in("out.geojson").string()));
        QTRY_COMPARE(said.size(), 3);
        QCOMPARE(read_annotations(in("out.geojson")).annotations.size(), std::size_t{2});
        store.undoStack()->undo();
        QCOMPARE(store.annotations().size(), std::size_t{1});
        write_file(in("bad.geojson"), "[{\"type\":\"Feature\"}]");
        keeper.importFile(QString::fromStdString(in("bad.geojson").string()));
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed[0][0].toString().contains("feature 1: has no geometry"));
        QCOMPARE(store.annotations().size(), std::size_t{1});
    }

    // From points on a slide without spots to what an import reads.
    void pointsBecomeSpots() {
        Desk d;
        AnnotationKeeper keeper(&d.store);
        QSignalSpy written(&keeper, &AnnotationKeeper::placedSpotsWritten), failed(&keeper, &AnnotationKeeper::failed);
        d.choose(Tool::Point);
        d.click(2000, 2000);
        d.click(3000, 2500);
        d.click(4000, 2000);
        write_file(in("values.csv"), "spot,ERBB2,CD3E\nS1,5,0\nS3,1,2\nS2,4,4\n");
        keeper.exportPlacedSpots(QString::fromStdString(in("placed.csv").string()), QString::fromStdString(in("values.csv").string()));
        QTRY_COMPARE(written.size(), 1);
        const SpotData data = read_spot_data({written[0][0].toString().toStdString(), written[0][1].toString().toStdString()}, {});
        QCOMPARE(data.spots.barcodes, (std::vector<std::string>{"S1", "S2", "S3"}));
        QVERIFY(near(data.spots.x[1], 3000, 10) && near(data.spots.y[1], 2500, 10));
        QCOMPARE(data.expression.column(0), (std::vector<float>{5, 4, 1}));
        write_file(in("other.csv"), "spot,v\nX,1\n");
        keeper.exportPlacedSpots(QString::fromStdString(in("placed.csv").string()), QString::fromStdString(in("other.csv").string()));
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed[0][0].toString().contains("names none of the placed spots"));
    }

    void looks_data() {
        QTest::addColumn<bool>("dark");
        QTest::newRow("light") << false;
        QTest::newRow("dark") << true;
    }
    void looks() {
        QFETCH(bool, dark);
        apply_theme(*qApp, dark ? Theme::Dark : Theme::Light);
        Desk d;
        const auto data = grid_spots(12, 1500, 400);
        d.overlay.setSpots(data->spots.x, data->spots.y, 220);
        d.labels.setSpots(data, 220);
        d.spots.setSpots(data);
        d.chooseClass("Tumor");
        d.choose(Tool::Brush);
        d.drag({{1800, 2000}, {2200, 2600}, {3000, 2500}, {3300, 1900}});
        d.chooseClass("Stroma");
        d.choose(Tool::Polygon);
        d.drag({{4200, 3000}, {5600, 3200}, {6000, 4200}, {5000, 4800}, {4300, 4200}});
        d.chooseClass("Immune cells");
        d.choose(Tool::Point);
        d.click(3600, 4200);
        d.click(3300, 4500);
        d.choose(Tool::Lasso);
        d.drag({{1300, 3400}, {2800, 3400}, {2800, 4700}, {1300, 4700}});
        QTest::mouseClick(d.panel.label_spots, Qt::LeftButton);
        d.store.select({1});
        QTRY_VERIFY(d.view.isSettled());
        QTest::qWait(50);
        save_shot(d.window.grab().toImage(), dark ? "annotations-dark" : "annotations-light");
        // What is drawn is on screen: the class's colour on the stroke's border.
        const QImage image = d.view.grab().toImage();
        int red = 0;
        for (int y = 0; y < image.height(); ++y)
            for (int x = 0; x < image.width(); ++x) red += QColor(image.pixel(x, y)) == QColor(200, 0, 0);
        QVERIFY(red > 50);
        apply_theme(*qApp, Theme::Light);
    }
};

QTEST_MAIN(TestAnnotationsWindow)
#include "test_annotations_window.moc"
