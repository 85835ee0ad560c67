// View › Stain in the whole window: what is on screen, what stays, what is kept for the next session.
#include <QAction>
#include <QLabel>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>

#include "real_data.h"
#include "ui/document/document.h"
#include "ui/mainwindow/main_window.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/mainwindow/stain_menu.h"
#include "ui/panels/message_bar.h"
#include "ui/panels/theme.h"
#include "ui/quick_window.h"
#include "ui/small_project.h"

using namespace c2l;
using namespace c2l::ui;
using c2l::test::make_window;
using c2l::test::SmallProject;

namespace {

QImage picture(SlideView* view) { return view->grab().toImage().convertToFormat(QImage::Format_RGB32); }

// Mean distance of two pictures, grey levels.
double apart(const QImage& a, const QImage& b) {
    double sum = 0;
    for (int y = 0; y < a.height(); ++y)
        for (int x = 0; x < a.width(); ++x) sum += std::abs(qGray(a.pixel(x, y)) - qGray(b.pixel(x, y)));
    return sum / (a.width() * a.height());
}

}  // namespace

class TestStainMenu : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        QVERIFY(home_.isValid());
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, home_.path());
        QCoreApplication::setOrganizationName("C2L test");
        apply_theme(*qApp, Theme::Light);
        project_ = test::make_small_project(home_.filePath("project"), true);
    }

    void looksChangeAndThePlaceStays() {
        QSettings().remove("stain");
        const auto window = make_window();
        window->open(project_.project);
        QTRY_VERIFY_WITH_TIMEOUT(window->document()->slide() && window->document()->map() && window->isQuiet(), 20000);
        SlideView* view = window->slidePage()->view();
        window->setGene("");
        view->setView({900, 1100}, 0.6);
        view->setAngle(20);
        QTRY_VERIFY(window->isQuiet());
        const ViewTransform place = view->transform();
        const QImage scanned = picture(view);
        QVERIFY(view->note().isEmpty());
        for (const StainView look : {StainView::Haematoxylin, StainView::Eosin, StainView::Residual, StainView::Macenko, StainView::Reinhard}) {
            window->stain()->action(look)->trigger();
            QTRY_VERIFY(window->isQuiet() && view->loader()->look().view == look);
            QVERIFY(apart(picture(view), scanned) > 2);
            QCOMPARE(view->transform() == place, true);
            QVERIFY2(view->note().contains("View only: data and training unchanged"), qPrintable(view->note()));
            QCOMPARE(window->slidePage()->secondView()->note(), view->note());
        }
        view->setFocus();
        QTest::keyClick(view, Qt::Key_S);
        QTRY_VERIFY(window->isQuiet());
        QCOMPARE(picture(view), scanned);
        QTest::keyClick(view, Qt::Key_S);
        QCOMPARE(window->stain()->look().view, StainView::Reinhard);
        QVERIFY(window->stain()->action(StainView::Reinhard)->isChecked());
        window->stain()->action(StainView::Haematoxylin)->trigger();
        window->stain()->grey()->trigger();
        window->stain()->ownVectors()->trigger();
        QTRY_VERIFY(window->isQuiet());
        QVERIFY(view->note().contains("optical density 0 (white) to 1.5 (black)") && view->note().contains("this slide's stain vectors"));
    }

    void theNextSessionShowsTheSame() {
        const auto window = make_window();  // after the test above
        QVERIFY((window->stain()->look() == StainLook{StainView::Haematoxylin, true, true}));
        window->open(project_.project);
        QTRY_VERIFY_WITH_TIMEOUT(window->document()->slide() && window->isQuiet(), 20000);
        QTRY_VERIFY((window->slidePage()->view()->loader()->look() == StainLook{StainView::Haematoxylin, true, true}));
        QVERIFY(window->stain()->action(StainView::Haematoxylin)->isChecked() && window->stain()->grey()->isChecked() && window->stain()->ownVectors()->isChecked());
        window->stain()->setLook({StainView::Eosin});  // as the command line does, for this session alone
        QCOMPARE(make_window()->stain()->look().view, StainView::Haematoxylin);
        QSettings().remove("stain");
    }

    void everyChoiceSaysWhatItIs() {
        const auto window = make_window();
        for (const StainView view : stain_views()) QVERIFY(!window->stain()->action(view)->toolTip().isEmpty());
        QVERIFY(window->stain()->grey()->toolTip().contains("1.5"));
        QVERIFY(window->stain()->compare()->toolTip().contains("(S)"));
    }

    void aRealSection() {
        C2L_REAL_DATA(path, "data/slides/derived/her2st_C4_generic_pyramid.tif");
        QSettings().remove("stain");
        const auto window = make_window();
        window->document()->open_slide(QString::fromStdString(path.string()));
        QTRY_VERIFY_WITH_TIMEOUT(window->document()->slide() && window->isQuiet(), 20000);
        SlideView* view = window->slidePage()->view();
        view->setView({2300, 2100}, 0.5);
        QTRY_VERIFY(window->isQuiet());
        const QImage scanned = picture(view);
        const ViewTransform place = view->transform();
        for (const StainView look : {StainView::Haematoxylin, StainView::Eosin, StainView::Macenko, StainView::Reinhard}) {
            window->stain()->action(look)->trigger();
            QTRY_VERIFY_WITH_TIMEOUT(window->isQuiet() && view->loader()->look().view == look, 20000);
            QVERIFY(apart(picture(view), scanned) > 3);
            QCOMPARE(view->transform() == place, true);
        }
        QSettings().remove("stain");
    }

private:
    QTemporaryDir home_;
    SmallProject project_;
};

QTEST_MAIN(TestStainMenu)
#include "test_stain_menu.moc"
