// Spots placed by hand in the real window, and kept in the project by the real worker.
#include <QApplication>
#include <QCheckBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QMouseEvent>
#include <QPushButton>
#include <QSettings>
#include <QStandardPaths>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QUndoGroup>
#include <QWheelEvent>
#include <cmath>
#include <nlohmann/json.hpp>

#include "project/project.h"
#include "ui/document/document.h"
#include "ui/jobs/worker_client.h"
#include "ui/mainwindow/annotations.h"
#include "ui/mainwindow/jobs.h"
#include "ui/mainwindow/main_window.h"
#include "ui/mainwindow/registration.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/panels/message_bar.h"
#include "ui/small_project.h"
#include "ui_viewer/shots.h"

using namespace c2l;
using namespace c2l::ui;

namespace {

constexpr double kMpp = 0.5;  // of the small project

struct Desk {
    QTemporaryDir folder;
    test::SmallProject project;
    std::unique_ptr<MainWindow> window;

    explicit Desk(const std::function<void(Project&)>& prepare = {}) : project(test::make_small_project(folder.path(), false)) {
        if (prepare) prepare(*Project::open(project.project.toStdString(), Project::Mode::Write));
        window = std::make_unique<MainWindow>(new WorkerClient(QStringLiteral(C2L_BIN_DIR "/c2l"), {"worker"}));
        window->resize(1280, 860);
        window->show();
        window->open(project.project);
        const bool ready = QTest::qWaitFor([this] { return document()->spots() && document()->slide() && window->isQuiet(); }, 30000);
        if (!ready) qWarning("the project was not read");
        view()->setOverviewVisible(false);
    }
    Document* document() const { return window->document(); }
    SlideView* view() const { return window->slidePage()->view(); }
    SpotOverlay* spots() const { return window->slidePage()->spots(); }
    // Where spot i is, level-0 pixels; nowhere while the document reads the spots again, as it does after a registration.
    QPointF place(int i) const { return i < static_cast<int>(spots()->count()) ? QPointF(spots()->x(i), spots()->y(i)) : QPointF(-1e9, -1e9); }
    RegistrationEdit* edit() const { return window->registration()->edit(); }
    RegistrationPanel* panel() const { return window->registration()->panel(); }

    void begin() {
        window->registration()->begin();
        view()->setView({1024, 1024}, 0.25);
    }
    QPoint at(QPointF level0) const { return view()->transform().toWidget(level0).toPoint(); }
    QPointF slide(QPoint widget) const { return view()->transform().toSlide(QPointF(widget)); }
    QPointF spot(int i) const { return spots()->moved().map(QPointF(spots()->x(i), spots()->y(i))); }
    void drag(QPoint from, QPoint to, Qt::KeyboardModifiers modifiers = {}) {
        QTest::mousePress(view(), Qt::LeftButton, modifiers, from);
        for (const QPoint& p : {from + (to - from) / 3, to}) {
            QMouseEvent move(QEvent::MouseMove, p, view()->mapToGlobal(p), Qt::NoButton, Qt::LeftButton, modifiers);
            QApplication::sendEvent(view(), &move);
        }
        QTest::mouseRelease(view(), Qt::LeftButton, modifiers, to);
    }
    void click(QPoint p) { QTest::mouseClick(view(), Qt::LeftButton, {}, p); }
    ProjectSpots kept() const { return Project::open(project.project.toStdString(), Project::Mode::Read)->spots().back(); }
    bool idle() const { return !window->jobs()->worker()->isRunning() && document()->busy().isEmpty(); }
};

bool near(QPointF a, QPointF b, double slack) { return std::hypot(a.x() - b.x(), a.y() - b.y()) <= slack; }

}  // namespace

class TestRegistrationWindow : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase() {
        QStandardPaths::setTestModeEnabled(true);
        QCoreApplication::setOrganizationName("c2l-test");
        QCoreApplication::setApplicationName("registration");
        QSettings().clear();
    }

    // A window of the least size that it is made for does not grow, which would push its edge off the screen.
    void panel_is_no_wider_than_the_others() {
        Desk d;
        d.window->resize(1280, 800);
        d.begin();
        QTest::qWait(50);
        QCOMPARE(d.window->width(), 1280);
    }

    void drag_moves_by_the_right_distance_and_is_undone() {
        Desk d;
        d.begin();
        QVERIFY(d.window->registration()->isActive());
        QVERIFY(!d.panel()->apply->isEnabled());
        const QPointF before = d.spot(7);
        const QPoint from = d.at({1024, 1024}), to = from + QPoint(40, -25);
        const QPointF centre = d.view()->transform().centre();
        d.drag(from, to);
        QCOMPARE(d.view()->transform().centre(), centre);  // the picture stays
        const QPointF by = d.slide(to) - d.slide(from);
        QVERIFY(near(d.spot(7), before + by, 1e-6));
        QVERIFY(std::abs(d.panel()->dx->value() - by.x() * kMpp) < 0.06 && std::abs(d.panel()->dy->value() - by.y() * kMpp) < 0.06);
        QVERIFY(std::abs(d.panel()->dx->value() - 80) < 0.1);  // 40 px on screen at a quarter: 160 px of the slide, 80 µm
        QCOMPARE(d.spots()->spotAt(d.spot(7).x(), d.spot(7).y()), 7);
        QCOMPARE(d.panel()->scale->value(), 1.0);
        QVERIFY(d.panel()->apply->isEnabled());
        d.window->annotations()->undoGroup()->undo();  // the menu's
        QVERIFY(near(d.spot(7), before, 1e-9));
        QTest::mouseClick(d.panel()->redo, Qt::LeftButton);
        QVERIFY(near(d.spot(7), before + by, 1e-6));
        QTest::mouseClick(d.panel()->cancel, Qt::LeftButton);
        QVERIFY(!d.window->registration()->isActive());
        QVERIFY(near(d.spot(7), before, 1e-9));
        QVERIFY(!d.kept().registration);
    }

    void handles_turn_and_scale_about_the_middle() {
        Desk d;
        d.begin();
        const QPointF middle = d.edit()->spots().center(), corner = d.edit()->spots().bottomRight();
        const QPointF twice = middle + 1.5 * (corner - middle);
        d.drag(d.at(corner), d.at(twice));
        QVERIFY(std::abs(d.panel()->scale->value() - 1.5) < 0.01);
        QVERIFY(std::abs(d.panel()->dx->value()) < 0.06 && std::abs(d.panel()->angle->value()) < 0.01);
        QVERIFY(near(d.edit()->transform().map(middle), middle, 1e-6));
        QTest::mouseClick(d.panel()->undo, Qt::LeftButton);
        const QPoint right = d.at(middle + QPointF(400, 0)), below = d.at(middle + QPointF(0, 400));
        d.drag(right, below, Qt::ShiftModifier);
        QVERIFY2(std::abs(d.panel()->angle->value() - 90) < 0.8, qPrintable(QString::number(d.panel()->angle->value())));
        QVERIFY(std::abs(d.panel()->scale->value() - 1) < 1e-4);
        QWheelEvent wheel(QPointF(right), d.view()->mapToGlobal(QPointF(right)), {}, QPoint(0, 240), Qt::NoButton, Qt::ControlModifier, Qt::NoScrollPhase, false);
        const double zoom = d.view()->transform().scale();
        QApplication::sendEvent(d.view(), &wheel);
        QCOMPARE(d.view()->transform().scale(), zoom);
        QVERIFY(std::abs(d.panel()->scale->value() - 1.02 * 1.02) < 1e-4);
    }

    void numbers_place_the_spots() {
        Desk d;
        d.begin();
        d.panel()->dx->setValue(50);
        d.panel()->angle->setValue(90);
        d.panel()->scale->setValue(2);
        d.panel()->mirrored->setChecked(true);
        const QPointF c = d.edit()->spots().center(), p(d.spots()->x(3), d.spots()->y(3)), v = p - c;
        // Mirrored top and bottom, turned clockwise by a quarter (x to y, y to −x), twice as far, 50 µm to the right.
        QVERIFY(near(d.spot(3), c + 2 * QPointF(v.y(), v.x()) + QPointF(50 / kMpp, 0), 1e-6));
        QVERIFY(std::abs(d.panel()->dx->value() - 50) < 1e-9);
        QTest::mouseClick(d.panel()->reset, Qt::LeftButton);
        QVERIFY(near(d.spot(3), p, 1e-9));
        QVERIFY(!d.panel()->mirrored->isChecked());
    }

    void two_landmark_pairs_give_the_similarity() {
        Desk d;
        d.begin();
        QTest::mouseClick(d.panel()->landmark_tool, Qt::LeftButton);
        const QPoint place_a = d.at(d.spot(0)) + QPoint(31, 12), place_b = d.at(d.spot(35)) + QPoint(-22, 40);
        const QPointF a = d.spot(0), b = d.spot(35);
        d.click(d.at(a) + QPoint(3, 2));  // within the disc: its middle counts
        d.click(place_a);
        QCOMPARE(d.panel()->pairs->rowCount(), 1);
        QVERIFY(near(d.spot(0), a, 1e-9));  // one pair fits nothing
        d.click(d.at(b));
        d.click(place_b);
        QCOMPARE(d.panel()->pairs->rowCount(), 2);
        QVERIFY(near(d.spot(0), d.slide(place_a), 1e-6));
        QVERIFY(near(d.spot(35), d.slide(place_b), 1e-6));
        QCOMPARE(d.panel()->pairs->item(0, 2)->text(), QString("0.0"));
        // A third pair that does not agree: the residuals are in µm, and their root mean square too.
        const QPointF c = d.spot(5);
        d.click(d.at(c));
        d.click(d.at(c) + QPoint(24, 0));
        QCOMPARE(d.panel()->pairs->rowCount(), 3);
        const auto residuals = d.edit()->residuals_px();
        double squares = 0;
        for (int i = 0; i < 3; ++i) {
            const double um = residuals[static_cast<std::size_t>(i)] * kMpp;
            QVERIFY(um > 0.5);
            QCOMPARE(d.panel()->pairs->item(i, 2)->text(), QString::number(um, 'f', 1));
            squares += um * um / 3;
        }
        QVERIFY(d.panel()->residualText().contains(QString::number(std::sqrt(squares), 'f', 1) + " µm"));
        save_shot(d.window->grab().toImage(), "registration-landmarks");
        d.panel()->pairs->setCurrentCell(2, 0);
        QTest::mouseClick(d.panel()->remove_pair, Qt::LeftButton);
        QVERIFY(near(d.spot(35), d.slide(place_b), 1e-6));
        QTest::mouseClick(d.panel()->undo, Qt::LeftButton);
        QCOMPARE(d.panel()->pairs->rowCount(), 3);
    }

    void apply_keeps_it_in_the_project() {
        Desk d;
        const QPointF before(d.spots()->x(7), d.spots()->y(7));
        const std::string id = d.kept().content_id;
        d.begin();
        d.drag(d.at({1024, 1024}), d.at({1024, 1024}) + QPoint(10, 0));
        const QPointF wanted = d.spot(7);
        save_shot(d.window->grab().toImage(), "registration-move");
        QTest::mouseClick(d.panel()->apply, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(d.kept().registration.has_value() && d.idle() && !d.window->registration()->isActive(), 60000);
        QVERIFY(d.kept().content_id != id);
        QTRY_VERIFY(near(d.place(7), wanted, 0.002));
        QVERIFY(d.spots()->moved().isIdentity());
        QTRY_VERIFY(d.window->messages()->text().contains("89 % of the spots lie on tissue"));  // four corners of the grid are on glass
        // Once more from there, and back to the file's positions.
        d.begin();
        QTest::mouseClick(d.panel()->reset, Qt::LeftButton);
        QVERIFY(near(d.spot(7), before, 0.002));
        QTest::mouseClick(d.panel()->apply, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!d.kept().registration && d.idle() && !d.window->registration()->isActive(), 60000);
        QTRY_VERIFY(near(d.place(7), before, 1e-9));
    }

    void a_finding_is_told_with_its_fix() {
        Desk d([](Project& project) {
            ProjectSpots spots = project.spots().back();
            spots.alignment = R"({"verdict":"misplaced","text":"The spots seem misplaced: left and right mirrored.","proposal":{"orient":"mirror-x","spot_scale":1,"words":"left and right mirrored","matrix":[-1,0,2048,0,1,0]}})";
            project.add_spots(spots);
        });
        MessageBar* bar = d.window->messages();
        QTRY_VERIFY(bar->text().contains("left and right mirrored"));
        QCOMPARE(bar->buttons().size(), std::size_t(2));
        QVERIFY(!d.kept().registration);  // nothing is fixed silently
        save_shot(d.window->grab().toImage(), "registration-finding");
        const double x = d.spots()->x(2);
        QTest::mouseClick(bar->buttons()[0], Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(d.kept().registration.has_value() && d.idle(), 60000);
        QVERIFY((*d.kept().registration == std::array<double, 6>{-1, 0, 2048, 0, 1, 0}));
        QTRY_COMPARE(d.place(2).x(), 2048 - x);
    }

    void by_hand_begins_from_the_message() {
        Desk d([](Project& project) {
            ProjectSpots spots = project.spots().back();
            spots.alignment = R"({"verdict":"no_fit","text":"Only 20 % of the spots lie on tissue.","proposal":null})";
            project.add_spots(spots);
        });
        QTRY_COMPARE(d.window->messages()->buttons().size(), std::size_t(1));
        QTest::mouseClick(d.window->messages()->buttons()[0], Qt::LeftButton);
        QVERIFY(d.window->registration()->isActive());
    }

    // What was made from other positions is not shown with these, and is there again when they are.
    void results_go_with_the_positions() {
        QTemporaryDir folder;
        const auto small = test::make_small_project(folder.path(), false);
        const std::filesystem::path path = small.project.toStdString();
        ProjectSpots first, other;
        {
            const auto project = Project::open(path, Project::Mode::Write);
            first = project->spots().back();
            const auto make = [&](const std::string& step, std::vector<std::string> inputs, const nlohmann::json& params = nlohmann::json::object()) {
                Provenance p;
                p.step = step;
                p.params = params.dump();
                p.inputs = std::move(inputs);
                return project->obtain(p, [](const std::filesystem::path&) {}).id;
            };
            const ProjectSlide slide = project->slides().front();
            nlohmann::json mpp;
            if (slide.mpp) mpp = *slide.mpp;
            const auto split = make("split", {slide.content_id, first.content_id}, {{"mpp", mpp}});
            make("evaluate", {split});
            make("predict", {split}, {{"own_slide", true}});
            make("predict", {split}, {{"own_slide", false}});  // of another slide: newer, and not over this one
            make("adapt", {make("split", {std::string(64, 'b'), first.content_id}, {{"mpp", mpp}})});
            make("synthesize", {make("split", {slide.content_id, first.content_id}, {{"mpp", 0.123}})});
        }
        const auto made = Snapshot::read(path);
        QVERIFY(made->newest("evaluate"));
        QVERIFY(nlohmann::json::parse(made->newest("predict")->provenance.params).at("own_slide").get<bool>());
        QVERIFY(!made->newest("adapt"));       // of another slide
        QVERIFY(!made->newest("synthesize"));  // at another scale
        other = first;
        other.content_id = std::string(64, 'a');
        other.registration = {1, 0, 5, 0, 1, 0};
        Project::open(path, Project::Mode::Write)->add_spots(other);
        QCOMPARE(Snapshot::read(path)->shown_spots()->content_id, other.content_id);
        QVERIFY(!Snapshot::read(path)->newest("evaluate"));
        Project::open(path, Project::Mode::Write)->add_spots(first);
        QVERIFY(!Snapshot::read(path)->shown_spots()->registration);
        QVERIFY(Snapshot::read(path)->newest("evaluate"));
    }
};

QTEST_MAIN(TestRegistrationWindow)
#include "test_registration_window.moc"
