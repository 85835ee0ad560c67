#include "ui/registration/registration_panel.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QTableWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

QPushButton* button(const QString& text, const QString& tip) {
    auto* b = new QPushButton(text);
    b->setToolTip(tip);
    return b;
}

QDoubleSpinBox* number(double low, double high, int decimals, double step, const QString& tip) {
    auto* box = new QDoubleSpinBox;
    box->setRange(low, high);
    box->setDecimals(decimals);
    box->setSingleStep(step);
    box->setKeyboardTracking(false);
    box->setToolTip(tip);
    return box;
}

}  // namespace

RegistrationPanel::RegistrationPanel(RegistrationEdit* edit, RegistrationTools* tools, QWidget* parent) : QWidget(parent), edit_(edit), tools_(tools) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(grid(2), grid(2), grid(2), grid(2));
    column->setSpacing(grid(2));
    column->addWidget(makeTools());
    column->addWidget(makeNumbers());
    column->addWidget(makePairs(), 1);
    column->addWidget(makeEnd());
    connect(edit_, &RegistrationEdit::changed, this, &RegistrationPanel::show_);
    connect(edit_->undoStack(), &QUndoStack::indexChanged, this, &RegistrationPanel::show_);
    setMpp(0);
}

QWidget* RegistrationPanel::makeTools() {
    auto* box = new QWidget;
    auto* column = column_of(box);
    auto* row = new QHBoxLayout;
    auto* group = new QButtonGroup(this);
    const auto tool = [&](const QString& text, const QString& tip, RegistrationTool which) {
        auto* b = new QToolButton;
        b->setText(text);
        b->setToolTip(tip);
        b->setCheckable(true);
        b->setChecked(tools_->tool() == which);
        group->addButton(b);
        row->addWidget(b);
        connect(b, &QToolButton::clicked, this, [this, which] { tools_->setTool(which); });
        connect(tools_, &RegistrationTools::toolChanged, b, [b, which](RegistrationTool now) { b->setChecked(now == which); });
        return b;
    };
    move_tool = tool(tr("Move"), tr("Drag, turn and scale all spots together"), RegistrationTool::Move);
    landmark_tool = tool(tr("Landmark pairs"), tr("Click a place among the spots, then where it belongs on the tissue"), RegistrationTool::Landmarks);
    row->addStretch(1);
    column->addLayout(row);
    hint_ = new QLabel;
    hint_->setWordWrap(true);
    hint_->setMinimumHeight(grid(12));
    hint_->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    hint_->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(hint_);
    connect(tools_, &RegistrationTools::hinted, hint_, &QLabel::setText);
    return box;
}

QWidget* RegistrationPanel::makeNumbers() {
    auto* box = new QWidget;
    auto* form = new QFormLayout(box);
    form->setContentsMargins(0, 0, 0, 0);
    form->setVerticalSpacing(grid(1));
    dx = number(-1e6, 1e6, 1, 10, tr("How far the spots are moved to the right, from where the project has them"));
    dy = number(-1e6, 1e6, 1, 10, tr("How far the spots are moved down, from where the project has them"));
    angle = number(-360, 360, 2, 0.5, tr("Degrees by which the spots are turned clockwise about their middle"));
    angle->setSuffix("°");
    angle->setWrapping(true);
    scale = number(1e-4, 1e4, 5, 0.005, tr("Factor by which the distances between spots grow, about their middle"));
    mirrored = new QCheckBox(tr("Mirror top and bottom"));
    mirrored->setToolTip(tr("Mirrors the spots; with half a turn, left and right"));
    quarter = button(tr("Turn by 90°"), tr("Turns the spots clockwise by a quarter"));
    form->addRow(tr("Right"), dx);
    form->addRow(tr("Down"), dy);
    form->addRow(tr("Turn"), angle);
    form->addRow(tr("Scale"), scale);
    form->addRow(quarter, mirrored);
    for (QDoubleSpinBox* field : {dx, dy, angle, scale}) connect(field, &QDoubleSpinBox::valueChanged, this, &RegistrationPanel::takeNumbers);
    connect(mirrored, &QCheckBox::toggled, this, &RegistrationPanel::takeNumbers);
    connect(quarter, &QPushButton::clicked, this, [this] { edit_->turn(90, edit_->transform().map(edit_->spots().center())); });
    return box;
}

QWidget* RegistrationPanel::makePairs() {
    auto* box = new QWidget;
    auto* column = column_of(box);
    pairs = new QTableWidget(0, 3);
    pairs->setAccessibleName(tr("Landmark pairs"));
    pairs->setToolTip(tr("Where each pair belongs, and how far its spot lies from there"));
    pairs->setEditTriggers(QAbstractItemView::NoEditTriggers);
    pairs->setSelectionBehavior(QAbstractItemView::SelectRows);
    pairs->setSelectionMode(QAbstractItemView::SingleSelection);
    pairs->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    pairs->horizontalHeader()->setSectionResizeMode(2, QHeaderView::ResizeToContents);
    pairs->verticalHeader()->setDefaultSectionSize(grid(6));
    column->addWidget(pairs, 1);
    auto* row = new QHBoxLayout;
    rms_ = new QLabel;
    rms_->setWordWrap(true);
    remove_pair = button(tr("Remove pair"), tr("Takes the chosen landmark pair away and fits again"));
    row->addWidget(rms_, 1);
    row->addWidget(remove_pair);
    column->addLayout(row);
    connect(remove_pair, &QPushButton::clicked, this, [this] { edit_->removeLandmark(pairs->currentRow()); });
    connect(pairs, &QTableWidget::itemSelectionChanged, this, [this] { remove_pair->setEnabled(pairs->currentRow() >= 0); });
    return box;
}

QWidget* RegistrationPanel::makeEnd() {
    auto* box = new QWidget;
    auto* column = column_of(box);
    undo = button(tr("Undo"), tr("Takes the last step back (Ctrl+Z)"));
    redo = button(tr("Redo"), tr("Does it again (Ctrl+Shift+Z)"));
    reset = button(tr("Positions of the file"), tr("Puts the spots where their file has them; Apply keeps that"));
    apply = button(tr("Apply"), tr("Keeps this placement in the project. Results made before stay, but belong to the former positions"));
    cancel = button(tr("Cancel"), tr("Leaves the spots where the project has them"));
    apply->setDefault(true);
    for (const auto& buttons : {std::vector<QPushButton*>{undo, redo}, {reset}, {cancel, apply}}) {  // three in a row are wider than the other panels
        auto* row = new QHBoxLayout;
        for (QPushButton* b : buttons) row->addWidget(b);
        column->addLayout(row);
    }
    connect(undo, &QPushButton::clicked, edit_->undoStack(), &QUndoStack::undo);
    connect(redo, &QPushButton::clicked, edit_->undoStack(), &QUndoStack::redo);
    connect(reset, &QPushButton::clicked, edit_, &RegistrationEdit::reset);
    connect(apply, &QPushButton::clicked, this, &RegistrationPanel::applyRequested);
    connect(cancel, &QPushButton::clicked, this, &RegistrationPanel::cancelRequested);
    return box;
}

QString RegistrationPanel::unitText() const { return mpp_ > 0 ? tr("µm") : tr("px"); }

void RegistrationPanel::setMpp(double mpp) {
    mpp_ = mpp;
    for (QDoubleSpinBox* field : {dx, dy}) field->setSuffix(" " + unitText());
    pairs->setHorizontalHeaderLabels({tr("x (%1)").arg(unitText()), tr("y (%1)").arg(unitText()), tr("Residual (%1)").arg(unitText())});
    show_();
}

void RegistrationPanel::setBusy(bool busy) {
    busy_ = busy;
    show_();
}

QString RegistrationPanel::residualText() const { return rms_->text(); }

void RegistrationPanel::show_() {
    updating_ = true;
    const RegistrationEdit::Move m = edit_->move();
    // A field that the user is typing in shows what holds, too: Enter has taken it.
    dx->setValue(m.dx * unit());
    dy->setValue(m.dy * unit());
    angle->setValue(m.angle);
    scale->setValue(m.scale);
    mirrored->setChecked(m.mirrored);
    const auto& landmarks = edit_->landmarks();
    const auto residuals = edit_->residuals_px();
    const int chosen = pairs->currentRow();
    pairs->setRowCount(static_cast<int>(landmarks.size()));
    for (std::size_t i = 0; i < landmarks.size(); ++i) {
        const QString texts[] = {QString::number(landmarks[i].slide.x * unit(), 'f', 0), QString::number(landmarks[i].slide.y * unit(), 'f', 0),
                                 residuals.empty() ? QStringLiteral("–") : QString::number(residuals[i] * unit(), 'f', 1)};
        for (int c = 0; c < 3; ++c) pairs->setItem(static_cast<int>(i), c, new QTableWidgetItem(texts[c]));
    }
    if (chosen >= 0 && chosen < pairs->rowCount()) pairs->setCurrentCell(chosen, 0);
    remove_pair->setEnabled(pairs->currentRow() >= 0);
    rms_->setText(!edit_->problem().isEmpty() ? edit_->problem()
                  : residuals.empty()         ? landmarks.empty() ? tr("No pair yet") : tr("One pair; a second one fits")
                                              : tr("Root mean square %1 %2").arg(root_mean_square(residuals) * unit(), 0, 'f', 1).arg(unitText()));
    undo->setEnabled(edit_->undoStack()->canUndo() && !busy_);
    redo->setEnabled(edit_->undoStack()->canRedo() && !busy_);
    apply->setEnabled(edit_->isChanged() && !busy_);
    for (QWidget* w : std::initializer_list<QWidget*>{reset, cancel, dx, dy, angle, scale, mirrored, quarter}) w->setEnabled(!busy_);
    updating_ = false;
}

void RegistrationPanel::takeNumbers() {
    if (updating_) return;
    edit_->setMove({dx->value() / unit(), dy->value() / unit(), angle->value(), scale->value(), mirrored->isChecked()});
}

}  // namespace c2l::ui
