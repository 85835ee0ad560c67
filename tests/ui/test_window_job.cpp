// The main job from the window: what it shows on its way, with which central model, and what becomes of a job that is stopped or whose worker crashes.
#include <QClipboard>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTabWidget>
#include <QTemporaryDir>
#include <QTest>

#include "ui/document/document.h"
#include "ui/mainwindow/main_window.h"
#include "ui/panels/central_field.h"
#include "ui/panels/expression_panel.h"
#include "ui/panels/job_panel.h"
#include "ui/panels/message_bar.h"
#include "ui/panels/preview_list.h"
#include "ui/panels/report_panel.h"
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

QStringList rows_of(const QListWidget* list) {
    QStringList rows;
    for (int i = 0; i < list->count(); ++i) rows << list->item(i)->text();
    return rows;
}

}  // namespace

class TestWindowJob : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void runs_the_job_and_shows_what_it_made();
    void shows_previews_by_step();
    void of_finished_tiles_the_newest_are_shown();
    void remembers_the_central_model_of_a_project();
    void says_which_central_model_is_in_use();
    void stops_the_job();
    void lives_on_when_the_worker_crashes();

private:
    void open(MainWindow& window, const QString& file) {
        window.open(file);
        QTRY_VERIFY_WITH_TIMEOUT(window.document()->has_project() && window.document()->slide() && window.document()->reports() && window.isQuiet(), 20000);
    }
    QTemporaryDir home_;
    SmallProject bare_, full_;
};

void TestWindowJob::initTestCase() {
    QVERIFY(home_.isValid());
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, home_.path());
    QCoreApplication::setOrganizationName("C2L test");
    apply_theme(*qApp, Theme::Light);
    bare_ = test::make_small_project(home_.filePath("bare"), false);
    full_ = test::make_small_project(home_.filePath("full"), true);
}

void TestWindowJob::runs_the_job_and_shows_what_it_made() {
    const SmallProject p = test::make_small_project(home_.filePath("run"), false);
    const auto window = make_window();
    open(*window, p.project);
    window->jobPanel()->spots->setValue(30);
    QApplication::clipboard()->setText(window->jobPanel()->commandLine());
    QCOMPARE(QApplication::clipboard()->text(), QString("c2l run %1 --adapt-steps 600 --seed 0 --spots 30").arg(p.project));
    QTest::mouseClick(window->jobPanel()->run, Qt::LeftButton);
    QVERIFY(window->jobPanel()->stop->isEnabled());
    QVERIFY(!window->jobPanel()->run->isEnabled());
    QTRY_VERIFY_WITH_TIMEOUT(window->jobPanel()->run->isEnabled(), 20000);
    QCOMPARE(window->jobPanel()->plot()->points(false) + window->jobPanel()->plot()->points(true), 20);
    QVERIFY(window->findChild<QPlainTextEdit*>("job_log")->toPlainText().contains("3 spots lie off the tissue"));
    QTRY_VERIFY_WITH_TIMEOUT(window->report()->text().contains("0.457"), 10000);  // read from the project file
}

void TestWindowJob::shows_previews_by_step() {
    const SmallProject p = test::make_small_project(home_.filePath("previews"), false);
    const auto window = make_window();
    open(*window, p.project);
    JobPanel* panel = window->jobPanel();
    PreviewList* previews = panel->previews();
    auto* pages = panel->findChild<QTabBar*>("job_pages");
    QVERIFY(!previews->isVisible() && !pages->isVisible() && panel->plot()->isVisible());
    QVERIFY(previews->toolTip().contains("not real tissue") && !previews->accessibleName().isEmpty());
    panel->run->click();
    QTRY_VERIFY_WITH_TIMEOUT(panel->run->isEnabled() && previews->isQuiet(), 20000);
    if (pages->isVisible()) {  // a narrow panel shows one at a time
        QVERIFY(!previews->isVisible() && panel->plot()->isVisible());
        pages->setCurrentIndex(1);
        QVERIFY(!panel->plot()->isVisible());
    }
    QVERIFY(previews->isVisible());
    QCOMPARE(rows_of(previews), (QStringList{"step 0", "step 20", "step 15", "step 5"}));  // the file of step 10 is missing
    const QSize kept(8 * 32 + 7 * 4, 32);
    QVERIFY(previews->item(0)->icon().pixmap(kept).toImage() != previews->item(1)->icon().pixmap(kept).toImage());
    panel->seed->setValue(4);
    panel->run->click();
    QVERIFY(rows_of(previews).isEmpty() && !previews->isVisible());  // those of the job before
    QTRY_COMPARE_WITH_TIMEOUT(previews->count(), 1 + PreviewList::kKept, 20000);
    panel->stop->click();
    QTRY_VERIFY_WITH_TIMEOUT(panel->run->isEnabled() && previews->isQuiet(), 20000);
    QCOMPARE(previews->count(), 1 + PreviewList::kKept);  // however many there were, and after the stop
    QCOMPARE(previews->item(0)->text(), QString("step 0"));
    window->open(bare_.project);
    QTRY_VERIFY_WITH_TIMEOUT(!previews->isVisible() && previews->count() == 0, 20000);
}

void TestWindowJob::of_finished_tiles_the_newest_are_shown() {
    const auto tiles = tiles_of(full_);
    QCOMPARE(tiles.size(), std::size_t{8});
    PreviewList list;
    const auto add = [&](const std::string& step, std::int64_t done, const std::vector<std::string>& paths) {
        list.add({step, done, paths});
        QTRY_VERIFY_WITH_TIMEOUT(list.isQuiet(), 10000);
    };
    add("adapt", 0, {tiles[0]});
    add("adapt", 150, {tiles[1]});
    add("synthesize", 8, tiles);
    add("synthesize", 16, {tiles[2], "/nowhere/000003.png"});  // one of two is gone
    QCOMPARE(rows_of(&list), (QStringList{"step 0", "16 tiles", "step 150"}));
    add("adapt", 300, {bare_.project.toStdString()});  // no picture
    add("adapt", 450, {});
    QCOMPARE(list.count(), 3);
    add("adapt", 0, {tiles[0]});  // begins again with half the batch
    QCOMPARE(rows_of(&list), (QStringList{"step 0", "16 tiles"}));
    list.add({"adapt", 150, {tiles[1]}});
    list.forget();  // while it is being read
    QTRY_VERIFY_WITH_TIMEOUT(list.isQuiet(), 10000);
    QCOMPARE(list.count(), 0);
}

void TestWindowJob::remembers_the_central_model_of_a_project() {
    const QString model = home_.filePath("own.safetensors");
    QFile file(model);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    {
        const auto window = make_window();
        open(*window, bare_.project);
        QVERIFY(!window->jobPanel()->params().contains("central"));
        window->jobPanel()->central->edit()->setText(model);
        QCOMPARE(QString::fromStdString(window->jobPanel()->params()["central"].get<std::string>()), model);
        QVERIFY2(window->jobPanel()->commandLine().contains("--central " + model), qPrintable(window->jobPanel()->commandLine()));
    }
    {
        const auto window = make_window();
        open(*window, bare_.project);
        QCOMPARE(window->jobPanel()->central->path(), model);
        window->open(full_.project);
        QTRY_VERIFY_WITH_TIMEOUT(window->document()->project_path() == full_.project, 10000);
        QCOMPARE(window->jobPanel()->central->path(), QString());  // each its own
        window->open(bare_.project);
        QTRY_VERIFY_WITH_TIMEOUT(window->document()->project_path() == bare_.project, 10000);
        window->jobPanel()->central->edit()->clear();
    }
    const auto window = make_window();
    open(*window, bare_.project);
    QCOMPARE(window->jobPanel()->central->path(), QString());
}

void TestWindowJob::says_which_central_model_is_in_use() {
    const auto window = make_window();
    open(*window, full_.project);
    CentralField* field = window->jobPanel()->central;
    QVERIFY(field->note()->isVisible());
    QCOMPARE(field->note()->text(), QString("c2l-central-tiny, CC BY 4.0"));
    QVERIFY(field->note()->toolTip().contains("Alder & Birch"));
    field->edit()->setText("/nowhere/central.safetensors");
    QVERIFY(field->note()->text().contains("no such file"));
    field->edit()->clear();
    field->setAdapted({{"architecture", "PixArtTransformer2DModel"}, {"licence", "CreativeML"}});
    QVERIFY2(field->note()->text().contains("PixArtTransformer2DModel, CreativeML; choose it here"), qPrintable(field->note()->text()));
    field->setAdapted(nullptr);
    QVERIFY(!field->note()->isVisible());
}

void TestWindowJob::stops_the_job() {
    const auto window = make_window();
    open(*window, bare_.project);
    window->jobPanel()->seed->setValue(4);
    window->jobPanel()->run->click();
    QTRY_VERIFY_WITH_TIMEOUT(window->jobPanel()->plot()->points(false) > 0, 10000);
    QTest::mouseClick(window->jobPanel()->stop, Qt::LeftButton);
    QVERIFY(!window->jobPanel()->stop->isEnabled());
    QTRY_VERIFY_WITH_TIMEOUT(window->jobPanel()->run->isEnabled(), 10000);
    QVERIFY(window->jobPanel()->status().startsWith("Stopped"));
}

void TestWindowJob::lives_on_when_the_worker_crashes() {
    const auto window = make_window();
    open(*window, full_.project);
    window->jobPanel()->seed->setValue(1);
    window->jobPanel()->run->click();
    QTRY_VERIFY_WITH_TIMEOUT(window->jobPanel()->run->isEnabled(), 10000);
    QVERIFY2(window->messages()->text().contains("crashed"), qPrintable(window->messages()->text()));
    QVERIFY(window->document()->slide());
    QVERIFY(window->report()->text().contains("0.391"));  // what was saved is still there
    QTRY_VERIFY_WITH_TIMEOUT(window->isQuiet(), 10000);
}

QTEST_MAIN(TestWindowJob)
#include "test_window_job.moc"
