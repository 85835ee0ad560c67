// Label and macro stay hidden until asked for.
#include <QPushButton>
#include <QTest>

#include "fake_slide.h"
#include "ui/viewer/associated_images.h"

using namespace c2l;

namespace {

class LabelledSlide : public FakeSlide {
public:
    LabelledSlide() : FakeSlide(400, 300) { info_.associated = {"label", "macro"}; }
    Image associated(const std::string& name) const override {
        ++asked;
        if (name == "macro") throw std::runtime_error("the picture is damaged");
        return Image(60, 40, 120);
    }
    mutable std::atomic<int> asked{0};
};

}  // namespace

class TestAssociatedImages : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void eachIsShownOnlyWhenAskedFor() {
        const auto slide = std::make_shared<LabelledSlide>();
        AssociatedImages dialog(slide);
        dialog.show();
        QTest::qWait(50);
        QCOMPARE(slide->asked.load(), 0);  // not even read
        QVERIFY(!dialog.isRevealed("label") && !dialog.isRevealed("macro"));
        dialog.findChild<QPushButton*>("show_label")->click();
        QTRY_VERIFY(dialog.isRevealed("label"));
        QVERIFY(!dialog.isRevealed("macro"));
        QCOMPARE(slide->asked.load(), 1);
        dialog.reveal("macro");  // damaged: said in its place
        QTRY_COMPARE(slide->asked.load(), 2);
        QTest::qWait(50);
        QVERIFY(!dialog.isRevealed("macro"));
    }

    void closedWhileReading() {
        const auto slide = std::make_shared<LabelledSlide>();
        auto dialog = std::make_unique<AssociatedImages>(slide);
        dialog->show();
        dialog->reveal("label");
        dialog.reset();
        QTRY_COMPARE(slide->asked.load(), 1);
        QTest::qWait(20);
    }
};

QTEST_MAIN(TestAssociatedImages)
#include "test_associated_images.moc"
