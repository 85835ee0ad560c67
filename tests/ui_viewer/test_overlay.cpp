#include <QElapsedTimer>
#include <QRandomGenerator>
#include <QtTest>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "fake_slide.h"
#include "shots.h"
#include "ui/overlay/colour_bar.h"
#include "ui/overlay/map_overlay.h"
#include "ui/overlay/spot_overlay.h"
#include "ui/viewer/slide_view.h"

using namespace c2l;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

QRgb rgb(ColourMapId id, int index) { return ColourMap::get(id).at(index); }

ViewTransform at_scale(double scale, QSizeF size, QPointF centre) {
    ViewTransform view;
    view.setWidgetSize(size);
    view.setCentre(centre);
    view.setScale(scale);
    return view;
}

QImage drawn(Layer& layer, const ViewTransform& view) {
    QImage image(view.widgetSize().toSize(), QImage::Format_RGB32);
    image.fill(Qt::white);
    QPainter painter(&image);
    layer.paint(painter, view);
    return image;
}

// A hexagonal array like Visium's.
void hexagons(int cols, int rows, double pitch, std::vector<double>& x, std::vector<double>& y) {
    for (int r = 0; r < rows; ++r) {
        for (int c = 0; c < cols; ++c) {
            x.push_back(300 + pitch * (c + (r % 2) * 0.5));
            y.push_back(300 + pitch * r * std::sqrt(3.0) / 2);
        }
    }
}

// Bins of a grid that is turned by 3° against the slide, some missing.
struct Bins {
    std::vector<double> x, y;
    std::vector<int> col, row;
    static Bins make(int cols, int rows, double pitch, double degrees) {
        Bins b;
        const double c = std::cos(degrees * M_PI / 180), s = std::sin(degrees * M_PI / 180);
        for (int r = 0; r < rows; ++r) {
            for (int k = 0; k < cols; ++k) {
                if ((r * 31 + k * 17) % 11 == 0) continue;
                b.col.push_back(k + 5);
                b.row.push_back(r + 9);
                b.x.push_back(1000 + pitch * (c * (k + 0.5) - s * (r + 0.5)));
                b.y.push_back(2000 + pitch * (s * (k + 0.5) + c * (r + 0.5)));
            }
        }
        return b;
    }
};

}  // namespace

class TestOverlay : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void colourMapsHaveTheirPublishedValues() {
        QCOMPARE(rgb(ColourMapId::Viridis, 0), 0xff440154U);
        QCOMPARE(rgb(ColourMapId::Viridis, 128), 0xff21918cU);
        QCOMPARE(rgb(ColourMapId::Viridis, 255), 0xfffde725U);
        QCOMPARE(rgb(ColourMapId::Cividis, 0), 0xff00224eU);
        QCOMPARE(rgb(ColourMapId::Cividis, 255), 0xfffee838U);
        QCOMPARE(rgb(ColourMapId::Magma, 0), 0xff000004U);
        QCOMPARE(rgb(ColourMapId::Magma, 255), 0xfffcfdbfU);
        QCOMPARE(rgb(ColourMapId::BlueRed, 0), 0xff053061U);
        QCOMPARE(rgb(ColourMapId::BlueRed, 255), 0xff67001fU);
        const QRgb middle = rgb(ColourMapId::BlueRed, 128);
        QVERIFY(qRed(middle) > 240 && qGreen(middle) > 240 && qBlue(middle) > 235);
    }

    void sequentialMapsGetLighter() {
        for (const ColourMapId id : {ColourMapId::Viridis, ColourMapId::Cividis, ColourMapId::Magma}) {
            for (int i = 8; i < 256; ++i) {
                const auto light = [&](int k) {
                    return 0.2126 * qRed(rgb(id, k)) + 0.7152 * qGreen(rgb(id, k)) + 0.0722 * qBlue(rgb(id, k));
                };
                QVERIFY(light(i) > light(i - 8));
            }
        }
    }

    void scales() {
        const ColourScale linear{2, 6, false, false};
        QCOMPARE(linear.position(2), 0.0);
        QCOMPARE(linear.position(4), 0.5);
        QCOMPARE(linear.position(99), 1.0);
        QCOMPARE(linear.position(-99), 0.0);
        QCOMPARE(linear.index(kNaN), -1);
        QCOMPARE(linear.index(std::numeric_limits<double>::infinity()), 255);
        const ColourScale log{0, 99, true, true};
        QVERIFY(std::abs(log.position(9) - 0.5) < 1e-12);  // log 10 is half of log 100
        QVERIFY(std::abs(log.value(0.5) - 9) < 1e-9);
        QCOMPARE(log.index(0), -1);
        QVERIFY(log.index(1e-6) >= 0);
        const ColourScale both{-3, 3, true, false};
        QCOMPARE(both.position(0), 0.5);
        QCOMPARE(both.position(1) + both.position(-1), 1.0);
        for (double v = -3; v <= 3; v += 0.1) QVERIFY(std::abs(both.value(both.position(v)) - v) < 1e-9);
        const ColourScale flat{5, 5, false, false};
        QCOMPARE(flat.position(5), 1.0);
        QCOMPARE(flat.position(4), 0.0);
    }

    void limits() {
        std::vector<float> values;
        for (int i = 0; i <= 100; ++i) values.push_back(static_cast<float>(i));
        values.push_back(kNaN);
        const ColourScale s = limits_at(values, 2, 98);
        QVERIFY(std::abs(s.low - 2) < 1e-5 && std::abs(s.high - 98) < 1e-5);
        QCOMPARE(limits_at({}, 2, 98), (ColourScale{0, 1, false, false}));
        QCOMPARE(limits_at({kNaN}, 2, 98), (ColourScale{0, 1, false, false}));
        QVERIFY(limits_at({4, 4, 4}, 2, 98).high > 4);
        std::vector<float> rare(1000, 0.0F);
        rare[3] = 5;
        QCOMPARE(limits_at(rare, 2, 98).high, 5.0);
        const ColourScale d = symmetric_limits({-4, 1, 2}, 100);
        QCOMPARE(d.low, -4.0);
        QCOMPARE(d.high, 4.0);
    }

    void spotsAreDrawnAtTheirDiameterInTheirColour() {
        SpotOverlay spots;
        spots.setSpots({100, 200, 300, 400}, {100, 100, 100, 100}, 40);
        spots.setValues({0, 1, 2, kNaN});
        spots.setColours(ColourMapId::Viridis, {0, 2, false, false});
        for (const double scale : {0.5, 1.0, 1.5, 4.0}) {  // small ones are sprites, large ones ellipses
            const ViewTransform view = at_scale(scale, {500 * scale, 200 * scale}, {250, 100});
            const QImage image = drawn(spots, view);
            const int y = static_cast<int>(view.toWidget(QPointF(0, 100)).y());
            const auto x_of = [&](double x) { return static_cast<int>(view.toWidget(QPointF(x, 0)).x()); };
            QCOMPARE(image.pixel(x_of(100), y), rgb(ColourMapId::Viridis, 0));
            QCOMPARE(image.pixel(x_of(200), y), rgb(ColourMapId::Viridis, 128));
            QCOMPARE(image.pixel(x_of(300), y), rgb(ColourMapId::Viridis, 255));
            QCOMPARE(image.pixel(x_of(400), y), qRgb(255, 255, 255));  // not measured: a ring, empty inside
            int covered = 0;
            for (int x = x_of(150); x < x_of(250); ++x) covered += image.pixel(x, y) == rgb(ColourMapId::Viridis, 128);
            QVERIFY2(std::abs(covered - 40 * scale) <= 2, qPrintable(QStringLiteral("%1 pixels at scale %2").arg(covered).arg(scale)));
        }
        spots.setColours(ColourMapId::Viridis, {0, 2, false, true});
        const ViewTransform view = at_scale(1, {500, 200}, {250, 100});
        QCOMPARE(drawn(spots, view).pixel(100, 100), qRgb(255, 255, 255));  // zero is transparent now
        spots.setOpacity(0.5);
        const QRgb half = drawn(spots, view).pixel(300, 100), full = rgb(ColourMapId::Viridis, 255);
        QVERIFY(std::abs(qBlue(half) - (qBlue(full) + 255) / 2) <= 2);
        spots.setSizeFactor(0.5);
        QCOMPARE(spots.diameter(), 20.0);
        QCOMPARE(drawn(spots, view).pixel(315, 100), qRgb(255, 255, 255));
    }

    void hoverAgreesWithSearchingAll() {
        QRandomGenerator random(7);
        std::vector<double> x, y;
        for (int i = 0; i < 3000; ++i) {
            x.push_back(random.bounded(10000.0));
            y.push_back(random.bounded(8000.0));
        }
        SpotOverlay spots;
        for (const double diameter : {5.0, 120.0, 900.0}) {
            spots.setSpots(x, y, diameter);
            for (int k = 0; k < 2000; ++k) {
                const double px = random.bounded(11000.0) - 500, py = random.bounded(9000.0) - 500;
                double least = diameter * diameter / 4;
                int best = -1;
                for (int i = 0; i < 3000; ++i) {
                    const double d = (x[i] - px) * (x[i] - px) + (y[i] - py) * (y[i] - py);
                    if (d <= least) {
                        least = d;
                        best = i;
                    }
                }
                QCOMPARE(spots.spotAt(px, py), best);
            }
        }
        QCOMPARE(spots.spotAt(std::nan(""), 3), -1);
        spots.setSpots({}, {}, 10);
        QCOMPARE(spots.spotAt(0, 0), -1);
        spots.setSpots({0, 1e12}, {0, 1e12}, 1e-3);  // a stray spot must not cost memory
        QCOMPARE(spots.spotAt(1e12, 1e12), 1);
    }

    void refusesWhatDoesNotBelongTogether() {
        SpotOverlay spots;
        QVERIFY_THROWS_EXCEPTION(Error, spots.setSpots({1, 2}, {1}, 5));
        QVERIFY_THROWS_EXCEPTION(Error, spots.setSpots({kNaN}, {1}, 5));
        spots.setSpots({1, 2}, {1, 2}, 5);
        QVERIFY_THROWS_EXCEPTION(Error, spots.setValues({1}));
        QVERIFY_THROWS_EXCEPTION(Error, spots.setSelected({1}));
        QVERIFY_THROWS_EXCEPTION(Error, GridMap::from_centres({0, 1e9}, {0, 1e9}, 0.001));
        QVERIFY_THROWS_EXCEPTION(Error, GridMap::from_centres({0, 1}, {0, 1}, 0));
        QVERIFY_THROWS_EXCEPTION(Error, GridMap::from_centres({0}, {0, 1}, 1));
        MapOverlay map;
        map.setGrid(GridMap::from_centres({0, 10}, {0, 0}, 10), 2);
        QVERIFY_THROWS_EXCEPTION(Error, map.setValues({1}));
        QVERIFY_THROWS_EXCEPTION(Error, map.setGrid(GridMap::from_centres({0, 10}, {0, 0}, 10), 1));
    }


    void cellsFindTheirGrid() {
        const Bins b = Bins::make(60, 40, 11.7, 3);
        const auto grid = GridMap::from_cells(b.col, b.row, b.x, b.y);
        QVERIFY(grid);
        QCOMPARE(grid->cols, 60);
        QCOMPARE(grid->rows, 40);
        QVERIFY(std::abs(grid->pitch() - 11.7) < 1e-6);
        for (std::size_t i = 0; i < b.x.size(); i += 7) QCOMPARE(grid->place_at(b.x[i] + 3, b.y[i] - 3), static_cast<int>(i));
        QCOMPARE(grid->place_at(0, 0), -1);
        auto far = b;
        far.x[100] += 6;  // half a cell away
        QVERIFY(!GridMap::from_cells(far.col, far.row, far.x, far.y));
        auto twice = b;
        twice.col[1] = twice.col[0], twice.row[1] = twice.row[0];
        QVERIFY(!GridMap::from_cells(twice.col, twice.row, twice.x, twice.y));
        auto unknown = b;
        unknown.col[0] = -1;
        QVERIFY(!GridMap::from_cells(unknown.col, unknown.row, unknown.x, unknown.y));
        QVERIFY(!GridMap::from_cells({0, 1, 2}, {0, 0, 0}, {0, 1, 2}, {0, 0, 0}));  // a line
        QVERIFY(!GridMap::from_cells({0, 1 << 30}, {0, 1 << 30}, {0, 1}, {0, 1}));
        QVERIFY(!GridMap::from_cells({}, {}, {}, {}));
    }

    void binsAreSquaresOnTheirGrid() {
        const Bins b = Bins::make(60, 40, 12, 3);
        SpotOverlay bins;
        bins.setBins(b.x, b.y, *GridMap::from_cells(b.col, b.row, b.x, b.y));
        QVERIFY(bins.areBins());
        std::vector<float> values(b.x.size(), 0);
        values[777] = 1;
        bins.setColours(ColourMapId::Viridis, {0, 1, false, true});
        bins.setValues(values);
        QCOMPARE(bins.spotAt(b.x[777], b.y[777]), 777);
        auto view = at_scale(4, {400, 300}, {b.x[777], b.y[777]});
        view.setAngle(-20);
        const QImage near = drawn(bins, view);
        QCOMPARE(near.pixel(200, 150), rgb(ColourMapId::Viridis, 255));
        // 12 px × 4 = 48 wide, turned by -17 on the screen: inside near a corner, and outside beyond it.
        const auto corner = [&](double share) { return view.toWidget(QPointF(b.x[777], b.y[777]) + QTransform().rotate(3).map(QPointF(6, 6)) * share).toPoint(); };
        QCOMPARE(near.pixel(corner(0.9)), rgb(ColourMapId::Viridis, 255));
        QCOMPARE(near.pixel(corner(1.1)), qRgb(255, 255, 255));
        // From afar bins are averaged, not skipped: one in 2,000 is still there.
        int touched = 0;
        const QImage afar = drawn(bins, at_scale(0.02, {60, 60}, {b.x[777], b.y[777]}));
        for (int y = 0; y < 60; ++y)
            for (int x = 0; x < 60; ++x) touched += afar.pixel(x, y) != qRgb(255, 255, 255);
        QVERIFY(touched >= 1);
        // A few selected are ringed, many are coloured.
        std::vector<std::uint8_t> selected(b.x.size(), 1);
        bins.setSelected(selected);
        QCOMPARE(drawn(bins, view).pixel(200, 150), qRgb(0xd9, 0x48, 0x01));
        QVERIFY_THROWS_EXCEPTION(Error, bins.setBins({0, 1}, {0, 0}, *GridMap::from_cells(b.col, b.row, b.x, b.y)));
    }

    void manySpotsAreDrawnAsPixels() {
        std::vector<double> x, y;
        for (int i = 0; i < 40000; ++i) x.push_back(10.0 * (i % 200)), y.push_back(10.0 * (i / 200));
        SpotOverlay spots;
        spots.setSpots(x, y, 8);
        std::vector<float> values(x.size(), 0);
        values[40 * 200 + 50] = 1;  // at 500, 400
        spots.setColours(ColourMapId::Viridis, {0, 1, false, false});
        spots.setValues(values);
        std::vector<float> all(x.size(), 1);
        const auto view = at_scale(0.2, {400, 400}, {1000, 1000});
        const auto at = [&](double x_px, double y_px) { return drawn(spots, view).pixel(view.toWidget(QPointF(x_px, y_px)).toPoint()); };
        QCOMPARE(at(500, 400), rgb(ColourMapId::Viridis, 255));
        QCOMPARE(at(510, 400), rgb(ColourMapId::Viridis, 0));
        spots.setValues(all);
        QCOMPARE(at(510, 400), rgb(ColourMapId::Viridis, 255));
        QCOMPARE(at(1990, 1990), rgb(ColourMapId::Viridis, 255));
        spots.setOpacity(0);
        QCOMPARE(drawn(spots, view).pixel(200, 200), qRgb(255, 255, 255));
    }

    void fiveThousandSpots() {
        std::vector<double> x, y;
        hexagons(78, 64, 140, x, y);
        SpotOverlay spots;
        spots.setSpots(x, y, 77);
        std::vector<float> values;
        for (std::size_t i = 0; i < x.size(); ++i) values.push_back(static_cast<float>(std::sin(x[i] / 900) + std::cos(y[i] / 700)));
        const ViewTransform view = at_scale(0.12, {1400, 1000}, {5700, 4100});
        QImage image(1400, 1000, QImage::Format_RGB32);
        qint64 worst = 0;
        for (int gene = 0; gene < 10; ++gene) {  // a new gene, new colours, a new picture
            std::rotate(values.begin(), values.begin() + 97, values.end());
            QElapsedTimer clock;
            clock.start();
            spots.setValues(values);
            spots.setColours(ColourMapId::Viridis, limits_at(values, 2, 98));
            image.fill(Qt::white);
            QPainter painter(&image);
            spots.paint(painter, view);
            painter.end();
            worst = std::max(worst, clock.nsecsElapsed());
        }
        qInfo("%zu spots recoloured and painted in %.1f ms at worst", x.size(), static_cast<double>(worst) / 1e6);
        const ColourScale scale = limits_at(values, 2, 98);
        for (std::size_t i = 0; i < x.size(); i += 37) {
            const QPoint p = view.toWidget(QPointF(x[i], y[i])).toPoint();
            QCOMPARE(image.pixel(p), rgb(ColourMapId::Viridis, scale.index(values[i])));
        }
    }

    void mapTexels() {
        // 3 × 2 cells; the middle one below is no tissue.
        const std::vector<double> x = {50, 150, 250, 50, 250}, y = {50, 50, 50, 150, 150};
        MapOverlay map;
        map.setGrid(GridMap::from_centres(x, y, 100), 5);
        map.setColours(ColourMapId::Magma, {0, 4, false, false});
        map.setValues({0, 1, 2, 3, kNaN});
        QCOMPARE(map.image().size(), QSize(3, 2));
        QCOMPARE(map.image().pixel(0, 0), rgb(ColourMapId::Magma, 0));
        QCOMPARE(map.image().pixel(2, 0), rgb(ColourMapId::Magma, 128));
        QCOMPARE(map.image().pixel(0, 1), rgb(ColourMapId::Magma, 191));
        QCOMPARE(qAlpha(map.image().pixel(1, 1)), 0);
        QCOMPARE(qAlpha(map.image().pixel(2, 1)), 0);
        QCOMPARE(map.grid().place_at(249, 51), 2);
        QCOMPARE(map.grid().place_at(150, 150), -1);
        QCOMPARE(map.grid().place_at(-1, 50), -1);

        map.setSmooth(false);
        const ViewTransform view = at_scale(1, {400, 300}, {150, 100});  // cell (0,0) begins at widget (50, 50)
        const QImage image = drawn(map, view);
        QCOMPARE(image.pixel(51, 51), rgb(ColourMapId::Magma, 0));
        QCOMPARE(image.pixel(149, 149), rgb(ColourMapId::Magma, 0));
        QCOMPARE(image.pixel(151, 51), rgb(ColourMapId::Magma, 64));
        QCOMPARE(image.pixel(200, 200), qRgb(255, 255, 255));
        QCOMPARE(image.pixel(49, 100), qRgb(255, 255, 255));
        // The part in sight is drawn alike, however far one zooms in.
        const ViewTransform close = at_scale(16, {400, 300}, {250, 50});
        QCOMPARE(drawn(map, close).pixel(200, 150), rgb(ColourMapId::Magma, 128));
        map.setSmooth(true);
        QCOMPARE(drawn(map, close).pixel(200, 150), rgb(ColourMapId::Magma, 128));

        map.setInDistribution({1, 0.5, 0, 1, 1});
        QCOMPARE(qAlpha(map.image().pixel(0, 0)), 255);
        QVERIFY(std::abs(qAlpha(map.image().pixel(1, 0)) - 153) <= 1);
        QVERIFY(qAlpha(map.image().pixel(2, 0)) > 0 && qAlpha(map.image().pixel(2, 0)) < 64);
        map.setDimUncertain(false);
        QCOMPARE(qAlpha(map.image().pixel(2, 0)), 255);
        map.clear();
        QVERIFY(map.image().isNull());
        QCOMPARE(drawn(map, view).pixel(100, 100), qRgb(255, 255, 255));
    }

    void gridsOfUnevenPositions() {
        // Centres rounded to whole pixels at a pitch that is not whole.
        std::vector<double> x, y;
        for (int r = 0; r < 40; ++r) {
            for (int c = 0; c < 50; ++c) {
                x.push_back(std::round(1000 + c * 36.4));
                y.push_back(std::round(2000 + r * 36.4));
            }
        }
        const GridMap grid = GridMap::from_centres(x, y, 36.4);
        QCOMPARE(grid.cols, 50);
        QCOMPARE(grid.rows, 40);
        for (std::size_t i = 0; i < x.size(); ++i) QCOMPARE(grid.cell_to_place[i], static_cast<int>(i));
    }

    void ticks() {
        QCOMPARE(colour_bar_ticks({0, 10, false, false}, 6), (std::vector<double>{0, 2, 4, 6, 8, 10}));
        for (const ColourScale& s :
             {ColourScale{-1.3, 2.7, false, false}, ColourScale{0, 1234, true, false}, ColourScale{0.01, 0.02, false, false}}) {
            const auto t = colour_bar_ticks(s, 6);
            QVERIFY(t.size() >= 2 && t.size() <= 7);
            for (std::size_t i = 0; i < t.size(); ++i)
                QVERIFY(t[i] >= s.low - 1e-9 && t[i] <= s.high + 1e-9 && (i == 0 || t[i] > t[i - 1]));
        }
        QCOMPARE(colour_bar_ticks({3, 3, false, false}, 6).size(), std::size_t{1});
    }

    void colourBarRunsFromLowToHigh() {
        ColourBar bar;
        bar.set(ColourMapId::Viridis, {0, 4.2, false, false}, "ERBB2", "log1p");
        bar.resize(bar.sizeHint());
        const QImage image = bar.grab().toImage();
        int high = -1, low = -1;
        for (int y = 0; y < image.height(); ++y) {
            const QColor c(image.pixel(8, y));
            if (high < 0 && c.red() > 230 && c.green() > 210 && c.blue() < 80) high = y;
            if (c.red() < 75 && c.green() < 20 && c.blue() > 70 && c.blue() < 100) low = y;
        }
        QVERIFY(high >= 0 && low > high + 60);
    }

    void everythingTogether() {
        const auto slide = std::make_shared<FakeSlide>(12000, 9000);
        SlideView view;
        view.resize(900, 650);
        view.show();
        view.setSlide(slide);
        view.setCaption("predicted");
        MapOverlay map;
        SpotOverlay spots;
        std::vector<double> x, y, mx, my;
        hexagons(70, 60, 140, x, y);
        std::vector<float> values, predicted, typical;
        const auto gene = [](double a, double b) { return static_cast<float>(3 * std::exp(-std::hypot(a - 5000, b - 4000) / 2500)); };
        for (std::size_t i = 0; i < x.size(); ++i) values.push_back(gene(x[i], y[i]));
        for (double b = 250; b < 8500; b += 100) {
            for (double a = 250; a < 10500; a += 100) {
                if (std::hypot(a - 5000, (b - 4200) * 1.2) > 4600) continue;
                mx.push_back(a);
                my.push_back(b);
                predicted.push_back(gene(a, b));
                typical.push_back(a > 7500 ? 0.2F : 1.0F);
            }
        }
        map.setGrid(GridMap::from_centres(mx, my, 100), mx.size());
        map.setColours(ColourMapId::Viridis, {0, 3, false, false});
        map.setValues(predicted);
        map.setInDistribution(typical);
        map.setOpacity(0.7);
        spots.setSpots(x, y, 77);
        spots.setColours(ColourMapId::Viridis, {0, 3, false, false});
        spots.setValues(values);
        view.addLayer(&map);
        QTRY_VERIFY(view.isSettled() && !view.loader()->overview().isNull());
        save_shot(view.grab().toImage(), "map");
        view.addLayer(&spots);
        map.setVisible(false);
        spots.setSelectedIndex(2000);
        save_shot(view.grab().toImage(), "spots");
        view.setView({5000, 4000}, 0.4);
        QTRY_VERIFY(view.isSettled());
        save_shot(view.grab().toImage(), "spots_close");
        ColourBar bar;
        bar.set(ColourMapId::Viridis, {0, 3, false, false}, "ERBB2", "log(1+counts)");
        bar.resize(bar.sizeHint());
        save_shot(bar.grab().toImage(), "bar_light");
        QPalette dark;
        dark.setColor(QPalette::Window, QColor(40, 42, 46));
        dark.setColor(QPalette::Base, QColor(30, 32, 36));
        dark.setColor(QPalette::WindowText, QColor(225, 225, 225));
        dark.setColor(QPalette::Text, QColor(225, 225, 225));
        bar.setPalette(dark);
        bar.set(ColourMapId::Magma, {0, 900, true, false}, "MALAT1", "counts");
        save_shot(bar.grab().toImage(), "bar_dark");
        SlideView empty;
        empty.setPalette(dark);
        empty.resize(500, 300);
        save_shot(empty.grab().toImage(), "empty_dark");
        QVERIFY(view.grab().toImage() != empty.grab().toImage());
    }
};

QTEST_MAIN(TestOverlay)
#include "test_overlay.moc"
