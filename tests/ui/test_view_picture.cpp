// Pictures of the slide view: pixels, scale bar, colour bar, and a text that tells nothing of a patient; bins in the whole window.
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QMouseEvent>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "base/file.h"
#include "base/hash.h"
#include "project/project.h"
#include "ui/document/document.h"
#include "ui/mainwindow/annotations.h"
#include "ui/mainwindow/main_window.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/mainwindow/stain_menu.h"
#include "ui/mainwindow/view_picture.h"
#include "ui/panels/expression_panel.h"
#include "ui/panels/theme.h"
#include "ui/quick_window.h"
#include "ui/small_project.h"

using namespace c2l;
using namespace c2l::ui;
using c2l::test::make_window;
using c2l::test::SmallProject;

namespace {

// Share of pixels that differ visibly.
double different(const QImage& a, const QImage& b, const QRect& where) {
    int n = 0;
    for (int y = where.top(); y <= where.bottom(); ++y)
        for (int x = where.left(); x <= where.right(); ++x) n += std::abs(qGray(a.pixel(x, y)) - qGray(b.pixel(x, y))) > 40;
    return static_cast<double>(n) / (where.width() * where.height());
}

// Space Ranger's layout of bins, side × side of them, with counts of one gene that tell the column.
void write_bins(const std::filesystem::path& folder, int side) {
    std::string positions = "barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres\n", barcodes, entries;
    for (int i = 0; i < side * side; ++i) {
        const std::string name = "s_008um_" + std::to_string(i / side) + "_" + std::to_string(i % side) + "-1";
        positions += name + ",1," + std::to_string(i / side) + "," + std::to_string(i % side) + "," + std::to_string(108 + 16 * (i / side)) + "," + std::to_string(108 + 16 * (i % side)) + "\n";
        barcodes += name + "\n";
        entries += "1 " + std::to_string(i + 1) + " " + std::to_string(1 + i % side) + "\n";
    }
    const std::string n = std::to_string(side * side);
    write_file(folder / "spatial" / "tissue_positions.csv", positions);
    write_file(folder / "spatial" / "scalefactors_json.json", R"({"spot_diameter_fullres": 16, "bin_size_um": 8.0, "microns_per_pixel": 0.5, "tissue_hires_scalef": 0.1})");
    write_file(folder / "filtered_feature_bc_matrix" / "barcodes.tsv", barcodes);
    write_file(folder / "filtered_feature_bc_matrix" / "features.tsv", "E1\tACTB\tGene Expression\nE2\tKRT5\tGene Expression\n");
    write_file(folder / "filtered_feature_bc_matrix" / "matrix.mtx", "%%MatrixMarket matrix coordinate integer general\n2 " + n + " " + n + "\n" + entries);
}

}  // namespace

class TestViewPicture : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        QVERIFY(home_.isValid());
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, home_.path());
        QCoreApplication::setOrganizationName("C2L test");
        apply_theme(*qApp, Theme::Light);
        project_ = test::make_small_project(home_.filePath("Smith-John"), true);
        window_ = make_window();
        window_->open(project_.project);
        QTRY_VERIFY_WITH_TIMEOUT(window_->document()->slide() && window_->document()->map() && window_->isQuiet(), 20000);
        window_->expressionPanel()->setPredicted(false);
        window_->setGene("ERBB2");
        view_ = window_->slidePage()->view();
        view_->setOverviewVisible(false);
        view_->setView({1000, 1000}, 0.4);
        QTRY_VERIFY(window_->isQuiet());
    }
    void cleanupTestCase() { window_.reset(); }

    void savesWhatIsShown() {
        const QString file = home_.filePath("view.png");
        QSignalSpy saved(window_->picture(), &ViewPicture::saved);
        for (const double angle : {0.0, 30.0}) {
            view_->setAngle(angle);
            QTRY_VERIFY(window_->isQuiet());
            const QImage shown = view_->grab().toImage();
            window_->picture()->save(file);
            QVERIFY(window_->picture()->isBusy());  // the window does not wait
            QVERIFY(saved.wait(10000));
            const QImage picture(file);
            QCOMPARE(picture.size(), shown.size());
            const QRect beside_the_bar(0, 0, shown.width() - 130, shown.height());
            QVERIFY2(different(picture, shown, beside_the_bar) < 0.03, qPrintable(QString::number(different(picture, shown, beside_the_bar))));
            // The colour bar is drawn over it, in the other corner.
            QVERIFY(different(picture, shown, QRect(shown.width() - 124, shown.height() - 188, 112, 176)) > 0.1);
        }
        view_->setAngle(0);
    }

    void twiceTheResolutionIsSharper() {
        const QString file = home_.filePath("twice.png");
        QSignalSpy saved(window_->picture(), &ViewPicture::saved);
        window_->picture()->save(file, 2);
        QVERIFY(saved.wait(10000));
        const QImage picture(file);
        QCOMPARE(picture.size(), view_->size() * 2);
        QCOMPARE(picture.text("Micrometres per pixel").toDouble(), 0.5 / 0.8);
        // Not what is on screen enlarged: neighbouring pixels differ.
        int pairs = 0;
        for (int y = 200; y < 600; ++y)
            for (int x = 200; x < 800; x += 2) pairs += picture.pixel(x, y) != picture.pixel(x + 1, y);
        QVERIFY(pairs > 5000);
    }

    void theTextTellsTheSlideByItsContentAlone() {
        const QString file = home_.filePath("text.png");
        QSignalSpy saved(window_->picture(), &ViewPicture::saved);
        window_->picture()->save(file);
        QVERIFY(saved.wait(10000));
        const QImage picture(file);
        QVERIFY(picture.text("Software").startsWith("C2L Studio"));
        QCOMPARE(picture.text("Slide").toStdString(), sha256_file(project_.slide.toStdString()));
        QCOMPARE(picture.text("Micrometres per pixel").toDouble(), 0.5 / 0.4);
        QVERIFY(picture.text("Content").contains("measured: ERBB2, log(1 + counts)"));
        QVERIFY(picture.text("Description").isEmpty());  // nothing of it was predicted
        QFile bytes(file);
        QVERIFY(bytes.open(QIODevice::ReadOnly));
        const QByteArray all = bytes.readAll();
        for (const char* name : {"Smith", "section", ".tif"}) QVERIFY2(!all.contains(name), name);
    }

    // As an exported figure: whose model the prediction rests on, and under what licence.
    void thePredictedMapIsCredited() {
        const QString file = home_.filePath("predicted.png");
        QSignalSpy saved(window_->picture(), &ViewPicture::saved);
        window_->expressionPanel()->setPredicted(true);
        QTRY_VERIFY(window_->isQuiet());
        window_->picture()->save(file);
        QVERIFY(saved.wait(10000));
        QCOMPARE(QImage(file).text("Description"),
                 QString("Predicted expression of ERBB2, C2L Studio, map 0a1b. Central model c2l-central-tiny under CC BY 4.0 (Trained on images of Alder & Birch 2021)"));
        window_->expressionPanel()->setShown(false);  // the bare slide
        QTRY_VERIFY(window_->isQuiet());
        window_->picture()->save(file);
        QVERIFY(saved.wait(10000));
        QVERIFY(QImage(file).text("Description").isEmpty());
        window_->expressionPanel()->setShown(true);
        window_->expressionPanel()->setPredicted(false);
        QTRY_VERIFY(window_->isQuiet());
    }

    void copiesBothViewsAndTheStain() {
        window_->setSideBySide(true);
        window_->stain()->action(StainView::Haematoxylin)->trigger();
        QTRY_VERIFY(window_->isQuiet());
        QSignalSpy copied(window_->picture(), &ViewPicture::copied);
        window_->picture()->copy();
        QVERIFY(copied.wait(10000));
        const QImage picture = QApplication::clipboard()->image();
        QCOMPARE(picture.width(), view_->width() + window_->slidePage()->secondView()->width() + 4);
        QVERIFY(picture.text("Content").contains("measured: ERBB2") && picture.text("Content").contains("predicted: ERBB2") && picture.text("Content").contains("Haematoxylin"));
        QVERIFY(picture.text("Description").contains("CC BY 4.0"));
        const QImage shown = window_->slidePage()->view()->grab().toImage();
        QVERIFY(different(picture, shown, QRect(0, 120, shown.width() - 130, shown.height() - 200)) < 0.03);
        window_->stain()->action(StainView::Original)->trigger();
        window_->setSideBySide(false);
        QTRY_VERIFY(window_->isQuiet());
    }

    void saysWhatIsWrong() {
        QSignalSpy failed(window_->picture(), &ViewPicture::failed);
        window_->picture()->save(home_.filePath("no/such/folder/view.png"));
        QVERIFY(failed.wait(10000));
        QVERIFY(failed[0][0].toString().contains("another folder"));
        const auto empty = make_window();
        QSignalSpy nothing(empty->picture(), &ViewPicture::failed);
        empty->picture()->copy();
        QCOMPARE(nothing.count(), 1);
    }

    // Bins of Visium HD in the whole window: drawn as one picture, hovered and selected like spots.
    void binsAreDrawnHoveredAndSelected() {
        constexpr int kSide = 100;
        const std::filesystem::path folder = home_.filePath("hd").toStdString(), bins = folder / "square_008um";
        write_bins(bins, kSide);
        const auto project = Project::create(folder / "hd.c2l");
        ProjectSlide s;
        s.path = project_.slide.toStdString();
        s.content_id = sha256_file(s.path);
        ProjectSpots p;
        p.slide = project->add_slide(s);
        p.spots = bins;
        p.format = "visium_hd";
        project->add_spots(p);
        const auto window = make_window();
        window->open(QString::fromStdString((folder / "hd.c2l").string()));
        QTRY_VERIFY_WITH_TIMEOUT(window->document()->spots() && window->document()->slide() && window->isQuiet(), 20000);
        SlidePage* page = window->slidePage();
        QVERIFY(window->document()->spots()->spots.square);
        QVERIFY(page->spots()->areBins());
        QCOMPARE(page->spots()->count(), std::size_t{kSide * kSide});
        window->setGene("ACTB");
        QTRY_VERIFY(window->isQuiet());
        QCOMPARE(page->spots()->values().size(), std::size_t{kSide * kSide});
        SlideView* view = page->view();
        view->setView({108 + 16 * 50, 108 + 16 * 40}, 1);
        QTRY_VERIFY(window->isQuiet());
        // Bin of column 50, row 40 is one square of one colour.
        page->spots()->setOpacity(1);
        const QImage picture = view->grab().toImage();
        const QPoint middle = view->transform().toWidget(QPointF(108 + 16 * 50, 108 + 16 * 40)).toPoint();
        for (const QPoint off : {QPoint(-5, -5), QPoint(5, -5), QPoint(5, 5)}) QCOMPARE(picture.pixel(middle + off), picture.pixel(middle));
        QSignalSpy pointed(page, &SlidePage::pointed);
        QMouseEvent move(QEvent::MouseMove, middle, view->mapToGlobal(middle), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
        QApplication::sendEvent(view, &move);
        const QString text = pointed.last().front().toString();
        QVERIFY2(text.contains("s_008um_40_50-1") && text.contains("ACTB 3.95 log(1 + counts)"), qPrintable(text));
        QTest::mouseClick(view, Qt::LeftButton, Qt::NoModifier, middle);
        QCOMPARE(window->annotations()->spots()->barcodes(), std::vector<std::string>{"s_008um_40_50-1"});
        window->annotations()->spots()->takeLasso(rectangle({100, 100}, {100 + 16 * 3, 100 + 16 * 2}), LassoMode::Replace);
        QCOMPARE(window->annotations()->spots()->barcodes().size(), std::size_t{6});
        QVERIFY(view->grab().toImage() != picture);
    }

private:
    QTemporaryDir home_;
    SmallProject project_;
    std::unique_ptr<MainWindow> window_;
    SlideView* view_ = nullptr;
};

QTEST_MAIN(TestViewPicture)
#include "test_view_picture.moc"
