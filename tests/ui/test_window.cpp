// The whole window, offscreen, over a small project and a worker whose jobs take a moment.
#include <QComboBox>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSpinBox>
#include <QStatusBar>
#include <QTabBar>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QtGui/QDropEvent>

#include "ui/document/document.h"
#include "ui/gallery/tile_gallery.h"
#include "ui/landscape/landscape_view.h"
#include "ui/mainwindow/annotations.h"
#include "ui/mainwindow/main_window.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/panels/expression_panel.h"
#include "ui/panels/import_form.h"
#include "ui/panels/job_panel.h"
#include "ui/panels/message_bar.h"
#include "ui/panels/preview_list.h"
#include "ui/panels/project_panel.h"
#include "ui/panels/report_panel.h"
#include "ui/panels/report_text.h"
#include "ui/panels/theme.h"
#include "ui/plots/loss_plot.h"
#include "ui/quick_window.h"
#include "ui/small_project.h"

using namespace c2l;
using namespace c2l::ui;
using c2l::test::make_window;
using c2l::test::SmallProject;
using c2l::test::tiles_of;

namespace {

void drop(QWidget* target, const QStringList& files) {
    QMimeData data;
    QList<QUrl> urls;
    for (const QString& file : files) urls << QUrl::fromLocalFile(file);
    data.setUrls(urls);
    QDragEnterEvent enter(QPoint(5, 5), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(target, &enter);
    QVERIFY(enter.isAccepted());
    QDropEvent event(QPointF(5, 5), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
    QApplication::sendEvent(target, &event);
}

}  // namespace

class TestWindow : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void says_what_to_do_when_empty();
    void opens_a_project();
    void recolours_for_a_searched_gene();
    void shows_the_predicted_map();
    void shows_measured_and_predicted_side_by_side();
    void side_by_side_keeps_place_and_rotation();
    void both_views_show_annotations();
    void says_what_is_under_the_cursor();
    void limits_follow_the_fields();
    void shows_pairs_of_tiles();
    void pairs_help_only_beyond_their_controls();
    void shows_the_report();
    void a_dropped_folder_fills_the_form();
    void the_form_forgets_an_earlier_section();
    void a_slide_without_scale_needs_it();
    void a_long_file_name_does_not_widen_the_panel();
    void a_dropped_project_opens();
    void a_broken_project_is_one_sentence();
    void a_hostile_tile_is_a_placeholder();
    void saves_pictures();

private:
    void open(MainWindow& window, const QString& file) {
        window.open(file);
        QTRY_VERIFY_WITH_TIMEOUT(window.document()->has_project() && window.document()->slide() && window.document()->reports() && window.isQuiet(), 20000);
    }
    QTemporaryDir home_;
    SmallProject bare_, full_;
};

void TestWindow::initTestCase() {
    QVERIFY(home_.isValid());
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, home_.path());
    QCoreApplication::setOrganizationName("C2L test");
    apply_theme(*qApp, Theme::Light);
    bare_ = test::make_small_project(home_.filePath("bare"), false);
    full_ = test::make_small_project(home_.filePath("full"), true);
}

void TestWindow::says_what_to_do_when_empty() {
    const auto window = make_window();
    QVERIFY(window->projectPanel()->form()->isVisible());
    QVERIFY(!window->jobPanel()->run->isEnabled());
    QVERIFY(!window->jobPanel()->stop->isEnabled());
    QVERIFY(window->jobPanel()->status().contains("open a project"));
    QVERIFY(window->report()->text().contains("No results yet"));
    QVERIFY(!window->expressionPanel()->search()->isEnabled());
}

void TestWindow::opens_a_project() {
    const auto window = make_window();
    open(*window, bare_.project);
    QCOMPARE(window->slidePage()->spots()->count(), std::size_t{SmallProject::kSpots});
    QCOMPARE(window->slidePage()->spots()->diameter(), 200.0);
    QVERIFY(window->jobPanel()->run->isEnabled());
    QCOMPARE(window->jobPanel()->spots->maximum(), int{SmallProject::kSpots});
    QVERIFY(!window->expressionPanel()->predictedButton()->isEnabled());
    QVERIFY(window->projectPanel()->form()->isHidden());
    QVERIFY(window->windowTitle().startsWith("section"));
    QCOMPARE(window->document()->mpp(), 0.5);
}

void TestWindow::recolours_for_a_searched_gene() {
    const auto window = make_window();
    open(*window, bare_.project);
    const SlidePage* page = window->slidePage();
    QLineEdit* search = window->expressionPanel()->search();
    search->clear();
    QTest::keyClicks(search, "erbb2");
    QTRY_VERIFY(page->isQuiet());
    const auto& values = page->spots()->values();
    QCOMPARE(values.size(), std::size_t{SmallProject::kSpots});
    QVERIFY(qAbs(values[1] - std::log1p(8.f)) < 1e-5f);  // column 1 of the grid
    const std::vector<float> before = values;
    search->clear();
    QTest::keyClicks(search, "CD3E");
    QTRY_VERIFY(page->isQuiet());
    QVERIFY(page->spots()->values() != before);
    QTest::keyClicks(search, "XYZ");
    QVERIFY(window->expressionPanel()->settings().gene.isEmpty());
    search->clear();
    QTRY_VERIFY(page->isQuiet());
    QVERIFY(page->spots()->values().empty());  // plain rings
    // Many changes at once: the last one is what is shown in the end.
    for (const char* gene : {"ERBB2", "CD3E", "KRT8", "CD3E", "ERBB2"}) window->setGene(gene);
    QTRY_VERIFY(page->isQuiet());
    QCOMPARE(page->spots()->values(), before);
    QVERIFY(page->legend(page->view())->shown.title.compare("ERBB2", Qt::CaseInsensitive) == 0);
}

void TestWindow::shows_the_predicted_map() {
    const auto window = make_window();
    open(*window, full_.project);
    QVERIFY(window->expressionPanel()->settings().predicted);  // the result of the job comes first
    QVERIFY(window->slidePage()->map()->isVisible());
    QVERIFY(!window->slidePage()->spots()->isVisible());
    window->setGene("krt8");
    QCOMPARE(window->expressionPanel()->settings().gene, QString("KRT8"));
    QTRY_VERIFY(window->isQuiet());
    QCOMPARE(window->slidePage()->map()->values().size(), std::size_t{24 * 24});
    QCOMPARE(window->slidePage()->map()->grid().cols, 24);
    QCOMPARE(window->document()->map_unit(), QString("log(1 + counts)"));
    window->expressionPanel()->setPredicted(false);
    QVERIFY(window->slidePage()->spots()->isVisible());
    QVERIFY(!window->slidePage()->map()->isVisible());
}

void TestWindow::shows_measured_and_predicted_side_by_side() {
    const auto window = make_window();
    open(*window, full_.project);
    window->setGene("KRT8");
    SlidePage* page = window->slidePage();
    const auto layers = page->view()->layers();
    page->view()->setFocus();
    QTest::keyClick(page->view(), Qt::Key_T);
    QVERIFY(page->isSideBySide() && page->secondView()->isVisible());
    QVERIFY(page->spots()->isVisible() && page->map()->isVisible());
    QVERIFY(!page->view()->layers().contains(page->map()) && page->secondView()->layers().front() == page->map() && !page->secondView()->layers().contains(page->spots()));
    QTRY_COMPARE(page->spots()->values().size(), std::size_t{SmallProject::kSpots});
    QCOMPARE(page->secondView()->loader(), page->view()->loader());  // tiles are read once for both
    page->secondView()->setMagnification(10);
    page->secondView()->turnAt({20, 20}, 30);
    QCOMPARE(page->view()->transform().scale(), page->secondView()->transform().scale());
    QCOMPARE(page->view()->transform().angle(), 30.0);
    QCOMPARE(page->view()->transform().centre(), page->secondView()->transform().centre());
    QTest::keyClick(page->view(), Qt::Key_T);
    QVERIFY(!page->secondView()->isVisible());
    QCOMPARE(page->view()->layers(), layers);  // the map beneath the spots, as before
    QVERIFY(page->map()->isVisible() && !page->spots()->isVisible());
    QCOMPARE(window->expressionPanel()->settings().gene, QString("KRT8"));
}

void TestWindow::side_by_side_keeps_place_and_rotation() {
    const auto window = make_window();
    open(*window, full_.project);
    SlideView *left = window->slidePage()->view(), *right = window->slidePage()->secondView();
    left->setView({700, 1300}, 0.8);
    left->setAngle(30);
    const QPointF centre = left->transform().centre();
    left->setFocus();
    for (int times = 0; times < 2; ++times) {
        QTest::keyClick(left, Qt::Key_T);
        QTRY_VERIFY(right->isVisible() && right->width() > 100);
        for (const SlideView* view : {left, right}) {
            QCOMPARE(view->transform().centre(), centre);
            QCOMPARE(view->transform().scale(), 0.8);
            QCOMPARE(view->transform().angle(), 30.0);
        }
        QTest::keyClick(left, Qt::Key_T);
        QCOMPARE(left->transform().centre(), centre);
        QCOMPARE(left->transform().scale(), 0.8);
        QCOMPARE(left->transform().angle(), 30.0);
    }
    QTRY_VERIFY(left->width() > 500);
    left->fit();  // what is fitted stays fitted in the smaller view and in the larger one again
    const double whole = left->transform().scale();
    QTest::keyClick(left, Qt::Key_T);
    QTRY_VERIFY(left->transform().scale() < whole);
    QVERIFY(left->transform().visible().contains(QRectF(0, 0, SmallProject::kSide, SmallProject::kSide)));
    QTest::keyClick(left, Qt::Key_T);
    QTRY_COMPARE(left->transform().scale(), whole);
    QCOMPARE(left->transform().angle(), 30.0);
}

void TestWindow::both_views_show_annotations() {
    const auto window = make_window();
    open(*window, full_.project);
    SlidePage* page = window->slidePage();
    page->setSideBySide(true);
    const auto above = [](const SlideView* view) {
        QList<Layer*> layers = view->layers();
        layers.removeIf([](Layer* layer) { return qobject_cast<SpotOverlay*>(layer) || qobject_cast<MapOverlay*>(layer); });
        return layers;
    };
    QCOMPARE(above(page->view()).size(), 2);  // shapes, and labels of spots
    QCOMPARE(above(page->secondView()), above(page->view()));
    QCOMPARE(page->secondView()->layers().front(), page->map());  // beneath them
    // A square in the middle of nothing is seen in both.
    window->setGene("");
    QTRY_VERIFY(window->isQuiet());
    page->view()->setView({1000, 1000}, 0.5);
    QTRY_VERIFY(window->isQuiet());
    const QImage left = page->view()->grab().toImage(), right = page->secondView()->grab().toImage();
    Annotation annotation;
    annotation.geometry = rectangle({800, 800}, {1200, 1200});
    window->annotations()->store()->add({annotation}, "square");
    QVERIFY(page->view()->grab().toImage() != left);
    QVERIFY(page->secondView()->grab().toImage() != right);
}

void TestWindow::says_what_is_under_the_cursor() {
    const auto window = make_window();
    open(*window, full_.project);
    window->expressionPanel()->setPredicted(false);
    window->setGene("ERBB2");
    SlidePage* page = window->slidePage();
    QTRY_COMPARE(page->spots()->values().size(), std::size_t{SmallProject::kSpots});
    QTRY_VERIFY(window->isQuiet());
    QSignalSpy pointed(page, &SlidePage::pointed);
    const auto point_at = [&](SlideView* view, QPointF level0) {
        view->centreOn(level0.x(), level0.y());
        const QPoint at = view->transform().toWidget(level0).toPoint();
        QMouseEvent move(QEvent::MouseMove, at, view->mapToGlobal(at), Qt::NoButton, Qt::NoButton, Qt::NoModifier);
        QApplication::sendEvent(view, &move);
        return pointed.last().front().toString();
    };
    page->view()->setView({574, 874}, 1);
    // Spot 1x2 of the grid: 8 counts of ERBB2; 0.5 µm per pixel.
    QString text = point_at(page->view(), {574, 874});
    QVERIFY2(text.contains("x 287  y 437 µm"), qPrintable(text));
    QVERIFY2(text.contains("spot 1x2") && text.contains("ERBB2 2.20 log(1 + counts)"), qPrintable(text));
    QCOMPARE(window->statusBar()->findChild<QLabel*>("pointed")->text(), text);
    QVERIFY(!point_at(page->view(), {424, 724}).contains("spot"));  // between the spots
    window->expressionPanel()->setPredicted(true);
    QTRY_VERIFY(window->isQuiet());
    text = point_at(page->view(), {574, 874});
    QVERIFY2(text.contains("µm") && text.contains("ERBB2") && text.contains("90 % interval") && !text.contains("spot"), qPrintable(text));
    window->setSideBySide(true);
    QTRY_VERIFY(window->isQuiet());
    text = point_at(page->secondView(), {574, 874});  // both values, wherever the cursor is
    QVERIFY2(text.contains("spot 1x2") && text.contains("ERBB2 2.20") && text.contains("90 % interval"), qPrintable(text));
    // Back from the map, the spots keep their values, and these their name, until they are coloured anew.
    window->setSideBySide(false);
    QTRY_VERIFY(window->isQuiet());
    window->setGene("CD3E");
    QTRY_VERIFY(window->isQuiet());
    window->expressionPanel()->setPredicted(false);
    text = point_at(page->view(), {574, 874});
    QVERIFY2(text.contains("ERBB2 2.20 log(1 + counts)"), qPrintable(text));
    QTRY_VERIFY(window->isQuiet());
    QEvent leave(QEvent::Leave);
    QApplication::sendEvent(page->view(), &leave);
    QCOMPARE(pointed.last().front().toString(), QString());
}

void TestWindow::limits_follow_the_fields() {
    ExpressionSettings settings;
    const std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    settings.low = 0, settings.high = 100;
    QCOMPARE(scale_for(values, settings).high, 10.0);
    settings.fixed_limits = true;
    settings.low = 2, settings.high = 4;
    QCOMPARE(scale_for(values, settings).low, 2.0);
    QCOMPARE(scale_for(values, settings).high, 4.0);
    settings.high = 1;  // upside down while it is being typed
    QVERIFY(scale_for(values, settings).high > scale_for(values, settings).low);
}

void TestWindow::shows_pairs_of_tiles() {
    const auto window = make_window();
    open(*window, full_.project);
    window->setTab("tiles");
    TilePairs* pairs = window->gallery()->pairs();
    QCOMPARE(pairs->rowCount(), int{SmallProject::kTiles});
    QTRY_VERIFY_WITH_TIMEOUT(pairs->pair(0) && pairs->pair(4), 10000);
    QCOMPARE(pairs->pair(0)->real.size(), QSize(128, 128));
    QCOMPARE(pairs->pair(0)->synthetic.size(), QSize(128, 128));
    QVERIFY2(pairs->pair(0)->real_problem.isEmpty(), qPrintable(pairs->pair(0)->real_problem));
    QCOMPARE(pairs->centre(1), QPointF(274 + 3 * 300, 274));  // the fourth spot, not the mixture's place
    QCOMPARE(pairs->set()->field_um, 96.0);  // that of the model, not of ours
    window->gallery()->select(4);
    QVERIFY(window->gallery()->details().contains("Flagged"));
    QVERIFY(window->gallery()->details().contains("12345678901234567894"));  // 64-bit seeds keep every digit
    window->gallery()->select(1);
    QVERIFY(window->gallery()->details().contains("Mixed with"));
    pairs->setFlaggedOnly(true);
    QCOMPARE(pairs->rowCount(), 1);
    QSignalSpy located(window->gallery(), &TileGallery::showOnSlide);
    Q_EMIT window->gallery()->showOnSlide(500, 500);
    QCOMPARE(window->tabs()->currentIndex(), 0);
}

// A gain that a control has as well does not speak for the pairs.
void TestWindow::pairs_help_only_beyond_their_controls() {
    const auto told = [](double gain_lower, double over_lower) {
        Reports reports;
        const auto figure = [](double lower) { return nlohmann::json{{"mean", lower + 0.01}, {"lower", lower}, {"upper", lower + 0.02}}; };
        reports.evaluate = {{"pearson", figure(0.4)}, {"pearson_real_only", figure(0.4)}, {"pearson_with_synthetic", figure(0.4)}, {"delta", figure(gain_lower)}};
        for (const char* key : {"shuffled_genes", "augmented", "mixed_spots"})
            reports.evaluate["controls"][key] = {{"pearson", figure(0.4)}, {"delta", figure(0)}, {"pairs_over", figure(key == std::string("augmented") ? over_lower : 0.001)}};
        return report_html(reports, false, QPalette());
    };
    QVERIFY(told(0.001, 0.001).contains("Synthetic pairs helped on this section"));
    QVERIFY(told(0.001, -0.001).contains("not clearly more than a control"));
    QVERIFY(told(-0.001, 0.001).contains("No clear effect"));
    QVERIFY(told(-0.03, -0.03).contains("did harm"));
    QVERIFY(told(0.001, 0.001).contains("none are left"));  // further real spots
    Reports old;  // of an earlier version
    old.evaluate = {{"delta", {{"mean", 0.01}, {"lower", 0.001}, {"upper", 0.02}}}};
    QVERIFY(report_html(old, false, QPalette()).contains("run the job again"));
}

void TestWindow::shows_the_report() {
    const auto window = make_window();
    open(*window, full_.project);
    const QString text = window->report()->text();
    for (const char* part : {"0.391", "0.340 to 0.440", "Real spots only", "0.372", "No clear effect", "24 more real spots", "0.030 to 0.090", "0.214", "Control", "12.1", "own tiles", "0.012", "8.3 %", "6.1 %", "5,200", "Adapting the generator",
                             "1 of 12 tiles, 0 by the tile encoder and 1 by where things lie", "root mean square error 0.610 (real spots only: 0.620)", "91.2 % of the held-out values"})
        QVERIFY2(text.contains(part), part);
    // Of how many tiles, what the encoder from outside says, intervals of the nuclei, and whose model it was.
    for (const char* part : {"Compared: 12 synthetic and 400 real tiles", "11 on each side", "0.71", "0.64", "0.90", "0.80", "SqueezeNet 1.0", "Compared: 10 synthetic and 390 real tiles", "0.58", "0.47", "1.13",
                             "0.77", "210 to 610", "Made with the central model c2l-central-tiny, under CC BY 4.0", "To be named with every result: Trained on images of Alder & Birch 2021"})
        QVERIFY2(text.contains(part), part);
    QVERIFY(!text.contains("simulated"));
    QCOMPARE(window->jobPanel()->plot()->points(false), 50);
    QCOMPARE(window->jobPanel()->plot()->points(true), 10);
}

// Sections share their spots' names: the counts of one would pair with the spots of another without a word.
void TestWindow::the_form_forgets_an_earlier_section() {
    ImportForm form;
    ImportGuess first, second, counts;
    first.slide = "/a/slide.tiff";
    first.spots = "/a/positions.csv";
    first.counts = "/a/counts.h5";
    form.fill(first);
    form.mpp->setText("0.5");
    form.patient->setText("A");
    counts.counts = "/a/other.h5";
    form.fill(counts);  // more of the same section
    QCOMPARE(form.counts->text(), QString("/a/other.h5"));
    QCOMPARE(form.mpp->text(), QString("0.5"));
    second.slide = "/b/slide.tiff";
    second.spots = home_.path();  // a folder with its own counts
    form.fill(second);
    QVERIFY(form.counts->text().isEmpty() && form.mpp->text().isEmpty() && form.patient->text().isEmpty());
}

void TestWindow::a_dropped_folder_fills_the_form() {
    const auto window = make_window();
    const QString folder = home_.filePath("dropped");
    QVERIFY(QDir().mkpath(folder));
    QVERIFY(QFile::copy(bare_.slide, folder + "/section.tiff"));
    QVERIFY(QFile::copy(bare_.spots, folder + "/section.h5ad"));
    drop(window->projectPanel()->form(), {folder});
    ImportForm* form = window->projectPanel()->form();
    QTRY_COMPARE_WITH_TIMEOUT(form->slide->text(), folder + "/section.tiff", 10000);
    QCOMPARE(form->spots->text(), folder + "/section.h5ad");
    QCOMPARE(form->project->text(), folder + "/section.c2l");
    QVERIFY(form->mpp->placeholderText().contains("0.5"));
    QVERIFY2(form->problem().isEmpty(), qPrintable(form->problem()));
    QVERIFY(form->submit->isEnabled());
    const nlohmann::json params = form->params();
    QCOMPARE(QString::fromStdString(params["slide"]), folder + "/section.tiff");
    QVERIFY(!params.contains("mpp"));
    QTRY_VERIFY_WITH_TIMEOUT(window->document()->slide() != nullptr, 10000);  // it can be looked at before the import
    drop(window.get(), {home_.path() + "/nothing-here"});
    QTRY_VERIFY_WITH_TIMEOUT(!window->messages()->text().isEmpty(), 10000);
}

void TestWindow::a_long_file_name_does_not_widen_the_panel() {
    const auto window = make_window();
    const QString slide = home_.filePath("1.2.826.0.1.3680043.8.498.89270685617977080734813381651180014919.tiff");
    QVERIFY(QFile::copy(bare_.slide, slide));
    ImportForm* form = window->projectPanel()->form();
    drop(form, {slide});
    QTRY_VERIFY_WITH_TIMEOUT(window->document()->slide() != nullptr, 10000);
    const QWidget* panel = window->projectPanel();
    QTRY_VERIFY2(form->mapTo(panel, QPoint(form->width(), 0)).x() <= panel->width(), qPrintable(QString("%1 in %2").arg(form->width()).arg(panel->width())));
}

void TestWindow::a_slide_without_scale_needs_it() {
    ImportForm form;
    const QString slide = bare_.slide;
    form.fill({{}, slide, bare_.spots, {}, std::nullopt, {}});
    QVERIFY(!form.submit->isEnabled());
    QVERIFY(form.problem().contains("µm/px"));
    form.mpp->setText("0,687");
    QVERIFY(form.submit->isEnabled());
    QCOMPARE(form.params()["mpp"].get<double>(), 0.687);
    form.mpp->setText("-3");
    QVERIFY(!form.submit->isEnabled());
}

void TestWindow::a_dropped_project_opens() {
    const auto window = make_window();
    drop(window.get(), {bare_.project});
    QTRY_VERIFY_WITH_TIMEOUT(window->document()->has_project() && window->document()->slide(), 10000);
    QTRY_VERIFY_WITH_TIMEOUT(window->isQuiet(), 10000);
}

void TestWindow::a_broken_project_is_one_sentence() {
    const QString file = home_.filePath("broken.c2l");
    QFile f(file);
    QVERIFY(f.open(QIODevice::WriteOnly));
    f.write("not a project");
    f.close();
    const auto window = make_window();
    window->document()->open(file);
    QTRY_VERIFY_WITH_TIMEOUT(window->messages()->text().contains("broken.c2l"), 10000);
    QVERIFY(!window->document()->has_project());
}

void TestWindow::a_hostile_tile_is_a_placeholder() {
    const SmallProject p = test::make_small_project(home_.filePath("hostile"), true);
    QDirIterator files(p.folder, {"000002.png"}, QDir::Files, QDirIterator::Subdirectories);
    QVERIFY(files.hasNext());
    QFile tile(files.next());
    QVERIFY(tile.setPermissions(QFile::ReadOwner | QFile::WriteOwner));
    QVERIFY(tile.open(QIODevice::WriteOnly));
    tile.write("no picture");
    tile.close();
    const auto window = make_window();
    open(*window, p.project);
    TilePairs* pairs = window->gallery()->pairs();
    QTRY_VERIFY_WITH_TIMEOUT(pairs->pair(2) != nullptr, 10000);
    QVERIFY(pairs->pair(2)->synthetic.isNull());
    QVERIFY(!pairs->pair(2)->synthetic_problem.isEmpty());
    QVERIFY(!pairs->pair(2)->real.isNull());
}

// Set C2L_SHOTS to a folder to look at the window.
void TestWindow::saves_pictures() {
    const QString folder = qEnvironmentVariable("C2L_SHOTS", home_.filePath("shots"));
    QVERIFY(QDir().mkpath(folder));
    for (const Theme theme : {Theme::Light, Theme::Dark}) {
        apply_theme(*qApp, theme);
        for (const QSize size : {QSize(1280, 800), QSize(2560, 1440)}) {
            const auto window = make_window();
            window->resize(size);
            const QString stem = QString("%1/%2-%3-").arg(folder, to_string(theme)).arg(size.width());
            QTest::qWait(50);
            QVERIFY(window->grab().save(stem + "empty.png"));
            open(*window, full_.project);
            for (const char* tab : {"slide", "tiles", "landscape", "report"}) {
                window->setTab(tab);
                QTest::qWait(50);
                QTRY_VERIFY_WITH_TIMEOUT(window->isQuiet(), 10000);
                QVERIFY(window->grab().save(stem + tab + ".png"));
            }
            window->setTab("slide");
            window->expressionPanel()->setPredicted(false);
            window->setGene("ERBB2");
            QTest::qWait(50);
            QVERIFY(window->grab().save(stem + "measured.png"));
            PreviewList* previews = window->jobPanel()->previews();
            for (const int step : {0, 150, 300, 450}) previews->add({"adapt", step, tiles_of(full_)});
            QTRY_VERIFY_WITH_TIMEOUT(previews->isQuiet(), 10000);
            window->jobPanel()->findChild<QTabBar*>("job_pages")->setCurrentIndex(1);
            QTest::qWait(50);
            QVERIFY(window->grab().save(stem + "previews.png"));
        }
    }
}

QTEST_MAIN(TestWindow)
#include "test_window.moc"
