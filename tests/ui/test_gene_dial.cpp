// The gene dial, offscreen, over a small project and a worker that draws squares.
#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QSlider>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>

#include "ui/document/document.h"
#include "ui/gallery/tile_gallery.h"
#include "ui/mainwindow/main_window.h"
#include "ui/panels/central_field.h"
#include "ui/panels/gene_dial.h"
#include "ui/panels/job_panel.h"
#include "ui/panels/theme.h"
#include "ui/quick_window.h"
#include "ui/small_project.h"

using namespace c2l;
using namespace c2l::ui;
using c2l::test::make_window;
using c2l::test::SmallProject;

class TestGeneDial : public QObject {
    Q_OBJECT

    QTemporaryDir home_;
    SmallProject bare_, full_;

    static void open(MainWindow& window, const QString& file) {
        window.open(file);
        QTRY_VERIFY_WITH_TIMEOUT(window.document()->has_project() && window.document()->slide() && window.document()->spots() && window.document()->reports() && window.isQuiet(), 20000);
    }
    static void open_dial(MainWindow& window, const QString& file) {
        open(window, file);
        window.setTab("dial");
        QTRY_VERIFY_WITH_TIMEOUT(window.dial()->isQuiet() && !window.dial()->turned().isNull(), 20000);
    }

private Q_SLOTS:
    void initTestCase() {
        QVERIFY(home_.isValid());
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, home_.path());
        QCoreApplication::setOrganizationName("C2L test");
        apply_theme(*qApp, Theme::Light);
        bare_ = test::make_small_project(home_.filePath("bare"), false);
        full_ = test::make_small_project(home_.filePath("full"), true);
    }

    void says_what_to_do_without_a_generator() {
        const auto window = make_window();
        open(*window, bare_.project);
        window->setTab("dial");
        QTest::qWait(3 * GeneDial::kSettleMs);
        QCOMPARE(window->dial()->requests(), 0);
        QVERIFY(!window->dial()->findChild<QSlider*>("dial_slider")->isVisible());
    }

    void asks_only_when_it_is_seen() {
        const auto window = make_window();
        open(*window, full_.project);
        QTest::qWait(3 * GeneDial::kSettleMs);
        QCOMPARE(window->dial()->requests(), 0);
        window->setTab("dial");
        QTRY_VERIFY_WITH_TIMEOUT(window->dial()->isQuiet() && !window->dial()->turned().isNull(), 20000);
        QCOMPARE(window->dial()->requests(), 2);  // the spot's own tile, and the turned one
        QCOMPARE(window->dial()->gene(), QString("ERBB2"));
        QCOMPARE(window->dial()->findChild<QComboBox*>("dial_spot")->count(), int{SmallProject::kSpots});
        QCOMPARE(window->dial()->real().size(), QSize(128, 128));
        QVERIFY(window->dial()->own() != window->dial()->turned());
        QVERIFY2(window->dial()->message().contains("ERBB2 is at") && window->dial()->message().contains("+3.0 SD"), qPrintable(window->dial()->message()));
    }

    void the_newest_setting_wins() {
        const auto window = make_window();
        open_dial(*window, full_.project);
        GeneDial* dial = window->dial();
        dial->setValue(1);
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet(), 10000);
        const QImage at_one = dial->turned(), own = dial->own();
        const int before = dial->requests();
        auto* slider = dial->findChild<QSlider*>("dial_slider");
        slider->setFocus();
        for (int i = 0; i < 25; ++i) QTest::keyClick(slider, Qt::Key_Right);
        for (int i = 0; i < 25; ++i) QTest::keyClick(slider, Qt::Key_Left);
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet(), 10000);
        QCOMPARE(dial->value(), 1.0);
        QVERIFY(dial->turned() == at_one);
        QVERIFY(dial->own() == own);
        QVERIFY2(dial->requests() - before <= 3, qPrintable(QString::number(dial->requests() - before)));
        dial->setValue(4);
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet(), 10000);
        QVERIFY(dial->turned() != at_one);
        QVERIFY2(dial->message().contains("guess"), qPrintable(dial->message()));
    }

    void genes_may_go_along() {
        const auto window = make_window();
        open_dial(*window, full_.project);
        GeneDial* dial = window->dial();
        QVERIFY2(dial->message().contains("7 other genes moved along"), qPrintable(dial->message()));
        const QImage along = dial->turned();
        auto* box = dial->findChild<QCheckBox*>("dial_companions");
        QTest::mouseClick(box, Qt::LeftButton, {}, QPoint(8, box->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet() && dial->turned() != along, 10000);
        QVERIFY2(!dial->message().contains("along"), qPrintable(dial->message()));
    }

    void another_spot_is_another_pair() {
        const auto window = make_window();
        open_dial(*window, full_.project);
        GeneDial* dial = window->dial();
        const QImage real = dial->real();
        dial->setSpot("5x5");  // one that the worker refuses
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet() && dial->message().contains("5x5"), 10000);
        const int asked = dial->requests();
        QTest::qWait(3 * GeneDial::kSettleMs);
        QCOMPARE(dial->requests(), asked);  // not again and again
        dial->setSpot("3x2");
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet() && !dial->message().contains("5x5"), 10000);
        QVERIFY(dial->real() != real);
        dial->setGene("krt8");
        QCOMPARE(dial->gene(), QString("KRT8"));
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet() && dial->message().contains("KRT8"), 10000);
    }

    void the_gallery_leads_to_it() {
        const auto window = make_window();
        open(*window, full_.project);
        window->setTab("tiles");
        window->gallery()->select(1);
        QPushButton* button = nullptr;
        for (auto* b : window->gallery()->findChildren<QPushButton*>())
            if (b->text().contains("Turn")) button = b;
        QVERIFY(button);
        button->click();
        QVERIFY(window->dial()->isVisible());
        QTRY_VERIFY_WITH_TIMEOUT(window->dial()->isQuiet() && !window->dial()->turned().isNull(), 10000);
        QCOMPARE(window->dial()->spot(), QString("3x0"));
    }

    // An adapter of another central model is refused with an option of the command line: the window says where it is here, and it helps.
    void draws_with_the_central_model_of_the_job_panel() {
        const auto window = make_window();
        open_dial(*window, full_.project);
        GeneDial* dial = window->dial();
        QLineEdit* model = window->jobPanel()->central->edit();
        const QImage shipped = dial->own();
        model->setText(home_.filePath("wrong.safetensors"));
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet() && dial->message().contains("Central model in the Job panel"), 10000);
        QVERIFY(dial->own().isNull());
        model->setText(home_.filePath("own.safetensors"));
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet() && !dial->own().isNull() && !dial->turned().isNull(), 10000);
        QVERIFY(dial->own() != shipped);
        model->clear();
        QTRY_VERIFY_WITH_TIMEOUT(dial->isQuiet() && dial->own() == shipped, 10000);
    }

    void lives_on_when_the_worker_crashes() {
        const auto window = make_window();
        open_dial(*window, full_.project);
        window->dial()->setGene("CRASH");
        QTRY_VERIFY_WITH_TIMEOUT(window->dial()->isQuiet() && window->dial()->message().contains("crashed"), 10000);
        window->dial()->setGene("CD3E");
        QTRY_VERIFY_WITH_TIMEOUT(window->dial()->isQuiet() && window->dial()->message().contains("CD3E"), 10000);
        QVERIFY(!window->dial()->turned().isNull());
    }

    void closes_while_it_draws() {
        const auto window = make_window();
        open_dial(*window, full_.project);
        const int before = window->dial()->requests();
        window->dial()->setValue(-1);
        QTRY_VERIFY_WITH_TIMEOUT(window->dial()->requests() > before, 10000);
    }

    void differences_are_absolute() {
        QImage a(2, 1, QImage::Format_RGB32), b(2, 1, QImage::Format_RGB32);
        a.fill(Qt::white);
        b.fill(Qt::white);
        b.setPixel(1, 0, qRgb(0, 0, 0));
        int largest = 0;
        const QImage forth = difference_image(a, b, largest), back = difference_image(b, a, largest);
        QCOMPARE(largest, 255);
        QVERIFY(forth == back);
        b.setPixel(1, 0, qRgb(254, 254, 254));
        QVERIFY(qGray(difference_image(a, b, largest).pixel(1, 0)) < 30);  // rounding stays dark
        QVERIFY(qGray(forth.pixel(0, 0)) < 10 && qGray(forth.pixel(1, 0)) > 200);
        QVERIFY(difference_image(a, QImage(), largest).isNull());
    }

    // Set C2L_SHOTS to a folder to look at it.
    void saves_pictures() {
        const QString folder = qEnvironmentVariable("C2L_SHOTS", home_.filePath("shots"));
        QVERIFY(QDir().mkpath(folder));
        for (const Theme theme : {Theme::Light, Theme::Dark}) {
            apply_theme(*qApp, theme);
            const auto window = make_window();
            open_dial(*window, full_.project);
            QVERIFY(window->grab().save(QString("%1/%2-dial.png").arg(folder, to_string(theme))));
        }
    }
};

QTEST_MAIN(TestGeneDial)
#include "test_gene_dial.moc"
