#include "ui/panels/job_panel.h"

#include <QClipboard>
#include <QFormLayout>
#include <QGuiApplication>
#include <QHash>
#include <QLabel>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSpinBox>
#include <QTabBar>
#include <QTime>
#include <QVBoxLayout>
#include <cmath>

#include "ui/jobs/command_line.h"
#include "ui/panels/central_field.h"
#include "ui/panels/preview_list.h"
#include "ui/panels/theme.h"
#include "ui/plots/loss_plot.h"

namespace c2l::ui {

QString step_text(const std::string& step) {
    static const QHash<QString, const char*> texts = {
        {"sample", QT_TR_NOOP("Making the simulated section")}, {"import", QT_TR_NOOP("Importing")}, {"register", QT_TR_NOOP("Registering the spots")},
        {"convert", QT_TR_NOOP("Converting the image")},        {"hash", QT_TR_NOOP("Checking the files")},
        {"tissue", QT_TR_NOOP("Finding tissue")},               {"pair", QT_TR_NOOP("Pairing spots with tissue")},
        {"split", QT_TR_NOOP("Choosing training spots")},       {"features", QT_TR_NOOP("Describing tissue")},
        {"describe", QT_TR_NOOP("Describing tissue")},          {"adapt", QT_TR_NOOP("Adapting the generator")},
        {"synthesize", QT_TR_NOOP("Making synthetic tiles")},   {"assess", QT_TR_NOOP("Assessing tiles")},
        {"fit", QT_TR_NOOP("Fitting the predictor")},           {"evaluate", QT_TR_NOOP("Evaluating on held-out spots")},
        {"predict", QT_TR_NOOP("Predicting the map")},          {"export", QT_TR_NOOP("Exporting")},
        {"yardstick", QT_TR_NOOP("Describing real tiles")},     {"latent_yardstick", QT_TR_NOOP("Describing real tiles")},
        {"latent_features", QT_TR_NOOP("Comparing with training tiles")},
        {"places", QT_TR_NOOP("Describing the spots' tissue")}, {"augmented_places", QT_TR_NOOP("Describing augmented tiles")},
        {"map_places", QT_TR_NOOP("Describing the whole tissue")}, {"synthetic_places", QT_TR_NOOP("Describing synthetic tiles")},
        {"held_out_tiles", QT_TR_NOOP("Making tiles of held-out spots")}, {"follow", QT_TR_NOOP("Checking that tiles follow genes")},
        {"other_section", QT_TR_NOOP("Describing another section")},
        {"run", QT_TR_NOOP("Main job")},                        {"demo", QT_TR_NOOP("Sample")}};
    const QString name = QString::fromStdString(step);
    const auto found = texts.constFind(name);
    return found == texts.constEnd() ? name : QObject::tr(*found);
}

JobPanel::JobPanel(QWidget* parent) : QWidget(parent) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(grid(3), grid(2), grid(3), grid(2));
    row->setSpacing(grid(4));
    row->addWidget(makeForm());
    row->addWidget(makeProgress(), 3);
    row->addWidget(makeCharts(), 6);
    enable();
}

QWidget* JobPanel::makeCharts() {
    plot_ = new LossPlot;
    previews_ = new PreviewList;
    pages_ = new QTabBar;
    pages_->setObjectName("job_pages");
    pages_->setDrawBase(false);
    pages_->setExpanding(false);
    pages_->addTab(tr("Loss"));
    pages_->addTab(tr("Previews"));
    pages_->setTabToolTip(0, tr("Flow loss by training step"));
    pages_->setTabToolTip(1, previews_->toolTip());
    auto* box = new QWidget;
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(grid(1));
    auto* row = new QHBoxLayout;
    row->setSpacing(grid(4));
    row->addWidget(plot_, 3);
    row->addWidget(previews_, 4);
    column->addWidget(pages_);
    column->addLayout(row, 1);
    connect(pages_, &QTabBar::currentChanged, this, &JobPanel::arrange);
    connect(previews_, &PreviewList::changed, this, &JobPanel::arrange);
    arrange();
    return box;
}

void JobPanel::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    arrange();
}

void JobPanel::arrange() {
    constexpr int kWide = grid(300);  // 1,200 px: room for eight tiles in a row beside the curve
    const bool any = previews_->count() > 0, wide = width() >= kWide, behind = pages_->currentIndex() == 1;
    pages_->setVisible(any && !wide);
    plot_->setVisible(!any || wide || !behind);
    previews_->setVisible(any && (wide || behind));
}

QWidget* JobPanel::makeForm() {
    auto* box = new QWidget;
    auto* form = new QFormLayout(box);
    form->setContentsMargins(0, 0, 0, 0);
    form->setVerticalSpacing(grid(1));
    form->setHorizontalSpacing(grid(2));
    const auto make = [&](const QString& label, const char* name, int low, int high, int value, const QString& special, const QString& tip) {
        auto* spin = new QSpinBox;
        spin->setObjectName(name);
        spin->setRange(low, high);
        spin->setValue(value);
        spin->setGroupSeparatorShown(true);
        if (!special.isEmpty()) spin->setSpecialValueText(special);
        spin->setToolTip(tip);
        spin->setMinimumWidth(grid(30));
        form->addRow(label, spin);
        return spin;
    };
    spots = make(tr("Training spots"), "spots", 0, 10'000'000, 0, tr("all not held out"),
                 tr("How many spots to learn from, spread evenly over the tissue; the lowest value takes all that are not held out"));
    steps = make(tr("Adaptation"), "adapt_steps", 1, 1'000'000, 600, {}, tr("Training steps of the local adaptation at most; it stops early when held-out spots no longer gain"));
    steps->setSuffix(tr(" steps"));
    steps->setSingleStep(100);
    tiles = make(tr("Synthetic tiles"), "number", 0, 10'000'000, 0, tr("4 per training spot"), tr("Synthetic tiles in all; the lowest value makes four for each training spot"));
    tiles->setSingleStep(100);
    seed = make(tr("Seed"), "seed", 0, 2'000'000'000, 0, {}, tr("Seed of everything random; the same seed gives the same result"));
    central = new CentralField;
    form->addRow(tr("Central model"), central);
    form->addRow(central->note());
    run = new QPushButton(icon("run"), tr("Run"));
    run->setObjectName("run");
    stop = new QPushButton(icon("stop"), tr("Stop"));
    stop->setObjectName("stop");
    stop->setToolTip(tr("Stops and keeps a checkpoint (Ctrl+.); Run goes on from there"));
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(grid(2));
    buttons->addWidget(run, 1);
    buttons->addWidget(stop, 1);
    form->addRow(buttons);
    connect(run, &QPushButton::clicked, this, [this] { Q_EMIT runRequested(params()); });
    connect(stop, &QPushButton::clicked, this, &JobPanel::stopRequested);
    return box;
}

QWidget* JobPanel::makeProgress() {
    auto* box = new QWidget;
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(grid(1));
    status_ = new QLabel;
    status_->setObjectName("job_status");
    status_->setWordWrap(true);
    bar_ = new QProgressBar;
    bar_->setTextVisible(true);
    bar_->setFixedHeight(grid(5));
    bar_->setRange(0, 1000);
    numbers_ = new QLabel;
    numbers_->setForegroundRole(QPalette::PlaceholderText);
    numbers_->setToolTip(tr("Time left of this step and peak memory of the worker process"));
    copy_ = new QPushButton(tr("Copy command"));
    copy_->setToolTip(tr("Copies the command line that does the same"));
    auto* line = new QHBoxLayout;
    line->addWidget(numbers_, 1);
    line->addWidget(copy_);
    log_ = new QPlainTextEdit;
    log_->setObjectName("job_log");
    log_->setReadOnly(true);
    log_->setMaximumBlockCount(2000);
    log_->setPlaceholderText(tr("Findings and messages of the job appear here"));
    column->addWidget(status_);
    column->addWidget(bar_);
    column->addLayout(line);
    column->addWidget(log_, 1);
    connect(copy_, &QPushButton::clicked, this, [this] { QGuiApplication::clipboard()->setText(commandLine()); });
    return box;
}

void JobPanel::setProject(const QString& path, int count) {
    if (path != project_ && method_.isEmpty()) {
        plot_->clear();
        previews_->forget();
        live_ = false;
        if (running_.is_object() && running_.value("project", std::string()) != path.toStdString()) forgetJob();
    }
    project_ = path;
    central->setProject(path);
    spots->setMaximum(count > 0 ? count : 10'000'000);
    spots->setSuffix(count > 0 ? tr(" of %L1").arg(count) : QString());
    enable();
}

// How the job of another project ended is not said of this one.
void JobPanel::forgetJob() {
    status_->setProperty("own", QVariant());
    status_->setForegroundRole(QPalette::WindowText);
    bar_->setRange(0, 1000);
    bar_->setValue(0);
    numbers_->clear();
    log_->clear();
}

nlohmann::json JobPanel::params() const {
    nlohmann::json p = {{"project", project_.toStdString()}, {"adapt_steps", steps->value()}, {"seed", seed->value()}};
    if (spots->value() > 0) p["spots"] = spots->value();
    if (tiles->value() > 0) p["number"] = tiles->value();
    if (const QString model = central->path(); !model.isEmpty()) p["central"] = model.toStdString();
    return p;
}

QString JobPanel::commandLine() const { return method_.isEmpty() ? command_line("run", params()) : command_line(method_, running_); }

QString JobPanel::status() const { return status_->text(); }

void JobPanel::enable() {
    const bool busy = !method_.isEmpty();
    run->setEnabled(!busy && !project_.isEmpty());
    run->setToolTip(project_.isEmpty() ? tr("Open or import a section first") : tr("Adapt, synthesise, assess, fit, evaluate, predict (Ctrl+R); what is there already is not done again"));
    stop->setEnabled(busy && !stopping_);
    copy_->setEnabled(busy || !project_.isEmpty());
    for (QWidget* w : std::initializer_list<QWidget*>{spots, steps, tiles, seed}) w->setEnabled(!busy);
    central->setEnabled(!busy && !project_.isEmpty());
    if (busy || !status_->property("own").isNull()) return;
    status_->setText(project_.isEmpty() ? tr("Nothing to run yet: open a project, import a section, or open the sample.") : tr("Ready. Run does the whole job on this section."));
}

void JobPanel::jobStarted(const QString& method, const nlohmann::json& params) {
    method_ = method;
    running_ = params;
    stopping_ = false;
    clock_.start();
    log_->clear();
    live_ = method == "run" || method == "demo" || method == "adapt";
    if (live_) {
        plot_->clear();
        previews_->forget();
    }
    bar_->setRange(0, 0);
    status_->setProperty("own", true);
    status_->setForegroundRole(QPalette::WindowText);
    status_->setText(tr("Starting: %1 …").arg(step_text(method.toStdString())));
    numbers_->clear();
    addLine(commandLine());
    enable();
}

void JobPanel::jobStopping() {
    stopping_ = true;
    status_->setText(tr("Stopping: a checkpoint is being kept …"));
    enable();
}

void JobPanel::jobEnded(const QString& message, bool good) {
    method_.clear();
    stopping_ = false;
    bar_->setRange(0, 1000);
    bar_->setValue(good ? 1000 : 0);
    status_->setForegroundRole(good ? QPalette::WindowText : QPalette::BrightText);
    status_->setText(message);
    numbers_->setText(tr("after %1").arg(duration_text(clock_.elapsed() / 1000.0)));
    addLine(message);
    enable();
}

void JobPanel::showProgress(const Progress& p, const std::vector<rpc::LossPoint>& losses) {
    if (method_.isEmpty()) return;
    const QString message = QString::fromStdString(p.message);
    if (!stopping_) status_->setText(message.isEmpty() ? step_text(p.step) : QString("%1 · %2").arg(step_text(p.step), message));
    bar_->setRange(0, p.total > 0 ? 1000 : 0);
    if (p.total > 0) {
        bar_->setValue(static_cast<int>(1000.0 * static_cast<double>(std::min(p.done, p.total)) / static_cast<double>(p.total)));
        bar_->setFormat(tr("%1 of %2").arg(p.done).arg(p.total));
    }
    QStringList parts;
    if (std::isfinite(p.eta_s)) parts << tr("%1 left").arg(duration_text(p.eta_s));
    if (p.memory_bytes > 0) parts << tr("%1 memory").arg(bytes_text(static_cast<double>(p.memory_bytes)));
    if (std::isfinite(p.loss)) parts << tr("loss %1").arg(p.loss, 0, 'f', 4);
    numbers_->setText(parts.join("  ·  "));
    for (const auto& point : losses) plot_->add(static_cast<double>(point.step), point.loss, point.held_out);
}

void JobPanel::showPreview(const Preview& preview) {
    if (!method_.isEmpty()) previews_->add(preview);
}

void JobPanel::showCurve(const std::vector<CurvePoint>& curve) {
    if (!method_.isEmpty() || (curve.empty() && live_)) return;  // what a job that was stopped has drawn stays
    plot_->clear();
    for (const CurvePoint& point : curve) {
        if (point.loss) plot_->add(point.step, *point.loss, false);
        if (point.held_out) plot_->add(point.step, *point.held_out, true);
    }
    plot_->redraw();
}

void JobPanel::showPreviews(const std::vector<Preview>& previews) {
    if (!method_.isEmpty() || (previews.empty() && live_)) return;
    previews_->forget();
    for (const Preview& preview : previews) previews_->add(preview);
}

void JobPanel::addIssue(const Issue& issue) {
    const char* kind = issue.severity == Severity::Error ? "Error" : issue.severity == Severity::Warning ? "Warning" : "Note";
    QString line = QString("%1: %2").arg(tr(kind), QString::fromStdString(issue.text));
    if (!issue.location.empty()) line += QString(" (%1)").arg(QString::fromStdString(issue.location));
    addLine(line);
}

void JobPanel::addLine(const QString& line) { log_->appendPlainText(QTime::currentTime().toString("HH:mm:ss  ") + line); }

}  // namespace c2l::ui
