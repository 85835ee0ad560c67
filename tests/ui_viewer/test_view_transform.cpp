#include <QRandomGenerator>
#include <QtTest>
#include <cmath>

#include "ui/viewer/scale_bar.h"
#include "ui/viewer/view_transform.h"

using namespace c2l;

class TestViewTransform : public QObject {
    Q_OBJECT

    QRandomGenerator random_{20261123};
    double between(double a, double b) { return a + (b - a) * random_.generateDouble(); }
    ViewTransform any() {
        ViewTransform view;
        view.setWidgetSize({between(100, 4000), between(100, 3000)});
        view.setCentre({between(-1e5, 2e5), between(-1e5, 2e5)});
        view.setScale(std::exp(between(std::log(1e-3), std::log(32))));
        view.setAngle(random_.bounded(3) == 0 ? 90 * random_.bounded(4) : between(-400, 400));
        return view;
    }
    static bool near(QPointF a, QPointF b, double tolerance) { return std::hypot(a.x() - b.x(), a.y() - b.y()) <= tolerance; }

private Q_SLOTS:
    void goesThereAndBack() {
        for (int i = 0; i < 2000; ++i) {
            const ViewTransform view = any();
            const QPointF widget(between(-500, 4500), between(-500, 3500));
            QVERIFY(near(view.toWidget(view.toSlide(widget)), widget, 1e-6));
            const QPointF level0(between(-1e5, 2e5), between(-1e5, 2e5));
            QVERIFY(near(view.toSlide(view.toWidget(level0)), level0, 1e-5));
        }
    }

    void centreIsInTheMiddle() {
        const ViewTransform view = any();
        QVERIFY(near(view.toWidget(view.centre()), {view.widgetSize().width() / 2, view.widgetSize().height() / 2}, 1e-9));
    }

    void zoomKeepsThePointUnderTheCursor() {
        for (int i = 0; i < 2000; ++i) {
            ViewTransform view = any();
            const QPointF cursor(between(0, view.widgetSize().width()), between(0, view.widgetSize().height()));
            const QPointF under = view.toSlide(cursor);
            const double before = view.scale(), factor = std::exp(between(-2, 2));
            view.zoomAt(cursor, factor);
            QVERIFY(near(view.toWidget(under), cursor, 1e-4));
            QVERIFY(std::abs(view.scale() / (before * factor) - 1) < 1e-12);
        }
    }

    void zoomInAndOutIsIdentity() {
        ViewTransform view = any();
        const ViewTransform before = view;
        view.zoomAt({10, 20}, 1.7);
        view.zoomAt({10, 20}, 1 / 1.7);
        QVERIFY(near(view.centre(), before.centre(), 1e-6));
    }

    void panMovesThePictureWithTheHand() {
        ViewTransform view = any();
        const QPointF point = view.toSlide(QPointF(100, 100));
        view.panBy({30, -12});
        QVERIFY(near(view.toWidget(point), {130, 88}, 1e-6));
    }

    void turnKeepsThePointUnderTheCursor() {
        for (int i = 0; i < 2000; ++i) {
            ViewTransform view = any();
            const QPointF cursor(between(0, view.widgetSize().width()), between(0, view.widgetSize().height()));
            const QPointF under = view.toSlide(cursor);
            view.turnAt(cursor, between(-200, 200));
            QVERIFY(near(view.toWidget(under), cursor, 1e-4));
            QVERIFY(view.angle() > -180 && view.angle() <= 180);
        }
    }

    void turnsClockwise() {
        ViewTransform view;
        view.setWidgetSize({400, 300});
        view.setCentre({50, 60});
        view.setScale(2);
        view.setAngle(90);
        QCOMPARE(view.toWidget(QPointF(60, 60)), QPointF(200, 170));  // what was right of the middle is below it
        QCOMPARE(view.visible(), QRectF(50 - 75, 60 - 100, 150, 200));
        view.setAngle(450);
        QCOMPARE(view.angle(), 90.0);
        view.setAngle(-180);
        QCOMPARE(view.angle(), 180.0);
    }

    void paintersMatrixIsTheSameMap() {
        for (int i = 0; i < 500; ++i) {
            const ViewTransform view = any();
            const QPointF level0 = view.toSlide(QPointF(between(0, 1000), between(0, 1000)));
            QVERIFY(near(view.matrix().map(level0), view.toWidget(level0), 1e-4));
            QVERIFY(near(view.turning().map(view.upright().toWidget(level0)), view.toWidget(level0), 1e-4));
            const QPointF move(between(-50, 50), between(-50, 50));
            QVERIFY(near(view.vectorToWidget(move), view.toWidget(level0 + move) - view.toWidget(level0), 1e-4));
            QVERIFY(near(view.vectorToSlide(view.vectorToWidget(move)), move, 1e-9));
        }
    }

    void fitShowsAllOfIt() {
        for (int i = 0; i < 200; ++i) {
            ViewTransform view = any();
            const QRectF slide(between(-10, 1000), between(-10, 1000), between(1, 1e5), between(1, 1e5));
            view.fit(slide);
            QVERIFY(view.visible().contains(slide));
            const QRectF shown = view.toWidget(slide);
            QVERIFY(QRectF(QPointF(0, 0), view.widgetSize()).contains(shown));
            QVERIFY(shown.width() > 0.9 * view.widgetSize().width() || shown.height() > 0.9 * view.widgetSize().height());
        }
    }

    void refusesNonsense() {
        ViewTransform view;
        view.setScale(0);
        view.setScale(-1);
        view.setScale(std::nan(""));
        view.zoomAt({0, 0}, 0);
        view.zoomAt({0, 0}, std::nan(""));
        view.fit({});
        view.setAngle(std::nan(""));
        view.turnAt({0, 0}, std::nan(""));
        QCOMPARE(view.angle(), 0.0);
        QCOMPARE(view.scale(), 1.0);
    }

    void magnifications() {
        // 40× is 0.25 µm per pixel, 20× is 0.5.
        QCOMPARE(ViewTransform::scaleFor(40, 0.25), 1.0);
        QCOMPARE(ViewTransform::scaleFor(20, 0.5), 1.0);
        QCOMPARE(ViewTransform::scaleFor(10, 0.25), 0.25);
        QCOMPARE(ViewTransform::magnificationFor(ViewTransform::scaleFor(2.5, 0.687), 0.687), 2.5);
    }

    void scaleBars_data() {
        QTest::addColumn<double>("scale");
        QTest::addColumn<double>("mpp");  // 0: unknown
        QTest::addColumn<double>("length");
        QTest::addColumn<double>("width");
        QTest::addColumn<QString>("label");
        QTest::newRow("40x") << 1.0 << 0.25 << 20.0 << 80.0 << "20 µm";
        QTest::newRow("whole slide") << 0.01 << 0.25 << 2000.0 << 80.0 << "2 mm";
        QTest::newRow("half a millimetre") << 0.05 << 0.25 << 500.0 << 100.0 << "500 µm";
        QTest::newRow("unknown") << 0.5 << 0.0 << 200.0 << 100.0 << "200 px";
    }
    void scaleBars() {
        QFETCH(double, scale);
        QFETCH(double, mpp);
        const ScaleBar bar = choose_scale_bar(scale, mpp > 0 ? std::optional(mpp) : std::nullopt, 120);
        QTEST(bar.length, "length");
        QTEST(bar.width, "width");
        QTEST(bar.label, "label");
    }
    void scaleBarsAreRoundAndFit() {
        for (int i = 0; i < 1000; ++i) {
            const double scale = std::exp(between(-7, 3)), mpp = between(0.1, 2);
            const ScaleBar bar = choose_scale_bar(scale, mpp, 120);
            QVERIFY(bar.width <= 120 * (1 + 1e-9) && bar.width > 120 / 2.51);
            QVERIFY(std::abs(bar.width / scale * mpp / bar.length - 1) < 1e-9);
            const double digit = bar.length / std::pow(10, std::floor(std::log10(bar.length) + 1e-9));
            QVERIFY(std::abs(digit - 1) < 1e-6 || std::abs(digit - 2) < 1e-6 || std::abs(digit - 5) < 1e-6);
        }
        QCOMPARE(choose_scale_bar(0, 0.25, 120).width, 0.0);
    }
};

QTEST_MAIN(TestViewTransform)
#include "test_view_transform.moc"
