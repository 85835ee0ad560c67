// Run twice: offscreen, where there is no OpenGL and the widget must say so; and on a (virtual) display, where it must draw.
#include <QLabel>
#include <QMainWindow>
#include <QRandomGenerator>
#include <QTabWidget>
#include <QtTest>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "shots.h"
#include "ui/landscape/height_field.h"
#include "ui/landscape/landscape_view.h"

using namespace c2l;

namespace {

struct Hill {
    GridMap grid;
    std::vector<float> values;
};

// A round piece of tissue with one hill off its middle.
Hill hill() {
    std::vector<double> x, y;
    Hill h;
    for (double b = 500; b < 8000; b += 100) {
        for (double a = 500; a < 9000; a += 100) {
            if (std::hypot(a - 4700, b - 4200) > 3600) continue;
            x.push_back(a);
            y.push_back(b);
            h.values.push_back(static_cast<float>(3 * std::exp(-std::pow(std::hypot(a - 5600, b - 3400) / 1300, 2))));
        }
    }
    h.grid = GridMap::from_centres(x, y, 100);
    return h;
}

QImage tissue() {
    QImage image(512, 384, QImage::Format_RGB32);
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            const bool inside = std::hypot(x - 240, y - 200) < 190;
            image.setPixel(x, y, inside ? qRgb(220, 130 + (x * 13 + y * 7) % 60, 180) : qRgb(246, 244, 246));
        }
    }
    return image;
}

std::size_t colours(const QImage& image) {
    std::set<QRgb> seen;
    for (int y = 0; y < image.height(); y += 2) {
        for (int x = 0; x < image.width(); x += 2) seen.insert(image.pixel(x, y));
    }
    return seen.size();
}

double difference(const QImage& a, const QImage& b) {
    double sum = 0;
    for (int y = 0; y < a.height(); y += 3) {
        for (int x = 0; x < a.width(); x += 3) sum += std::abs(qGray(a.pixel(x, y)) - qGray(b.pixel(x, y)));
    }
    return sum * 9 / (a.width() * a.height());
}

}  // namespace

class TestLandscape : public QObject {
    Q_OBJECT

    bool display_ = false;

private Q_SLOTS:
    void initTestCase() {
        LandscapeView view;
        display_ = view.isAvailable();
        qInfo("OpenGL on %s: %s", qPrintable(QGuiApplication::platformName()), display_ ? "yes" : "no");
        if (QGuiApplication::platformName() == "offscreen") QVERIFY(!display_);
    }

    void heightFieldOfFullGrid() {
        const std::vector<double> x = {5, 15, 25, 5, 15, 25}, y = {5, 5, 5, 15, 15, 15};
        const HeightField f = make_height_field(GridMap::from_centres(x, y, 10), {0, 1, 2, 3, 4, 5});
        QCOMPARE(f.triangles.size(), std::size_t{24});
        QCOMPARE(f.points.size(), std::size_t{6 + 12});
        const auto value_at = [&](double px, double py) {
            for (const auto& p : f.points) {
                if (p.x == px && p.y == py) return p.value;
            }
            return std::nan("");
        };
        QCOMPARE(value_at(15, 15), 4.0);     // a centre is exact
        QCOMPARE(value_at(10, 10), 2.0);     // a corner is the mean of four
        QCOMPARE(value_at(0, 0), 0.0);       // … of one
        QCOMPARE(value_at(30, 10), 3.5);     // … of two
        for (const auto& t : f.triangles) {  // all face upwards: clockwise on a y-down page is anticlockwise with y up
            const auto &a = f.points[t[0]], &b = f.points[t[1]], &c = f.points[t[2]];
            QVERIFY((b.x - a.x) * -(c.y - a.y) - (c.x - a.x) * -(b.y - a.y) > 0);
        }
    }

    void heightFieldKeepsHolesAndLonelyCells() {
        const std::vector<double> x = {0, 10, 50}, y = {0, 0, 30};
        const GridMap grid = GridMap::from_centres(x, y, 10);
        QCOMPARE(make_height_field(grid, {1, 2, 3}).triangles.size(), std::size_t{12});
        QCOMPARE(make_height_field(grid, {1, std::nanf(""), 3}).triangles.size(), std::size_t{8});
        QCOMPARE(make_height_field({}, {}).triangles.size(), std::size_t{0});
        QVERIFY_THROWS_EXCEPTION(Error, make_height_field(grid, {1, 2}));
    }

    void worksWithoutADisplay() {
        LandscapeView view;
        view.resize(500, 400);
        view.show();
        const Hill h = hill();
        view.setSurface(h.grid, h.values, 0.5);
        view.setColours(ColourMapId::Viridis, {0, 3, false, false}, "ERBB2", "log1p");
        view.setTissue(tissue(), 10000, 7500);
        view.setExaggeration(2);
        QCOMPARE(view.exaggeration(), 2.0);
        if (display_) return;
        const auto* note = view.findChild<QLabel*>();
        QVERIFY(note && note->text().contains("OpenGL"));
        QVERIFY(view.grabImage().isNull());
        save_shot(view.grab().toImage(), "landscape_none");
    }

    void draws() {
        if (!display_) QSKIP("SKIPPED: this display offers no OpenGL");
        LandscapeView view;
        view.resize(800, 600);
        view.show();
        QVERIFY(QTest::qWaitForWindowExposed(&view));
        const QImage empty = view.grabImage();
        const Hill h = hill();
        view.setColours(ColourMapId::Viridis, {0, 3, false, false}, "ERBB2", "log1p");
        view.setSurface(h.grid, h.values, 0.5);
        const QImage surface = view.grabImage();
        QVERIFY2(colours(surface) > 500, "the landscape is blank");
        QVERIFY(difference(surface, empty) > 5);
        save_shot(surface, "landscape_colours");

        // The hill's top is viridis yellow, its foot viridis violet: both are on screen.
        int yellow = 0, violet = 0;
        for (int y = 0; y < surface.height(); ++y) {
            for (int x = 0; x < 600; ++x) {
                const QColor c(surface.pixel(x, y));
                yellow += c.hsvHue() > 45 && c.hsvHue() < 75 && c.saturation() > 150 && c.value() > 120;
                violet += c.hsvHue() > 260 && c.hsvHue() < 310 && c.saturation() > 100;
            }
        }
        QVERIFY2(yellow > 200 && violet > 5000, qPrintable(QStringLiteral("%1 yellow, %2 violet").arg(yellow).arg(violet)));

        view.setTissue(tissue(), 10000, 7500);
        view.resetCamera();
        const QImage over = view.grabImage();
        QVERIFY(difference(surface, over) > 1);
        save_shot(over, "landscape_over_tissue");
        view.setTissueShown(true);
        const QImage draped = view.grabImage();
        QVERIFY(difference(over, draped) > 5);
        save_shot(draped, "landscape_draped");
        view.setTissueShown(false);
        view.setExaggeration(3);
        QVERIFY(difference(over, view.grabImage()) > 1);
        view.setExaggeration(1);
        QVERIFY(difference(over, view.grabImage()) < 0.5);

        auto* canvas = view.findChild<QWidget*>("landscapeCanvas");
        QVERIFY(canvas);
        QTest::mousePress(canvas, Qt::LeftButton, {}, {300, 300});
        QTest::mouseMove(canvas, {380, 320});
        QTest::qWait(30);
        QTest::mouseRelease(canvas, Qt::LeftButton, {}, {380, 320});
        const QImage turned = view.grabImage();
        QVERIFY2(difference(over, turned) > 1, "dragging does not turn the landscape");
        view.resetCamera();
        QVERIFY(difference(over, view.grabImage()) < 0.5);

        QPalette dark = view.palette();
        dark.setColor(QPalette::Window, QColor(40, 42, 46));
        dark.setColor(QPalette::WindowText, QColor(225, 225, 225));
        view.setPalette(dark);
        const QImage night = view.grabImage();
        QVERIFY(qGray(night.pixel(3, 3)) < 60);
        save_shot(night, "landscape_dark");
        view.clear();
        QVERIFY(colours(view.grabImage()) < 50);
    }

    void survivesHidingReparentingAndResizing() {
        if (!display_) QSKIP("SKIPPED: this display offers no OpenGL");
        const Hill h = hill();
        QMainWindow window;
        auto* tabs = new QTabWidget;
        auto* view = new LandscapeView;
        tabs->addTab(new QWidget, "first");
        tabs->addTab(view, "landscape");
        window.setCentralWidget(tabs);
        window.resize(600, 500);
        view->setColours(ColourMapId::Magma, {0, 3, false, false}, "CD3E", "counts");
        view->setSurface(h.grid, h.values, std::nullopt);
        window.show();
        QVERIFY(QTest::qWaitForWindowExposed(&window));
        tabs->setCurrentIndex(1);
        QTest::qWait(50);
        QVERIFY(colours(view->grabImage()) > 300);
        tabs->setCurrentIndex(0);
        window.resize(700, 620);
        QTest::qWait(20);
        tabs->setCurrentIndex(1);
        QTest::qWait(20);
        QVERIFY(colours(view->grabImage()) > 300);
        view->setParent(nullptr);  // its own window: a new OpenGL context
        view->resize(500, 400);
        view->show();
        QVERIFY(QTest::qWaitForWindowExposed(view));
        QVERIFY(colours(view->grabImage()) > 300);
        delete view;
    }
};

int main(int argc, char** argv) {
    prepare_landscape_format();
    QApplication app(argc, argv);
    TestLandscape test;
    return QTest::qExec(&test, argc, argv);
}

#include "test_landscape.moc"
