#include <QKeyEvent>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QWheelEvent>
#include <QtTest>
#include <cmath>
#include <cstdlib>

#include "fake_slide.h"
#include "real_data.h"
#include "shots.h"
#include "ui/overlay/spot_overlay.h"
#include "ui/viewer/slide_view.h"

using namespace c2l;

namespace {

// One colour everywhere, to see seams.
class GreySlide : public FakeSlide {
public:
    using FakeSlide::FakeSlide;
    Colour pixel(int, std::int64_t, std::int64_t) const override { return {200, 120, 160}; }
};

QRgb expected(const FakeSlide& slide, int level, std::int64_t x, std::int64_t y) {
    const auto c = slide.pixel(level, x, y);
    return qRgb(c[0], c[1], c[2]);
}

std::int64_t whole(double v) { return static_cast<std::int64_t>(std::floor(v)); }

// A view without decoration, shown and sharp.
std::unique_ptr<SlideView> bare_view(QSize size = {640, 480}) {
    auto view = std::make_unique<SlideView>();
    view->setOverviewVisible(false);
    view->setScaleBarVisible(false);
    view->resize(size);
    view->show();
    return view;
}

QImage picture(SlideView& view) { return view.grab().toImage().convertToFormat(QImage::Format_RGB32); }

QColor middle_of(SlideView& view) {
    const QImage image = picture(view);
    return QColor(image.pixel(image.width() / 2, image.height() / 2));
}

void wheel(SlideView& view, QPointF at, int angle) {
    QWheelEvent event(at, view.mapToGlobal(at), {}, {0, angle}, Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase, false);
    QCoreApplication::sendEvent(&view, &event);
}

void mouse(SlideView& view, QEvent::Type type, QPointF at, Qt::MouseButton button, Qt::MouseButtons buttons) {
    QMouseEvent event(type, at, view.mapToGlobal(at), button, buttons, Qt::NoModifier);
    QCoreApplication::sendEvent(&view, &event);
}

void drag(SlideView& view, QPointF from, QPointF to, Qt::MouseButton button = Qt::LeftButton) {
    mouse(view, QEvent::MouseButtonPress, from, button, button);
    for (int i = 1; i <= 10; ++i) mouse(view, QEvent::MouseMove, from + (to - from) * i / 10, Qt::NoButton, button);
    mouse(view, QEvent::MouseButtonRelease, to, button, Qt::NoButton);
}

class Blob : public Layer {
public:
    void paint(QPainter& painter, const ViewTransform& view) override {
        painter.fillRect(view.toWidget(QRectF(2000, 2000, 200, 200)), Qt::green);
    }
    int hit(QPointF p) const override { return QRectF(2000, 2000, 200, 200).contains(p) ? 7 : -1; }
};

}  // namespace

class TestSlideView : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void showsExactPixels_data() {
        QTest::addColumn<double>("scale");
        QTest::addColumn<int>("level");
        QTest::newRow("40x, level 0") << 1.0 << 0;
        QTest::newRow("10x, level 1") << 0.25 << 1;
        QTest::newRow("2.5x, level 2") << 0.0625 << 2;
        QTest::newRow("4 pixels per pixel") << 4.0 << 0;
    }
    void showsExactPixels() {
        QFETCH(double, scale);
        QFETCH(int, level);
        const auto slide = std::make_shared<FakeSlide>(25600, 20480);
        auto view = bare_view();
        view->setSlide(slide);
        const double dpr = view->devicePixelRatioF();  // this test runs at 1 and at 2
        view->setView({12800, 10240}, scale / dpr);
        QTRY_VERIFY(view->isSettled());
        const QImage image = picture(*view);
        QCOMPARE(image.width(), static_cast<int>(640 * dpr));
        const double down = slide->info().levels[static_cast<std::size_t>(level)].downsample;
        for (int y = 1; y < image.height(); y += 17) {
            for (int x = 1; x < image.width(); x += 13) {
                const QPointF p = view->transform().toSlide(QPointF(x + 0.5, y + 0.5) / dpr) / down;
                QCOMPARE(QColor(image.pixel(x, y)).name(), QColor(expected(*slide, level, whole(p.x()), whole(p.y()))).name());
            }
        }
    }

    void showsNoSeamsAndWhiteOutside() {
        auto view = bare_view();
        view->setSlide(std::make_shared<GreySlide>(5000, 4100));
        for (const double scale : {0.07, 0.113, 0.37, 0.9173, 1.31}) {
            view->setView({2500.3, 2050.7}, scale);
            QTRY_VERIFY(view->isSettled());
            const QImage image = picture(*view);
            const QRectF shown = view->transform().toWidget(QRectF(0, 0, 5000, 4100));
            const double dpr = view->devicePixelRatioF();
            const QRectF slide(shown.topLeft() * dpr, shown.size() * dpr);
            for (int y = 0; y < image.height(); ++y) {
                for (int x = 0; x < image.width(); ++x) {
                    const QRgb pixel = image.pixel(x, y);
                    if (slide.adjusted(2, 2, -16, -16).contains(x, y)) QCOMPARE(QColor(pixel).name(), QColor(200, 120, 160).name());
                    if (!slide.adjusted(-2, -2, 2, 2).contains(x, y)) QCOMPARE(QColor(pixel).name(), QColor(Qt::white).name());
                }
            }
        }
    }

    void readsOnlyWhatIsStillWanted() {
        const auto slide = std::make_shared<FakeSlide>(200000, 160000, std::vector<double>{1, 4, 16, 64, 256});
        auto view = bare_view();
        view->setSlide(slide);
        QTRY_VERIFY(view->isSettled());
        slide->hold(0);  // level 0 hangs, as on a slow disk
        const QPointF a(20000, 20000), b(100000, 80000), c(180000, 140000);
        const auto seen_at = [&](QPointF centre) {
            view->setView(centre, 1);
            const QRectF r = view->transform().visible();
            return view->loader()->tilesIn(0, r.x(), r.y(), r.width(), r.height());
        };
        const auto tiles_a = seen_at(a);
        QTest::qWait(50);  // the workers hang in A
        const auto tiles_b = seen_at(b);
        QTest::qWait(20);
        const auto tiles_c = seen_at(c);
        slide->hold(-1);
        QTRY_VERIFY(view->isSettled());
        const auto reads = slide->reads();
        const auto count = [&](const std::vector<TileKey>& tiles) {
            return std::count_if(reads.begin(), reads.end(),
                                 [&](const TileKey& r) { return std::find(tiles.begin(), tiles.end(), r) != tiles.end(); });
        };
        QVERIFY2(count(tiles_a) <= TileLoader::workers(), "more than the tiles in flight were read for a place already left");
        QCOMPARE(count(tiles_b), 0);
        QCOMPARE(count(tiles_c), static_cast<std::ptrdiff_t>(tiles_c.size()));
        QTRY_COMPARE(view->loader()->pending(), std::size_t{0});
        std::set<TileKey> once;
        for (const TileKey& key : slide->reads()) QVERIFY2(once.insert(key).second, "a tile was read twice");
    }

    void showsTheCoarseLevelWhileTheFineOneIsRead() {
        const auto slide = std::make_shared<GreySlide>(20000, 16000);
        slide->hold(0);
        auto view = bare_view();
        view->setSlide(slide);
        view->setView({10000, 8000}, 1);
        QTRY_COMPARE(middle_of(*view), QColor(200, 120, 160));
        QVERIFY(!view->isSettled());
        QSignalSpy settled(view.get(), &SlideView::settled);
        slide->hold(-1);
        QTRY_COMPARE(settled.count(), 1);
        QVERIFY(view->isSettled());
    }

    void staysResponsiveAndClosesWhileTilesHang() {
        const auto slide = std::make_shared<FakeSlide>(20000, 16000);
        slide->hold(9);
        auto view = bare_view();
        view->setSlide(slide);
        view->setView({10000, 8000}, 0.7);
        QVERIFY(!picture(*view).isNull());  // nothing to show yet, but it paints
        slide->hold(-1);
        view.reset();  // with readings under way
    }

    void readsAheadOfTheMotion() {
        const auto slide = std::make_shared<FakeSlide>(200000, 160000, std::vector<double>{1, 4, 16, 64, 256});
        auto view = bare_view();
        view->setSlide(slide);
        for (const QPointF by : {QPointF(40, 0), QPointF(-40, 0), QPointF(0, 30), QPointF(0, -30)}) {
            view->setView({100128, 80128}, 1);  // elsewhere each time: nothing of it has been read
            view->setView(QPointF(50128, 40128) + 400 * by, 1);
            QTRY_VERIFY(view->isSettled());
            QTRY_COMPARE(view->loader()->pending(), std::size_t{0});
            view->setView({150128, 120128}, 2);
            QTRY_VERIFY(view->isSettled());
            QTRY_COMPARE(view->loader()->pending(), std::size_t{0});
            slide->hold(0);
            const auto read_before = slide->reads().size();
            const QPointF start = QPointF(70128, 60128) + 500 * by;
            view->setView(start, 1);
            const QRectF first_seen = view->transform().visible();
            for (int i = 1; i <= 3; ++i) view->setView(start + i * by, 1);
            const QRectF seen = view->transform().visible();
            slide->hold(-1);
            QTRY_COMPARE(view->loader()->pending(), std::size_t{0});
            // Beyond what is seen, the tiles on the side it goes to come before the others around.
            std::ptrdiff_t ahead = 0, others = 0, late = 0;
            const auto reads = slide->reads();
            for (std::size_t i = read_before; i < reads.size(); ++i) {
                if (reads[i].level != 0) continue;
                const QRectF tile = view->loader()->tileRegion(reads[i]);
                const QPointF off = tile.center() - seen.center();
                if (tile.intersects(seen) || tile.intersects(first_seen) || off.manhattanLength() > 2000) continue;  // far away: was under way before
                const double along = QPointF::dotProduct(off, by);
                const bool beside = std::abs(by.x()) > 0 ? tile.bottom() <= seen.top() || tile.top() >= seen.bottom() : tile.right() <= seen.left() || tile.left() >= seen.right();
                if (along <= 0 || beside) ++others;  // of the ring around
                else ++ahead, late += others > 0;
            }
            QVERIFY(ahead > 0 && others > 0);
            QVERIFY2(late <= TileLoader::workers(), qPrintable(QString("%1 of %2").arg(late).arg(ahead)));  // a worker may be held up with one
        }
    }

    void keepsWithinItsMemory() {
        const auto slide = std::make_shared<FakeSlide>(60000, 60000);
        const std::size_t cap = std::size_t{24} << 20;
        auto loader = std::make_shared<TileLoader>(slide, std::size_t{8} << 20, cap);
        auto view = bare_view({500, 400});
        view->setLoader(loader);
        for (int i = 0; i < 12; ++i) {
            view->setView({3000.0 + 4000 * i, 5000.0 + 3000 * i}, 1);
            QTRY_VERIFY(view->isSettled());
            QVERIFY(loader->imageBytes() <= cap);
            QVERIFY(loader->cache().bytes() <= loader->cache().capacity());
        }
        // Too small a memory for one view: what is seen stays, and nothing is read over and over.
        auto tight = std::make_shared<TileLoader>(slide, std::size_t{1} << 20, 1);
        view->setLoader(tight);
        view->setView({30000, 30000}, 1);
        QTRY_VERIFY(view->isSettled());
        QTRY_COMPARE(tight->pending(), std::size_t{0});
    }

    void zoomsAtTheCursor() {
        auto view = bare_view();
        view->setSlide(std::make_shared<FakeSlide>(20000, 16000));
        view->setView({9000, 7000}, 0.3);
        const QPointF cursor(500, 100), under = view->transform().toSlide(cursor);
        for (const int angle : {120, 120, 360, -240, 15, -120, 1200, 12000}) {  // the last ones run into the limit
            wheel(*view, cursor, angle);
            const QPointF d = view->transform().toSlide(cursor) - under;
            QVERIFY(std::hypot(d.x(), d.y()) < 1e-6);
        }
        QVERIFY(view->transform().scale() <= 16);
    }

    void keysSetMagnifications() {
        auto view = bare_view();
        view->setSlide(std::make_shared<FakeSlide>(40000, 32000));
        const std::pair<int, double> keys[] = {{Qt::Key_1, 1},  {Qt::Key_2, 2.5}, {Qt::Key_3, 5},
                                               {Qt::Key_4, 10}, {Qt::Key_5, 20},  {Qt::Key_6, 40}};
        for (const auto& [key, times] : keys) {
            QTest::keyClick(view.get(), static_cast<Qt::Key>(key));
            QVERIFY(std::abs(*view->magnification() / times - 1) < 1e-9);
        }
        QCOMPARE(view->transform().scale(), 1.0);  // 40× at 0.25 µm/px
        QTest::keyClick(view.get(), Qt::Key_F);
        QVERIFY(view->transform().visible().contains(QRectF(0, 0, 40000, 32000)));
        view->resize(400, 700);  // stays fitted
        QVERIFY(view->transform().visible().contains(QRectF(0, 0, 40000, 32000)));
        view->setMpp(0.5);
        view->setMagnification(20);
        QCOMPARE(view->transform().scale(), 1.0);
        view->setMpp(0.25);
        const QPointF before = view->transform().centre();
        QTest::keyClick(view.get(), Qt::Key_Right);
        QVERIFY(view->transform().centre().x() > before.x());
    }

    void holdingHHidesTheLayers() {
        auto view = bare_view();
        Blob blob;
        view->addLayer(&blob);
        view->setSlide(std::make_shared<GreySlide>(4000, 4000));
        view->setView({2100, 2100}, 1);
        const auto middle = [&] { return middle_of(*view); };
        QCOMPARE(middle(), QColor(Qt::green));
        QTest::keyPress(view.get(), Qt::Key_H);
        QTRY_COMPARE(middle(), QColor(200, 120, 160));
        QTest::keyRelease(view.get(), Qt::Key_H);
        QCOMPARE(middle(), QColor(Qt::green));
        blob.setVisible(false);
        QCOMPARE(middle(), QColor(200, 120, 160));
    }

    void dragsPanAndClicksClick() {
        auto view = bare_view();
        view->setSlide(std::make_shared<FakeSlide>(20000, 16000));
        view->setView({9000, 7000}, 0.5);
        QSignalSpy clicks(view.get(), &SlideView::clicked), moves(view.get(), &SlideView::cursorMoved);
        drag(*view, {300, 200}, {360, 180});
        QCOMPARE(view->transform().centre(), QPointF(9000 - 120, 7000 + 40));
        QCOMPARE(clicks.count(), 0);
        QVERIFY(moves.count() > 0);
        drag(*view, {300, 200}, {240, 220}, Qt::MiddleButton);
        QCOMPARE(view->transform().centre(), QPointF(9000, 7000));
        drag(*view, {100, 100}, {100, 100});
        QCOMPARE(clicks.count(), 1);
        const QPointF at = view->transform().toSlide(QPointF(100, 100));
        QCOMPARE(clicks[0][0].toDouble(), at.x());
        QCOMPARE(clicks[0][1].toDouble(), at.y());

        view->setLeftDragPans(false);  // a drawing tool has the button …
        drag(*view, {300, 200}, {360, 180});
        QCOMPARE(view->transform().centre(), QPointF(9000, 7000));
        QTest::keyPress(view.get(), Qt::Key_Space);  // … until Space is held
        drag(*view, {300, 200}, {360, 180});
        QTest::keyRelease(view.get(), Qt::Key_Space);
        QCOMPARE(view->transform().centre(), QPointF(9000 - 120, 7000 + 40));
    }

    void quickDragsGlideOn() {
        auto view = bare_view();
        view->setSlide(std::make_shared<FakeSlide>(20000, 16000));
        const auto flick = [&](int step_ms, int held_ms) {
            view->setView({9000, 7000}, 0.5);
            quint64 ms = 1000;
            const auto send = [&](QEvent::Type type, double x, Qt::MouseButton button, Qt::MouseButtons held) {
                QMouseEvent event(type, QPointF(x, 200), view->mapToGlobal(QPointF(x, 200)), button, held, Qt::NoModifier);
                event.setTimestamp(ms);
                QApplication::sendEvent(view.get(), &event);
            };
            send(QEvent::MouseButtonPress, 500, Qt::LeftButton, Qt::LeftButton);
            for (int i = 1; i <= 6; ++i) {
                ms += static_cast<quint64>(step_ms);
                send(QEvent::MouseMove, 500 - 20 * i, Qt::NoButton, Qt::LeftButton);
            }
            ms += static_cast<quint64>(held_ms);
            send(QEvent::MouseButtonRelease, 380, Qt::LeftButton, Qt::NoButton);
        };
        const double dragged = 9000 + 120 / 0.5;
        flick(10, 5);  // 2 px/ms
        QTRY_VERIFY(view->transform().centre().x() > dragged + 400);
        QCOMPARE(view->transform().centre().y(), 7000.0);
        QTest::keyClick(view.get(), Qt::Key_F);  // any key holds it
        const QPointF still = view->transform().centre();
        QTest::qWait(60);
        QCOMPARE(view->transform().centre(), still);
        for (const auto& [step_ms, held_ms] : {std::pair{10, 300}, {200, 5}}) {  // held before letting go; slow
            flick(step_ms, held_ms);
            QTest::qWait(60);
            QCOMPARE(view->transform().centre().x(), dragged);
        }
    }

    void turnsThePictureAndItsLayers() {
        auto view = bare_view();
        Blob blob;  // at 2000 … 2200
        view->addLayer(&blob);
        view->setSlide(std::make_shared<FakeSlide>(4000, 3000));
        view->setView({2100, 1500}, 0.25);
        QTRY_VERIFY(view->isSettled());
        const QImage before = picture(*view);
        QTest::keyClick(view.get(), Qt::Key_E);
        QCOMPARE(view->transform().angle(), 90.0);
        QTRY_VERIFY(view->isSettled());
        const QImage turned = picture(*view);
        // Every point that both show, but for the map, the scale bar and edges of colours.
        int same = 0, compared = 0;
        for (int y = 60; y < turned.height() - 60; y += 7) {
            for (int x = 60; x < turned.width() - 200; x += 7) {
                const QPointF was = view->transform().upright().toWidget(view->transform().toSlide(QPointF(x + 0.5, y + 0.5)));
                const QPoint p(static_cast<int>(was.x()), static_cast<int>(was.y()));
                if (!before.rect().adjusted(60, 60, -200, -60).contains(p)) continue;
                ++compared;
                const QColor a = before.pixelColor(p), b = turned.pixelColor(x, y);
                same += std::abs(a.red() - b.red()) + std::abs(a.green() - b.green()) + std::abs(a.blue() - b.blue()) < 40;
            }
        }
        QVERIFY(compared > 500);
        QVERIFY2(same > compared * 97 / 100, qPrintable(QString("%1 of %2").arg(same).arg(compared)));
        QTest::keyClick(view.get(), Qt::Key_Q);
        QCOMPARE(view->transform().angle(), 0.0);
        view->setAngle(30);
        view->fit();
        QTRY_VERIFY(view->isSettled());
        QVERIFY(QRectF(view->rect()).contains(view->transform().toWidget(QRectF(0, 0, 4000, 3000))));
        const QPointF cursor(200, 150), under = view->transform().toSlide(cursor);
        QWheelEvent alt(cursor, view->mapToGlobal(cursor), {}, {120, 0}, Qt::NoButton, Qt::AltModifier, Qt::NoScrollPhase, false);
        QApplication::sendEvent(view.get(), &alt);
        QCOMPARE(view->transform().angle(), 35.0);
        const QPointF d = view->transform().toSlide(cursor) - under;
        QVERIFY(std::hypot(d.x(), d.y()) < 1e-6);
        view->setSlide(std::make_shared<FakeSlide>(4000, 3000));  // another slide is upright again
        QCOMPARE(view->transform().angle(), 0.0);
    }

    void overviewJumps() {
        SlideView view;
        view.resize(640, 480);
        view.show();
        view.setSlide(std::make_shared<FakeSlide>(20000, 10000));
        QTRY_VERIFY(!view.loader()->overview().isNull());
        view.setView({1000, 1000}, 1);
        // The map is 180 × 90 in the lower right corner, 12 away from the edges.
        drag(view, {640 - 12 - 90, 480 - 12 - 45}, {640 - 12 - 90, 480 - 12 - 45});
        QVERIFY(std::hypot(view.transform().centre().x() - 10000, view.transform().centre().y() - 5000) < 150);
    }

    void tellsTheHoveredThing() {
        auto view = bare_view();
        Blob blob;
        view->setSlide(std::make_shared<FakeSlide>(4000, 4000));
        view->addLayer(&blob);
        view->setView({2100, 2100}, 1);
        QSignalSpy hovers(view.get(), &SlideView::spotHovered), clicks(view.get(), &SlideView::spotClicked);
        mouse(*view, QEvent::MouseMove, {320, 240}, Qt::NoButton, Qt::NoButton);
        mouse(*view, QEvent::MouseMove, {325, 240}, Qt::NoButton, Qt::NoButton);
        mouse(*view, QEvent::MouseMove, {5, 5}, Qt::NoButton, Qt::NoButton);
        QCOMPARE(hovers.count(), 2);
        QCOMPARE(hovers[0][0].toInt(), 7);
        QCOMPARE(hovers[1][0].toInt(), -1);
        drag(*view, {320, 240}, {320, 240});
        QCOMPARE(clicks.count(), 1);
        QCOMPARE(clicks[0][0].toInt(), 7);
    }

    void layersMayGoFirst() {
        auto view = bare_view();
        view->setSlide(std::make_shared<FakeSlide>(4000, 4000));
        {
            Blob blob;
            view->addLayer(&blob);
            QCOMPARE(view->layers().size(), 1);
        }
        QCOMPARE(view->layers().size(), 0);
        QVERIFY(!picture(*view).isNull());
    }

    void linkedViewsShowTheSamePlace() {
        auto a = bare_view(), b = bare_view({300, 500});
        a->setSlide(std::make_shared<FakeSlide>(20000, 16000));
        b->setLoader(a->loader());
        SlideView::link(a.get(), b.get());
        a->setView({5000, 6000}, 0.8);
        QCOMPARE(b->transform().centre(), QPointF(5000, 6000));
        QCOMPARE(b->transform().scale(), 0.8);
        b->turnAt({10, 10}, 25);
        QCOMPARE(a->transform().angle(), 25.0);
        QCOMPARE(a->transform().centre(), b->transform().centre());
        wheel(*b, {10, 10}, 240);
        QCOMPARE(a->transform().centre(), b->transform().centre());
        QCOMPARE(a->transform().scale(), b->transform().scale());
        QTRY_VERIFY(a->isSettled() && b->isSettled());
        b.reset();
        a->setView({100, 100}, 1);
        QTRY_VERIFY(a->isSettled());
    }

    void emptyViewSaysWhatToDo() {
        SlideView view;
        view.resize(400, 300);
        view.setEmptyText("Drop a slide here");
        QVERIFY(!view.grab().isNull());
        QTest::keyClick(&view, Qt::Key_F);
        view.setView({1, 1}, 1);
        view.zoomAt({1, 1}, 2);
        view.setMagnification(20);
        QVERIFY(view.isSettled());
        view.setSlide(std::make_shared<FakeSlide>(4000, 4000));
        view.setSlide(nullptr);
        QVERIFY(!view.slide());
    }

    void realSlide() {
        C2L_REAL_DATA(path, "data/slides/aperio/CMU-1-Small-Region.svs");
        const auto slide = Slide::open(path, {}, {});
        SlideView view;
        view.resize(900, 650);
        view.show();
        view.setSlide(slide);
        QTRY_VERIFY(view.isSettled());
        QTRY_VERIFY(!view.loader()->overview().isNull());
        save_shot(view.grab().toImage(), "slide_fit");
        view.setView({1000, 1500}, 1);
        QTRY_VERIFY(view.isSettled());
        const QImage image = picture(view);
        save_shot(image, "slide_level0");
        // Away from scale bar and map, the pixels are those of the slide.
        const Image truth = slide->read({1000 - 450, 1500 - 325, 900, 650}, 900, 650);
        for (int y = 0; y < 420; y += 7) {
            for (int x = 0; x < 600; x += 7) {
                const auto* p = truth.at(x, y);
                QCOMPARE(image.pixel(x, y), qRgb(p[0], p[1], p[2]));
            }
        }
    }
};

QTEST_MAIN(TestSlideView)
#include "test_slide_view.moc"
