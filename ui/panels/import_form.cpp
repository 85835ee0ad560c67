#include "ui/panels/import_form.h"

#include <QDir>
#include <QDoubleValidator>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMimeData>
#include <QPainter>
#include <QPushButton>
#include <QStandardPaths>
#include <QToolButton>
#include <QUrl>
#include <QVBoxLayout>

#include "ui/panels/theme.h"

namespace c2l::ui {

QStringList dragged_files(const QMimeData* data) {
    QStringList files;
    if (data && data->hasUrls())
        for (const QUrl& url : data->urls())
            if (url.isLocalFile()) files << url.toLocalFile();
    return files;
}

ImportForm::ImportForm(QWidget* parent) : QFrame(parent) {
    setAcceptDrops(true);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(grid(2));
    column->addWidget(makeZone());

    auto* form = new QFormLayout;
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->setVerticalSpacing(grid(1));
    form->setHorizontalSpacing(grid(2));
    column->addLayout(form);
    slide = makePathRow(form, tr("Slide"), tr("Full-resolution image of the section: any OpenSlide format, TIFF, JPEG or PNG"), {}, false);
    spots = makePathRow(form, tr("Spots"), tr("Space Ranger folder, h5ad, ST selection table or CSV of spot positions (full-resolution pixels)"), {}, true);
    counts = makePathRow(form, tr("Counts"), tr("Count matrix, when the spots do not hold it: ST table, 10x h5 or mtx folder"), {}, false);
    mpp = new QLineEdit;
    mpp->setObjectName("mpp");
    mpp->setToolTip(tr("Width of one slide pixel in µm. Read from the file when it says so; needed otherwise."));
    form->addRow(tr("µm/px"), mpp);
    patient = new QLineEdit;
    patient->setPlaceholderText(tr("optional"));
    patient->setToolTip(tr("A code for the patient, so that training and test never share one unnoticed"));
    form->addRow(tr("Patient"), patient);
    project = makePathRow(form, tr("Project"), tr("Where the project file (*.c2l) is made; results go into a folder beside it"), tr("C2L projects (*.c2l)"), false);

    note_ = new QLabel;
    note_->setWordWrap(true);
    note_->setObjectName("import_note");
    column->addWidget(note_);
    submit = new QPushButton(icon("import"), tr("Import"));
    submit->setObjectName("import_button");
    column->addWidget(submit);

    for (QLineEdit* edit : {slide, spots, counts, mpp, project}) connect(edit, &QLineEdit::textChanged, this, &ImportForm::check);
    connect(slide, &QLineEdit::textChanged, this, [this] {
        slide_probed_ = false;
        file_mpp_.reset();
        suggestProject();
    });
    connect(slide, &QLineEdit::editingFinished, this, [this] {
        if (!slide_probed_ && QFileInfo(slide->text()).isFile()) Q_EMIT slideChosen(slide->text());
    });
    connect(project, &QLineEdit::textEdited, this, [this](const QString& text) { own_project_name_ = !text.isEmpty(); });
    connect(submit, &QPushButton::clicked, this, [this] { Q_EMIT importRequested(params()); });
    check();
}

QWidget* ImportForm::makeZone() {
    zone_ = new QLabel(tr("Drop a slide and its spots here,\nor the folder that holds them"));
    zone_->setAlignment(Qt::AlignCenter);
    zone_->setMinimumHeight(grid(18));
    zone_->setForegroundRole(QPalette::PlaceholderText);
    return zone_;
}

QLineEdit* ImportForm::makePathRow(QFormLayout* form, const QString& label, const QString& tip, const QString& filter, bool folder) {
    auto* edit = new QLineEdit;
    edit->setToolTip(tip);
    edit->setClearButtonEnabled(true);
    auto* browse = new QToolButton;
    browse->setText("…");
    browse->setToolTip(folder ? tr("Choose a folder; type or drop a file") : tr("Choose a file"));
    auto* row = new QHBoxLayout;
    row->setSpacing(grid(1));
    row->addWidget(edit, 1);
    row->addWidget(browse);
    form->addRow(label, row);
    connect(browse, &QToolButton::clicked, this, [=, this] {
        const QString path = folder                ? QFileDialog::getExistingDirectory(this, label, edit->text())
                             : filter.isEmpty()    ? QFileDialog::getOpenFileName(this, label, edit->text())
                                                   : QFileDialog::getSaveFileName(this, label, edit->text(), filter);
        if (path.isEmpty()) return;
        edit->setText(path);
        Q_EMIT edit->editingFinished();
    });
    return edit;
}

void ImportForm::fill(const ImportGuess& guess) {
    // What was given for an earlier section does not hold for this one: spots of several have the same names.
    if (!guess.slide.isEmpty() && guess.slide != slide->text()) {
        mpp->clear();
        patient->clear();
        if (!guess.spots.isEmpty()) counts->clear();
    }
    if (QFileInfo(guess.spots).isDir()) counts->clear();  // a folder holds its own
    if (!guess.slide.isEmpty()) {
        slide->setText(guess.slide);
        slide_probed_ = true;
        file_mpp_ = guess.mpp;
    }
    if (!guess.spots.isEmpty()) spots->setText(guess.spots);
    if (!guess.counts.isEmpty()) counts->setText(guess.counts);
    mpp->setPlaceholderText(file_mpp_ ? tr("%1 from the file").arg(*file_mpp_, 0, 'g', 4) : tr("needed, e.g. 0.5"));
    showNote(guess.note, true);
    check();
}

void ImportForm::clear() {
    for (QLineEdit* edit : {slide, spots, counts, mpp, patient, project}) edit->clear();
    own_project_name_ = false;
    showNote({}, false);
}

// Beside the slide, where that folder can be written; else among the user's documents.
void ImportForm::suggestProject() {
    if (own_project_name_ || slide->text().isEmpty()) return;
    const QFileInfo file(slide->text());
    const bool writable = QFileInfo(file.absolutePath()).isWritable();
    const QString folder = writable ? file.absolutePath() : QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    const QString stem = file.completeBaseName();
    QString candidate = QDir(folder).filePath(stem + ".c2l");
    for (int n = 2; QFileInfo::exists(candidate); ++n) candidate = QDir(folder).filePath(QString("%1-%2.c2l").arg(stem).arg(n));
    project->setText(candidate);
}

QString ImportForm::problem() const {
    if (slide->text().isEmpty()) return tr("choose a slide");
    if (!QFileInfo(slide->text()).isFile()) return tr("the slide does not exist");
    if (spots->text().isEmpty()) return tr("choose the spots");
    if (!QFileInfo::exists(spots->text())) return tr("the spots do not exist");
    if (!counts->text().isEmpty() && !QFileInfo::exists(counts->text())) return tr("the counts do not exist");
    bool number = false;
    const double value = QLocale::c().toDouble(QString(mpp->text()).replace(',', '.'), &number);
    if (!mpp->text().isEmpty() && (!number || value < 0.01 || value > 100)) return tr("µm/px must be a number between 0.01 and 100");
    if (mpp->text().isEmpty() && slide_probed_ && !file_mpp_) return tr("the slide does not say its µm/px; enter it");
    if (project->text().isEmpty()) return tr("say where the project goes");
    return {};
}

nlohmann::json ImportForm::params() const {
    nlohmann::json p = {{"slide", slide->text().toStdString()}, {"spots", spots->text().toStdString()}};
    QString file = project->text();
    if (!file.endsWith(".c2l", Qt::CaseInsensitive)) file += ".c2l";
    p["project"] = QFileInfo(file).absoluteFilePath().toStdString();
    if (!counts->text().isEmpty()) p["counts"] = counts->text().toStdString();
    if (!mpp->text().isEmpty()) p["mpp"] = QString(mpp->text()).replace(',', '.').toDouble();
    if (!patient->text().isEmpty()) p["patient"] = patient->text().toStdString();
    return p;
}

void ImportForm::check() {
    const QString missing = problem();
    submit->setEnabled(!busy_ && missing.isEmpty());
    submit->setToolTip(missing.isEmpty() ? tr("Reads the data, checks that spots lie on tissue, and makes the project")
                                         : tr("Not yet: %1").arg(missing));
    if (!busy_ && note_->property("own").toBool() == false)
        note_->setText(slide->text().isEmpty() && spots->text().isEmpty() ? QString() : missing.isEmpty() ? QString() : tr("Next: %1.").arg(missing));
}

void ImportForm::setBusy(bool busy, const QString& note) {
    busy_ = busy;
    showNote(note, false);
    check();
}

void ImportForm::showNote(const QString& note, bool warning) {
    note_->setProperty("own", !note.isEmpty());
    note_->setForegroundRole(warning && !note.isEmpty() ? QPalette::BrightText : QPalette::WindowText);
    note_->setText(note);
    if (note.isEmpty()) check();
}

void ImportForm::dragEnterEvent(QDragEnterEvent* event) {
    if (dragged_files(event->mimeData()).isEmpty()) return;
    dragging_ = true;
    update();
    event->acceptProposedAction();
}

void ImportForm::dragLeaveEvent(QDragLeaveEvent*) {
    dragging_ = false;
    update();
}

void ImportForm::dropEvent(QDropEvent* event) {
    dragging_ = false;
    update();
    event->acceptProposedAction();
    Q_EMIT filesDropped(dragged_files(event->mimeData()));
}

void ImportForm::paintEvent(QPaintEvent* event) {
    QFrame::paintEvent(event);
    QPainter p(this);
    p.setRenderHint(QPainter::Antialiasing);
    const QColor colour = dragging_ ? accent() : palette().color(QPalette::Mid);
    p.setPen(QPen(colour, dragging_ ? 2 : 1.2, Qt::DashLine));
    QColor plate = palette().color(QPalette::Base);
    if (dragging_) (plate = accent()).setAlphaF(0.12f);
    p.setBrush(plate);
    p.drawRoundedRect(QRectF(zone_->geometry()).adjusted(1, 1, -1, -1), 6, 6);
}

}  // namespace c2l::ui
