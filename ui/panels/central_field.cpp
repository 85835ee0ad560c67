#include "ui/panels/central_field.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QSettings>
#include <QToolButton>
#include <algorithm>

#include "ui/document/results.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

constexpr const char* kSetting = "central";           // project file → what was chosen for it
constexpr const char* kShipped = "c2l-central-tiny";  // architecture of the shipped model

QString remembered(const QString& project) { return QSettings().value(kSetting).toMap().value(project).toString(); }

void remember(const QString& project, const QString& path) {
    QSettings settings;
    QVariantMap all = settings.value(kSetting).toMap();
    if (path.isEmpty()) all.remove(project);
    else all[project] = path;
    settings.setValue(kSetting, all);
}

}  // namespace

CentralField::CentralField(QWidget* parent) : QWidget(parent), edit_(new QLineEdit), note_(new QLabel(this)) {
    edit_->setObjectName("central");
    edit_->setAccessibleName(tr("Central model"));
    edit_->setPlaceholderText(tr("shipped model"));
    edit_->setClearButtonEnabled(true);
    edit_->setToolTip(tr("Model that is adapted to this section, and that the gene dial draws with: weights (*.safetensors) or the folder of a model pack.\n"
                         "Empty: the shipped one (c2l-central-tiny, CC BY 4.0, trained on images of Andersson et al. 2021)."));
    note_->setObjectName("central_note");
    note_->setWordWrap(true);
    note_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);  // never widens the panel
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(grid(1));
    row->addWidget(edit_, 1);
    row->addWidget(makeButton());
    setFocusProxy(edit_);
    connect(edit_, &QLineEdit::textChanged, this, &CentralField::take);
    describe();
}

QToolButton* CentralField::makeButton() {
    auto* button = new QToolButton;
    button->setText("…");
    button->setToolTip(tr("Choose the weights or the folder of a central model"));
    button->setPopupMode(QToolButton::InstantPopup);
    auto* menu = new QMenu(button);
    const auto choose = [this](const QString& chosen) {
        if (!chosen.isEmpty()) edit_->setText(chosen);
    };
    menu->addAction(tr("Weights (*.safetensors) …"), this, [=, this] { choose(QFileDialog::getOpenFileName(this, tr("Central model"), path(), tr("Weights (*.safetensors)"))); });
    menu->addAction(tr("Folder of a model pack …"), this, [=, this] { choose(QFileDialog::getExistingDirectory(this, tr("Central model"), path())); });
    button->setMenu(menu);
    return button;
}

QString CentralField::path() const {
    const QString text = edit_->text().trimmed();
    return text.isEmpty() ? text : QFileInfo(text).absoluteFilePath();
}

void CentralField::setProject(const QString& path) {
    const QString project = path.isEmpty() ? path : QFileInfo(path).absoluteFilePath();
    if (project == project_) return;
    project_ = project;
    edit_->setText(project.isEmpty() ? QString() : remembered(project));
}

void CentralField::setAdapted(const nlohmann::json& central) {
    adapted_ = central;
    describe();
}

void CentralField::take() {
    if (!project_.isEmpty() && path() != remembered(project_)) remember(project_, path());
    describe();
    Q_EMIT changed(path());
}

// A section adapted with a model of another architecture, say on the command line, is not adapted anew with the shipped one without a word.
void CentralField::describe() {
    const QString name = central_name(adapted_);
    QString text = name;
    const bool missing = !path().isEmpty() && !QFileInfo::exists(path());
    const bool other = path().isEmpty() && adapted_.is_object() && adapted_.value("architecture", nlohmann::json()) != nlohmann::json(kShipped);
    if (missing) text = tr("There is no such file or folder.");
    else if (other) text = tr("Adapted with %1; choose it here, or Run adapts anew with the shipped model").arg(name);
    note_->setText(text);
    note_->setMinimumHeight(text.isEmpty() ? 0 : note_->heightForWidth(std::max(note_->width(), grid(48))));
    note_->setToolTip(name.isEmpty() ? QString() : tr("What the generator of this section rests on: %1. With another central model, Run adapts anew.").arg(credits(adapted_)));
    note_->setForegroundRole(missing || other ? QPalette::BrightText : QPalette::PlaceholderText);
    note_->setVisible(!text.isEmpty());
}

}  // namespace c2l::ui
