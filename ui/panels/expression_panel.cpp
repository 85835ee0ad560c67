#include "ui/panels/expression_panel.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QCompleter>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPainter>
#include <QPushButton>
#include <QRegularExpression>
#include <QSet>
#include <QScrollArea>
#include <QSignalBlocker>
#include <QSlider>
#include <QStringListModel>
#include <QVBoxLayout>

#include "ui/overlay/colour_bar.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

QIcon swatch(ColourMapId id) {
    QImage strip(64, 14, QImage::Format_RGB32);
    for (int x = 0; x < strip.width(); ++x)
        for (int y = 0; y < strip.height(); ++y) strip.setPixel(x, y, ColourMap::get(id).colour(x / 63.0));
    return QIcon(QPixmap::fromImage(strip));
}

}  // namespace

ExpressionPanel::ExpressionPanel(QWidget* parent) : QWidget(parent) {
    search_ = new QLineEdit;
    search_->setObjectName("gene_search");
    search_->setPlaceholderText(tr("Search a gene"));
    search_->setClearButtonEnabled(true);
    search_->addAction(icon("gene-search"), QLineEdit::LeadingPosition);
    search_->setToolTip(tr("Gene name, any part of it (Ctrl+F)"));
    completer_ = new QCompleter(new QStringListModel(this), this);
    completer_->setCaseSensitivity(Qt::CaseInsensitive);
    completer_->setFilterMode(Qt::MatchContains);
    completer_->setMaxVisibleItems(12);
    search_->setCompleter(completer_);
    message_ = new QLabel;
    message_->setWordWrap(true);
    message_->setForegroundRole(QPalette::PlaceholderText);

    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(grid(3), grid(2), grid(3), grid(3));
    column->setSpacing(grid(2));
    column->addWidget(search_);
    column->addWidget(makeSource());
    column->addWidget(message_);
    auto* form = new QFormLayout;
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    form->setVerticalSpacing(grid(1));
    form->setHorizontalSpacing(grid(2));
    makeColours(form);
    makeAppearance(form);
    column->addLayout(form);
    bar_ = new ColourBar;
    bar_->setObjectName("colour_bar");
    bar_->setFixedHeight(grid(48));
    figures_ = new QLabel;
    figures_->setWordWrap(true);
    figures_->setForegroundRole(QPalette::PlaceholderText);
    column->addWidget(bar_);
    column->addWidget(figures_);
    column->addStretch(1);
    auto* scroll = new QScrollArea;
    scroll->setWidget(content);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(scroll);
    setMinimumWidth(grid(60));

    connect(search_, &QLineEdit::textChanged, this, &ExpressionPanel::takeGene);
    connect(search_, &QLineEdit::returnPressed, this, [this] {
        if (!setGene(search_->text()) && completer_->completionCount() > 0) search_->setText(completer_->currentCompletion());
    });
    useGenes();
    showExpression({});
}

QWidget* ExpressionPanel::makeSource() {
    auto* box = new QWidget;
    auto* row = new QHBoxLayout(box);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    measured_ = new QPushButton(tr("Measured"));
    predicted_ = new QPushButton(tr("Predicted"));
    measured_->setToolTip(tr("Expression read from the spots (M)"));
    predicted_->setToolTip(tr("Expression predicted over the tissue (P); there after the job has run"));
    // The chosen half in the accent colour: Fusion's pressed look is lost on a dark palette.
    box->setStyleSheet("QPushButton { border: 1px solid palette(mid); padding: 4px; background: palette(button); }"
                       "QPushButton:checked { background: palette(highlight); color: palette(highlighted-text); border-color: palette(highlight); }"
                       "QPushButton:disabled { color: palette(mid); }");
    auto* group = new QButtonGroup(this);
    for (QPushButton* b : {measured_, predicted_}) {
        b->setCheckable(true);
        group->addButton(b);
        row->addWidget(b, 1);
    }
    measured_->setChecked(true);
    predicted_->setEnabled(false);
    connect(predicted_, &QPushButton::toggled, this, [this](bool on) {
        settings_.predicted = on;
        useGenes();
        takeGene(search_->text());
    });
    return box;
}

void ExpressionPanel::makeColours(QFormLayout* form) {
    unit_ = new QComboBox;
    for (const MeasuredUnit unit : {MeasuredUnit::Log1pCounts, MeasuredUnit::Log1pCp10k, MeasuredUnit::Counts}) unit_->addItem(to_text(unit), static_cast<int>(unit));
    unit_->setToolTip(tr("Unit of measured values (counts of a spot, or counts per 10,000 of its total); predictions keep the unit of their map"));
    form->addRow(tr("Values"), unit_);
    map_ = new QComboBox;
    map_->setIconSize(QSize(64, 14));
    for (const ColourMapId id : ColourMap::all()) map_->addItem(swatch(id), ColourMap::name(id), static_cast<int>(id));
    map_->setToolTip(tr("Colour map"));
    form->addRow(tr("Colours"), map_);
    limits_ = new QComboBox;
    limits_->addItem(tr("percentiles"), false);
    limits_->addItem(tr("fixed values"), true);
    limits_->setToolTip(tr("Whether the limits below are percentiles of the values or values"));
    form->addRow(tr("Limits"), limits_);
    low_ = new QDoubleSpinBox;
    high_ = new QDoubleSpinBox;
    low_->setToolTip(tr("Lower limit of the colours"));
    high_->setToolTip(tr("Upper limit of the colours"));
    auto* row = new QHBoxLayout;
    row->setSpacing(grid(1));
    row->addWidget(low_, 1);
    row->addWidget(new QLabel("–"));
    row->addWidget(high_, 1);
    form->addRow(QString(), row);
    log_ = new QCheckBox(tr("Logarithmic colours"));
    log_->setToolTip(tr("Colours follow log(1 + value)"));
    zero_ = new QCheckBox(tr("Zero is transparent"));
    zero_->setToolTip(tr("Spots where the gene was not seen are not drawn"));
    form->addRow(QString(), log_);
    form->addRow(QString(), zero_);
    limitModeChanged();
    connect(unit_, &QComboBox::currentIndexChanged, this, &ExpressionPanel::take);
    connect(map_, &QComboBox::currentIndexChanged, this, &ExpressionPanel::take);
    connect(limits_, &QComboBox::currentIndexChanged, this, [this] {
        limitModeChanged();
        take();
    });
    for (QDoubleSpinBox* b : {low_, high_}) connect(b, &QDoubleSpinBox::valueChanged, this, &ExpressionPanel::take);
    for (QCheckBox* b : {log_, zero_}) connect(b, &QCheckBox::toggled, this, &ExpressionPanel::take);
}

void ExpressionPanel::makeAppearance(QFormLayout* form) {
    opacity_ = makeSlider(form, tr("Opacity"), 0, 100, 80, tr("Opacity of spots and map; hold H to peek underneath"), tr("%"));
    size_ = makeSlider(form, tr("Spot size"), 25, 200, 100, tr("100 % is the true diameter"), tr("%"));
    shown_ = new QCheckBox(tr("Show over the slide"));
    shown_->setToolTip(tr("Shows or hides spots and map (O)"));
    shown_->setChecked(true);
    abstain_ = new QCheckBox(tr("Fade where unsure"));
    abstain_->setToolTip(tr("Fades map cells whose tissue is unlike anything the predictor was trained on"));
    abstain_->setChecked(true);
    form->addRow(QString(), shown_);
    form->addRow(QString(), abstain_);
    for (QCheckBox* b : {shown_, abstain_}) connect(b, &QCheckBox::toggled, this, &ExpressionPanel::take);
    for (QSlider* s : {opacity_, size_}) connect(s, &QSlider::valueChanged, this, &ExpressionPanel::take);
}

QSlider* ExpressionPanel::makeSlider(QFormLayout* form, const QString& label, int low, int high, int value, const QString& tip, const QString& unit) {
    auto* slider = new QSlider(Qt::Horizontal);
    slider->setRange(low, high);
    slider->setValue(value);
    slider->setToolTip(tip);
    auto* number = new QLabel;
    number->setMinimumWidth(number->fontMetrics().horizontalAdvance("200 %"));
    number->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    const auto write = [number, unit](int v) { number->setText(QString("%1 %2").arg(v).arg(unit)); };
    write(value);
    connect(slider, &QSlider::valueChanged, number, write);
    auto* row = new QHBoxLayout;
    row->setSpacing(grid(1));
    row->addWidget(slider, 1);
    row->addWidget(number);
    form->addRow(label, row);
    return slider;
}

void ExpressionPanel::limitModeChanged() {
    const QSignalBlocker block_low(low_), block_high(high_);
    const bool fixed = limits_->currentData().toBool();
    const ColourScale scale = bar_ ? bar_->scale() : ColourScale();
    for (QDoubleSpinBox* b : {low_, high_}) {
        b->setDecimals(fixed ? 2 : 1);
        b->setSuffix(fixed ? QString() : tr(" %"));
        b->setRange(fixed ? -1e6 : 0, fixed ? 1e6 : 100);
        b->setSingleStep(fixed ? 0.1 : 1);
    }
    low_->setValue(fixed ? scale.low : 1);
    high_->setValue(fixed ? scale.high : 99);
}

void ExpressionPanel::setGenes(const QStringList& measured, const QStringList& predicted) {
    measured_genes_ = measured;
    predicted_genes_ = predicted;
    predicted_->setEnabled(!predicted.isEmpty());
    if (predicted.isEmpty() && predicted_->isChecked()) measured_->setChecked(true);
    useGenes();
    takeGene(search_->text());
}

QStringList ExpressionPanel::genes() const {
    if (!both_) return settings_.predicted ? predicted_genes_ : measured_genes_;
    QStringList all = measured_genes_;
    const QSet<QString> measured(all.begin(), all.end());
    for (const QString& gene : predicted_genes_)
        if (!measured.contains(gene)) all.append(gene);
    return all;
}

void ExpressionPanel::useGenes() {
    const QStringList known = genes();
    static_cast<QStringListModel*>(completer_->model())->setStringList(known);
    search_->setEnabled(!known.isEmpty());
    unit_->setEnabled(both_ || !settings_.predicted);
    abstain_->setEnabled(both_ || settings_.predicted);
    size_->setEnabled(both_ || !settings_.predicted);
}

void ExpressionPanel::setBoth(bool on) {
    if (both_ == on) return;
    both_ = on;
    useGenes();
    takeGene(search_->text());
}

bool ExpressionPanel::setGene(const QString& gene) {
    const QStringList known = genes();
    const auto found = known.indexOf(QRegularExpression("^" + QRegularExpression::escape(gene) + "$", QRegularExpression::CaseInsensitiveOption));
    if (found < 0) return false;
    search_->setText(known[found]);
    return true;
}

void ExpressionPanel::setPredicted(bool on) { (on ? predicted_ : measured_)->setChecked(true); }

void ExpressionPanel::takeGene(const QString& text) {
    const QStringList all = genes();
    const QString wanted = text.trimmed();
    const bool known = !wanted.isEmpty() && all.contains(wanted, Qt::CaseInsensitive);
    const bool not_predicted = measured_genes_.contains(wanted, Qt::CaseInsensitive) && !predicted_genes_.contains(wanted, Qt::CaseInsensitive);
    if (all.isEmpty()) message_->setText(tr("Import a section with spots to search its genes."));
    else if (not_predicted && (settings_.predicted || (both_ && !predicted_genes_.isEmpty()))) message_->setText(tr("%1 was measured but is not in the predicted map.").arg(wanted));
    else if (known || wanted.isEmpty()) message_->setText(counted(all.size(), tr("gene"), tr("genes")) + ' ' + (both_ ? tr("measured or predicted") : settings_.predicted ? tr("in the predicted map") : tr("measured")));
    else message_->setText(tr("Keep typing, or choose from the list."));
    settings_.gene = known || wanted.isEmpty() ? wanted : QString();
    if (known || wanted.isEmpty() || settings_.predicted) Q_EMIT changed();
}

void ExpressionPanel::take() {
    settings_.unit = static_cast<MeasuredUnit>(unit_->currentData().toInt());
    settings_.colours = static_cast<ColourMapId>(map_->currentData().toInt());
    settings_.fixed_limits = limits_->currentData().toBool();
    settings_.low = low_->value();
    settings_.high = high_->value();
    settings_.log = log_->isChecked();
    settings_.zero_transparent = zero_->isChecked();
    settings_.opacity = opacity_->value() / 100.0;
    settings_.spot_size = size_->value() / 100.0;
    settings_.shown = shown_->isChecked();
    settings_.abstain = abstain_->isChecked();
    Q_EMIT changed();
}

void ExpressionPanel::setShown(bool on) { shown_->setChecked(on); }

void ExpressionPanel::focusSearch() {
    search_->setFocus(Qt::ShortcutFocusReason);
    search_->selectAll();
}

void ExpressionPanel::showExpression(const ExpressionShown& shown) {
    bar_->setVisible(shown.any);
    figures_->setVisible(shown.any);
    if (shown.any) bar_->set(settings_.colours, shown.scale, shown.title, shown.unit);
    figures_->setText(shown.figures);
}

}  // namespace c2l::ui
