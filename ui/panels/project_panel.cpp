#include "ui/panels/project_panel.h"

#include <QFileInfo>
#include <QLabel>
#include <QListWidget>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>
#include <QStyle>
#include <QVBoxLayout>
#include <algorithm>

#include "ui/document/document.h"
#include "ui/panels/import_form.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

QString row(const QString& name, const QString& value) {
    return QString("<tr><td style='padding-right:12px;padding-bottom:2px'>%1</td><td style='padding-bottom:2px'><b>%2</b></td></tr>").arg(name, value);
}

// DICOM files are named by 60 digits that no line can be broken at; the panel would become as wide.
QString short_name(const QString& name) {
    constexpr int kMost = 30;
    return name.size() <= kMost ? name : name.left(kMost / 2 - 1) + QStringLiteral("…") + name.right(kMost / 2);
}

QString slide_rows(const SlideInfo& info) {
    const QLocale locale;
    QString html = row(QObject::tr("Slide"), short_name(QString::fromStdString(info.path.filename().string())).toHtmlEscaped());
    html += row(QObject::tr("Size"), QObject::tr("%1 × %2 px").arg(locale.toString(qlonglong(info.width)), locale.toString(qlonglong(info.height))));
    if (info.mpp) {
        html += row({}, QObject::tr("%1 × %2 mm").arg(info.width * *info.mpp / 1000, 0, 'f', 1).arg(info.height * *info.mpp / 1000, 0, 'f', 1));
        html += row(QObject::tr("µm/px"), QString::number(*info.mpp, 'g', 4) + (info.mpp_from_user ? QObject::tr(" (given)") : QString()));
    } else {
        html += row(QObject::tr("µm/px"), QObject::tr("unknown"));
    }
    html += row(QObject::tr("Format"), QString::fromStdString(info.vendor).toHtmlEscaped() + ", " + counted(static_cast<qint64>(info.levels.size()), QObject::tr("level"), QObject::tr("levels")));
    return html;
}

QString spot_rows(const SpotData& data, double mpp, double pitch_px) {
    const QLocale locale;
    QString html = row(QObject::tr("Spots"), locale.toString(qulonglong(data.spots.size())));
    html += row(QObject::tr("Genes"), locale.toString(qlonglong(data.expression.cols())));
    html += row(QObject::tr("Unit"), to_string(data.expression.unit));
    if (data.spots.diameter_um) html += row(QObject::tr("Diameter"), QObject::tr("%1 µm").arg(*data.spots.diameter_um, 0, 'f', 0));
    else if (data.spots.diameter_px && mpp > 0) html += row(QObject::tr("Diameter"), QObject::tr("%1 µm").arg(*data.spots.diameter_px * mpp, 0, 'f', 0));
    if (mpp > 0) html += row(QObject::tr("Pitch"), QObject::tr("%1 µm").arg(pitch_px * mpp, 0, 'f', 0));
    return html;
}

}  // namespace

ProjectPanel::ProjectPanel(Document* document, QWidget* parent) : QWidget(parent), document_(document) {
    title_ = new QLabel;
    title_->setWordWrap(true);
    QFont large = title_->font();
    large.setPointSizeF(large.pointSizeF() * 1.15);
    large.setBold(true);
    title_->setFont(large);
    facts_ = new QLabel;
    facts_->setTextFormat(Qt::RichText);
    facts_->setWordWrap(true);
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    issues_title_ = new QLabel;
    issues_ = new QListWidget;
    issues_->setWordWrap(true);
    issues_->setObjectName("issues");
    issues_->setToolTip(tr("What was noticed in the data; double-click one with a place to go there"));
    issues_->setIconSize(QSize(grid(4), grid(4)));

    import_toggle_ = new QPushButton(icon("import"), tr("Project of another section …"));
    form_ = new ImportForm;
    sample_ = new QPushButton(tr("Try the sample (simulated section)"));
    sample_->setToolTip(tr("Makes a simulated section and runs the main job on it: a few minutes"));

    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(grid(3), grid(2), grid(3), grid(3));
    column->setSpacing(grid(2));
    for (QWidget* w : std::initializer_list<QWidget*>{title_, facts_, issues_title_, issues_, import_toggle_, form_, sample_}) column->addWidget(w);
    column->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setWidget(content);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(scroll);
    setMinimumWidth(grid(62));

    connect(import_toggle_, &QPushButton::clicked, this, [this] { showImport(form_->isHidden()); });
    connect(sample_, &QPushButton::clicked, this, &ProjectPanel::sampleRequested);
    connect(issues_, &QListWidget::itemActivated, this, [this](QListWidgetItem* item) {
        const QStringList parts = item->data(Qt::UserRole).toString().split(',');
        bool ok_x = false, ok_y = false;
        const double x = parts.value(0).toDouble(&ok_x), y = parts.value(1).toDouble(&ok_y);
        if (ok_x && ok_y) Q_EMIT jumpTo(x, y);
    });
    for (auto signal : {&Document::projectChanged, &Document::slideChanged, &Document::spotsChanged, &Document::busyChanged})
        connect(document_, signal, this, &ProjectPanel::refresh);
    connect(document_, &Document::projectChanged, this, [this] {
        if (document_->project_path() == shown_) return;  // read again: a form being filled in stays open
        shown_ = document_->project_path();
        if (document_->has_project()) showImport(false);
    });
    refresh();
}

void ProjectPanel::showImport(bool on) {
    form_->setVisible(on);
    import_toggle_->setText(on ? tr("Close the form") : tr("Project of another section …"));
}

void ProjectPanel::refresh() {
    const bool project = document_->has_project();
    title_->setText(project             ? QFileInfo(document_->project_path()).completeBaseName()
                    : document_->slide() ? tr("No project yet")
                                         : tr("Start here"));
    QString html;
    if (document_->simulated())
        html += QString("<p style='margin:0'><b style='color:%1'>%2</b></p>").arg(accent().name(), tr("Simulated section: made by the program, no patient's tissue."));
    html += "<table cellspacing='0' cellpadding='0' style='margin-top:8px'>";  // a paragraph's own margin below is not kept before a table
    if (document_->slide()) html += slide_rows(document_->slide()->info());
    if (document_->spots()) html += spot_rows(*document_->spots(), document_->mpp(), document_->spot_pitch_px());
    html += "</table>";
    if (!project && !document_->slide()) html = tr("A project joins a slide with its spots. Drop the files below, or fill in the form, then press Import.");
    if (!document_->busy().isEmpty()) html += "<p style='margin:6px 0 0 0'><i>" + document_->busy().toHtmlEscaped() + "</i></p>";
    facts_->setText(html);
    import_toggle_->setVisible(project);
    sample_->setVisible(!project);
    if (!project) form_->show();
    refreshIssues();
}

void ProjectPanel::refreshIssues() {
    const auto found = document_->issues();
    issues_->clear();
    for (const Issue& issue : found) {
        const auto symbol = issue.severity == Severity::Error     ? QStyle::SP_MessageBoxCritical
                            : issue.severity == Severity::Warning ? QStyle::SP_MessageBoxWarning
                                                                  : QStyle::SP_MessageBoxInformation;
        QString text = QString::fromStdString(issue.text);
        if (!issue.location.empty()) text += QString(" (%1)").arg(QString::fromStdString(issue.location));
        auto* item = new QListWidgetItem(style()->standardIcon(symbol), text, issues_);
        item->setData(Qt::UserRole, QString::fromStdString(issue.location));
    }
    issues_->setFixedHeight(grid(std::min<int>(32, 4 + 13 * static_cast<int>(found.size()))));  // three lines each, then it scrolls
    issues_->setVisible(!found.empty());
    issues_title_->setVisible(!found.empty());
    issues_title_->setText(counted(static_cast<qint64>(found.size()), tr("finding"), tr("findings")));
}

}  // namespace c2l::ui
