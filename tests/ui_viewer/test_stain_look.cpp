// Looks of the slide view: pixels change, the place stays, what is no longer wanted is not read.
#include <QSignalSpy>
#include <QtTest>

#include "base/random.h"
#include "fake_slide.h"
#include "ui/viewer/slide_view.h"

using namespace c2l;

namespace {

// Two stains in changing amounts, the same on every level.
class StainedSlide : public FakeSlide {
public:
    using FakeSlide::FakeSlide;
    Colour pixel(int, std::int64_t x, std::int64_t y) const override {
        const StainVectors v = standard_stain_vectors();
        const double h = ((x >> 5) * 7 + (y >> 5) * 13) % 11 / 10.0, e = ((x >> 5) * 5 + (y >> 5) * 3) % 7 / 7.0;
        Colour colour{};
        for (std::size_t c = 0; c < 3; ++c) colour[c] = static_cast<std::uint8_t>(std::clamp(std::lround(256 * std::pow(10, -(h * v.haematoxylin[c] + e * v.eosin[c])) - 1), 0L, 255L));
        return colour;
    }
};

class GreySlide : public FakeSlide {
public:
    using FakeSlide::FakeSlide;
    Colour pixel(int, std::int64_t, std::int64_t) const override { return {120, 120, 120}; }
};

QRgb recoloured(const FakeSlide::Colour& c, const StainTransform& transform) {
    Image one(1, 1);
    std::copy(c.begin(), c.end(), one.rgb.begin());
    transform.apply(one);
    return qRgb(one.rgb[0], one.rgb[1], one.rgb[2]);
}

std::unique_ptr<SlideView> bare_view(std::shared_ptr<const Slide> slide) {
    auto view = std::make_unique<SlideView>();
    view->setOverviewVisible(false);
    view->setScaleBarVisible(false);
    view->resize(640, 480);
    view->show();
    view->setSlide(std::move(slide));
    return view;
}

QImage picture(SlideView& view) { return view.grab().toImage().convertToFormat(QImage::Format_RGB32); }

}  // namespace

class TestStainLook : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void pixelsChangeAndThePlaceStays() {
        const auto slide = std::make_shared<StainedSlide>(25600, 20480);
        const auto view = bare_view(slide);
        view->setView({12800, 10240}, 1);
        view->setAngle(90);
        QTRY_VERIFY(view->isSettled());
        const ViewTransform place = view->transform();
        const QImage scanned = picture(*view);
        for (const StainLook& look : {StainLook{StainView::Haematoxylin}, StainLook{StainView::Haematoxylin, false, true}, StainLook{StainView::Eosin}, StainLook{StainView::Residual}}) {
            view->loader()->setLook(look);
            QCOMPARE(view->loader()->look() == look, true);  // at once: no estimate is needed
            QTRY_VERIFY(view->isSettled());
            QCOMPARE(view->transform() == place, true);
            const StainTransform transform(look, nullptr);
            const QImage image = picture(*view);
            QVERIFY(image != scanned);
            for (int y = 1; y < 480; y += 17)
                for (int x = 1; x < 640; x += 13) {
                    const QPointF p = place.toSlide(QPointF(x + 0.5, y + 0.5));
                    QCOMPARE(image.pixel(x, y), recoloured(slide->pixel(0, static_cast<std::int64_t>(p.x()), static_cast<std::int64_t>(p.y())), transform));
                }
        }
        // Back again: the tiles are still there, nothing is decoded twice.
        const auto reads = slide->reads().size();
        view->loader()->setLook({});
        QVERIFY(view->isSettled());
        QCOMPARE(picture(*view), scanned);
        QCOMPARE(slide->reads().size(), reads);
        std::set<TileKey> once;
        for (const TileKey& key : slide->reads()) QVERIFY2(once.insert(key).second, "a tile was decoded twice");
    }

    void staleTilesAreDroppedAndCoarseOnesShown() {
        const auto slide = std::make_shared<StainedSlide>(100000, 80000, std::vector<double>{1, 4, 16, 64});
        const auto view = bare_view(slide);
        QTRY_VERIFY(view->isSettled());
        slide->hold(0);  // level 0 hangs
        view->setView({50016, 40016}, 1);
        QTest::qWait(50);  // the workers hang in it
        view->loader()->setLook({StainView::Haematoxylin, false, true});
        QVERIFY(!view->isSettled());
        slide->hold(-1);
        QTRY_VERIFY(view->isSettled());
        QTRY_COMPARE(view->loader()->pending(), std::size_t{0});
        // Of the look before there is no more than was being read when it was left.
        view->loader()->setLook({});
        const QRectF seen = view->transform().visible();
        const auto keys = view->loader()->tilesIn(0, seen.x(), seen.y(), seen.width(), seen.height());
        QVERIFY(std::count_if(keys.begin(), keys.end(), [&](const TileKey& key) { return view->loader()->has(key); }) <= TileLoader::workers());
        // Elsewhere, with level 0 hanging: the coarse level comes in the new colours.
        view->setView({20016, 20016}, 0.25);
        QTRY_VERIFY(view->isSettled());
        slide->hold(0);
        view->setView({20016, 20016}, 1);
        view->loader()->setLook({StainView::Eosin, false, true});
        const StainTransform transform({StainView::Eosin, false, true}, nullptr);
        const auto is_grey = [&] {
            const QColor c(picture(*view).pixel(320, 240));
            return c.red() == c.green() && c.green() == c.blue() && c.red() < 250;
        };
        QTRY_VERIFY(is_grey());
        QVERIFY(!view->isSettled());
        slide->hold(-1);
        QTRY_VERIFY(view->isSettled());
    }

    void theSlidesOwnStainIsEstimatedBesideTheWindow() {
        const auto slide = std::make_shared<StainedSlide>(12800, 10240);
        const auto view = bare_view(slide);
        view->setView({6400, 5120}, 1);
        QTRY_VERIFY(view->isSettled());
        const QImage scanned = picture(*view);
        const ViewTransform place = view->transform();
        QSignalSpy changed(view->loader().get(), &TileLoader::lookChanged);
        view->loader()->setLook({StainView::Macenko});
        QVERIFY(view->loader()->isEstimating());
        QCOMPARE(picture(*view), scanned);  // until it is known
        QTRY_COMPARE(changed.count(), 1);
        QVERIFY(!view->loader()->isEstimating() && view->loader()->profile());
        QTRY_VERIFY(view->isSettled());
        QVERIFY(picture(*view) != scanned);
        QCOMPARE(view->transform() == place, true);
        view->loader()->setLook({StainView::Reinhard});  // known by now
        QVERIFY(!view->loader()->isEstimating());
        QCOMPARE(changed.count(), 2);
        // Asked for and given up while it is estimated: what was asked for last counts.
        const auto other = bare_view(std::make_shared<StainedSlide>(12800, 10240));
        other->loader()->setLook({StainView::Macenko});
        other->loader()->setLook({StainView::Eosin});
        QTRY_VERIFY(!other->loader()->isEstimating());
        QCOMPARE(other->loader()->look() == StainLook{StainView::Eosin}, true);
    }

    void aSlideWithoutStainKeepsItsColours() {
        const auto view = bare_view(std::make_shared<GreySlide>(5120, 5120));
        QSignalSpy failed(view->loader().get(), &TileLoader::lookFailed), changed(view->loader().get(), &TileLoader::lookChanged);
        view->loader()->setLook({StainView::Macenko});
        QTRY_COMPARE(failed.count(), 1);
        QVERIFY(failed[0][0].toString().contains("standard stain vectors"));
        QCOMPARE(changed.count(), 0);
        QCOMPARE(view->loader()->look() == StainLook{}, true);
    }

    void closesWhileItEstimates() {
        for (int i = 0; i < 5; ++i) {
            const auto view = bare_view(std::make_shared<StainedSlide>(12800, 10240));
            view->loader()->setLook({StainView::Macenko});
            QTest::qWait(4 * i);
        }
    }
};

QTEST_MAIN(TestStainLook)
#include "test_stain_look.moc"
