#include "ui/panels/gene_dial.h"

#include <QByteArray>
#include <QCheckBox>
#include <QComboBox>
#include <QCompleter>
#include <QGridLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <QSpinBox>
#include <QStackedWidget>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "ui/document/background.h"
#include "ui/document/document.h"
#include "ui/document/field_image.h"
#include "ui/jobs/worker_client.h"
#include "ui/overlay/colour_map.h"
#include "ui/panels/theme.h"

namespace c2l::ui {
namespace {

constexpr int kTilePx = 160;   // on screen
constexpr int kRealPx = 128;
constexpr int kMostSd = 4;
constexpr int kStepsPerSd = 10;
constexpr double kFirstSd = 2;  // far enough to show something, near enough to have been seen

QComboBox* make_search(const QString& tip) {
    auto* box = new QComboBox;
    box->setEditable(true);
    box->setInsertPolicy(QComboBox::NoInsert);
    box->completer()->setFilterMode(Qt::MatchContains);
    box->completer()->setCompletionMode(QCompleter::PopupCompletion);
    box->setMinimumContentsLength(12);
    box->setToolTip(tip);
    return box;
}

QStringList texts(const nlohmann::json& list) {
    QStringList out;
    for (const auto& item : list)
        if (item.is_string()) out << QString::fromStdString(item.get<std::string>());
    return out;
}

QImage png_of(const nlohmann::json& result) {
    const auto png = result.find("png_base64");
    if (png == result.end() || !png->is_string()) return {};
    const QImage image = QImage::fromData(QByteArray::fromBase64(QByteArray::fromStdString(png->get<std::string>())), "png");
    return image.width() > 4096 || image.height() > 4096 ? QImage() : image.convertToFormat(QImage::Format_RGB32);
}

QString sd_text(double sd) { return QObject::tr("%1%2 SD").arg(sd > 0 ? "+" : "").arg(QString::number(sd, 'f', 1).replace('-', QChar(0x2212))); }

void show_image(QLabel* label, const QImage& image) { label->setPixmap(image.isNull() ? QPixmap() : QPixmap::fromImage(image.scaled(kTilePx, kTilePx, Qt::KeepAspectRatio, Qt::SmoothTransformation))); }

}  // namespace

QImage difference_image(const QImage& a, const QImage& b, int& largest) {
    largest = 0;
    if (a.size() != b.size() || a.isNull()) return {};
    const auto gap = [&](int x, int y) { return std::abs(qGray(a.pixel(x, y)) - qGray(b.pixel(x, y))); };
    for (int y = 0; y < a.height(); ++y)
        for (int x = 0; x < a.width(); ++x) largest = std::max(largest, gap(x, y));
    QImage out(a.size(), QImage::Format_RGB32);
    for (int y = 0; y < a.height(); ++y)
        for (int x = 0; x < a.width(); ++x) out.setPixel(x, y, ColourMap::get(ColourMapId::Magma).colour(static_cast<double>(gap(x, y)) / std::max(largest, kLeastScale)));
    return out;
}

GeneDial::GeneDial(Document* document, WorkerClient* worker, QWidget* parent) : QWidget(parent), document_(document), worker_(worker) {
    worker_->setParent(this);
    pool_.setMaxThreadCount(1);
    settle_.setSingleShot(true);
    settle_.setInterval(kSettleMs);
    auto* empty = new QLabel(tr("No generator yet.\n\nPress Run in the Job panel: the program adapts the generator to this section. Then one gene can be turned here, to see what it does to the tissue."));
    empty->setAlignment(Qt::AlignCenter);
    empty->setWordWrap(true);
    empty->setForegroundRole(QPalette::PlaceholderText);
    empty->setMargin(grid(12));
    message_ = new QLabel;
    message_->setObjectName("dial_message");
    message_->setWordWrap(true);
    auto* content = new QWidget;
    auto* column = new QVBoxLayout(content);
    column->setContentsMargins(grid(4), grid(3), grid(4), grid(4));
    column->setSpacing(grid(4));
    column->addWidget(makeControls());
    column->addWidget(makeTiles());
    column->addWidget(message_);
    column->addStretch(1);
    stack_ = new QStackedWidget;
    stack_->addWidget(empty);
    stack_->addWidget(content);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(stack_);

    connect(&settle_, &QTimer::timeout, this, &GeneDial::step);
    connect(worker_, &WorkerClient::finished, this, [this](const QString&, const nlohmann::json& result) {
        take(result);
        step();
    });
    const auto failed = [this](const QString&, const QString& text) {
        if (asksForThis()) refuse(text.contains("--central") ? text + ". " + tr("Here that is Central model in the Job panel.") : text);
        step();
    };
    connect(worker_, &WorkerClient::failed, this, failed);
    connect(worker_, &WorkerClient::stopped, this, failed);
    for (auto signal : {&Document::projectChanged, &Document::slideChanged, &Document::reportsChanged}) connect(document_, signal, this, &GeneDial::sourcesChanged);
    sourcesChanged();
}

GeneDial::~GeneDial() {
    disconnect(worker_, nullptr, this, nullptr);
    ++generation_;
    pool_.clear();
    pool_.waitForDone();
}

QWidget* GeneDial::makeControls() {
    auto* box = new QWidget;
    auto* form = new QGridLayout(box);
    form->setContentsMargins(0, 0, 0, 0);
    form->setHorizontalSpacing(grid(2));
    spot_ = make_search(tr("Spot whose measured genes the tile is drawn from"));
    spot_->setObjectName("dial_spot");
    gene_ = make_search(tr("Gene to turn, of those that the generator was adapted with"));
    gene_->setObjectName("dial_gene");
    seed_ = new QSpinBox;
    seed_->setRange(0, 999999);
    seed_->setToolTip(tr("Seed of the noise that all tiles here begin with; another seed is another piece of tissue with the same genes"));
    slider_ = new QSlider(Qt::Horizontal);
    slider_->setObjectName("dial_slider");
    slider_->setRange(-kMostSd * kStepsPerSd, kMostSd * kStepsPerSd);
    slider_->setPageStep(kStepsPerSd);
    slider_->setTickInterval(kStepsPerSd);
    slider_->setTickPosition(QSlider::TicksBelow);
    slider_->setValue(static_cast<int>(kFirstSd * kStepsPerSd));
    slider_->setToolTip(tr("Value of the gene, in standard deviations (SD) from its mean over the training spots"));
    companions_ = new QCheckBox(tr("and the genes that go along with it"));
    companions_->setObjectName("dial_companions");
    companions_->setChecked(true);
    companions_->setToolTip(tr("Moves the other genes as far as their correlation over the training spots lets expect; one gene alone hardly ever changes in tissue"));
    value_ = new QLabel;
    value_->setMinimumWidth(fontMetrics().horizontalAdvance("+0.0 SD  "));
    form->addWidget(new QLabel(tr("Spot")), 0, 0);
    form->addWidget(spot_, 0, 1);
    form->addWidget(new QLabel(tr("Seed")), 0, 3);
    form->addWidget(seed_, 0, 4);
    form->addWidget(new QLabel(tr("Gene")), 1, 0);
    form->addWidget(gene_, 1, 1);
    form->addWidget(slider_, 1, 2, 1, 2);
    form->addWidget(value_, 1, 4);
    form->addWidget(companions_, 2, 1, 1, 3);
    form->setColumnStretch(2, 1);
    connect(spot_, &QComboBox::currentIndexChanged, this, &GeneDial::changed);
    connect(gene_, &QComboBox::currentIndexChanged, this, &GeneDial::changed);
    connect(seed_, &QSpinBox::valueChanged, this, &GeneDial::changed);
    connect(slider_, &QSlider::valueChanged, this, &GeneDial::changed);
    connect(companions_, &QCheckBox::toggled, this, &GeneDial::changed);
    return box;
}

QWidget* GeneDial::makeTiles() {
    auto* box = new QWidget;
    auto* sheet = new QGridLayout(box);
    sheet->setContentsMargins(0, 0, 0, 0);
    sheet->setHorizontalSpacing(grid(4));
    turned_title_ = new QLabel;
    const auto add = [&](QLabel* title, const QString& tip) {
        auto* view = new QLabel;
        view->setFixedSize(kTilePx + 2, kTilePx + 2);
        view->setAlignment(Qt::AlignCenter);
        view->setStyleSheet("border: 1px solid palette(mid);");  // glass is as white as the page
        view->setToolTip(tip);
        const int at = sheet->columnCount();
        sheet->addWidget(title, 0, at, Qt::AlignLeft);
        sheet->addWidget(view, 1, at);
        return view;
    };
    real_view_ = add(new QLabel(tr("Real")), tr("The tissue at the spot"));
    own_view_ = add(new QLabel(tr("Its own genes")), tr("Synthetic: drawn from the spot's measured genes"));
    turned_view_ = add(turned_title_, tr("Synthetic: the same genes and seed, but for what is turned"));
    difference_title_ = new QLabel;
    difference_view_ = add(difference_title_, tr("Between the two synthetic tiles: black where they agree, brightest where they differ most (grey levels, of 255)"));
    sheet->setColumnStretch(sheet->columnCount(), 1);
    return box;
}

void GeneDial::sourcesChanged() {
    const auto& snapshot = document_->snapshot();
    const Artifact* adapted = snapshot ? snapshot->newest("adapt") : nullptr;
    const QString adapter = adapted ? QString::fromStdString(adapted->id) : QString();
    stack_->setCurrentIndex(adapted ? 1 : 0);
    if (adapter != adapter_ || document_->project_path() != project_) {
        if (document_->project_path() != project_) wanted_spot_.clear();  // a spot of another section
        adapter_ = adapter;
        project_ = document_->project_path();
        own_for_ = turned_for_ = failed_for_ = {};
        real_ = own_ = turned_ = {};
        ++generation_;
        for (QComboBox* box : {spot_, gene_}) {
            const QSignalBlocker quiet(box);
            box->clear();
        }
        say({});
    }
    readReal();
    changed();
}

void GeneDial::setSpot(const QString& barcode) {
    wanted_spot_ = barcode;
    if (const int at = spot_->findText(barcode); at >= 0) spot_->setCurrentIndex(at);
    changed();
}

void GeneDial::setGene(const QString& gene) { gene_->setCurrentIndex(gene_->findText(gene, Qt::MatchFixedString)); }
void GeneDial::setValue(double sd) { slider_->setValue(static_cast<int>(std::lround(sd * kStepsPerSd))); }

void GeneDial::setCentral(const QString& path) {
    if (path == central_) return;
    central_ = path;
    changed();
}

QString GeneDial::spot() const {
    if (spot_->count()) return spot_->itemText(std::max(0, spot_->currentIndex()));
    const auto& tiles = document_->synthetic();  // before the list has come: a spot that is surely in use
    return !wanted_spot_.isEmpty() || !tiles || tiles->tiles.empty() ? wanted_spot_ : tiles->tiles.front().source;
}
QString GeneDial::gene() const { return gene_->currentIndex() < 0 ? QString() : gene_->itemText(gene_->currentIndex()); }
void GeneDial::setCompanions(bool on) { companions_->setChecked(on); }
double GeneDial::value() const { return static_cast<double>(slider_->value()) / kStepsPerSd; }
QString GeneDial::message() const { return message_->text(); }

void GeneDial::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    changed();
}

void GeneDial::changed() {
    value_->setText(sd_text(value()));
    turned_title_->setText(gene().isEmpty() ? tr("One gene turned") : tr("%1 at %2").arg(gene(), sd_text(value())));
    if (isVisible()) settle_.start();
}

nlohmann::json GeneDial::request(bool turned) const {
    nlohmann::json p = {{"project", project_.toStdString()}, {"spot", spot().toStdString()}, {"seed", seed_->value()}};
    if (!central_.isEmpty()) p["central"] = central_.toStdString();
    if (turned) {
        p["dial"] = gene().toStdString() + "=" + QString::number(value(), 'f', 1).toStdString();
        p["companions"] = companions_->isChecked();
    }
    if (gene_->count() == 0) p["list"] = true;
    return p;
}

nlohmann::json GeneDial::wanted() const {
    if (adapter_.isEmpty() || !isVisible()) return {};
    const auto own = request(false);
    if (own == failed_for_) return {};
    if (gene_->count() == 0 || own != own_for_) return own;
    if (gene().isEmpty()) return {};
    const auto turned = request(true);
    return turned == turned_for_ || turned == failed_for_ ? nlohmann::json() : turned;
}

bool GeneDial::isQuiet() const { return !isVisible() || (!worker_->isRunning() && !settle_.isActive() && reading_ == 0 && wanted().is_null()); }

void GeneDial::step() {
    if (worker_->isRunning() || settle_.isActive()) return;
    const auto next = wanted();
    if (next.is_null()) return;
    asked_ = next;
    asked_adapter_ = adapter_;
    ++requests_;
    clock_.start();
    say(tr("Drawing …"));
    worker_->start("sample", next);
}

// Not of a project that has been closed, nor from before it was adapted anew.
bool GeneDial::asksForThis() const { return asked_.value("project", std::string()) == project_.toStdString() && asked_adapter_ == adapter_; }

void GeneDial::take(const nlohmann::json& result) {
    const QImage image = result.is_object() ? png_of(result) : QImage();
    if (!asksForThis()) return changed();
    if (result.is_object() && asked_.contains("list")) fill(result);
    if (image.isNull() || gene_->count() == 0) return refuse(tr("The worker sent no tile; see the log of the Job panel."));
    failed_for_ = {};
    QString text = tr("Drawn in %1 s.").arg(static_cast<double>(clock_.elapsed()) / 1000, 0, 'f', 1);
    const bool outside = !result.value("in_range", true);
    if (!asked_.contains("dial")) {
        own_ = image;
        own_for_ = asked_;
        own_for_.erase("list");
        turned_for_ = {};
        turned_ = {};
        field_um_ = result.value("tile_um", 0.0);
        readReal();
        if (outside) text += ' ' + tr("This spot's genes are unlike those of the training spots; its tile is a guess.");
    } else {
        turned_ = image;
        turned_for_ = asked_;
        if (const auto list = result.find("turned"); list != result.end() && list->is_array() && !list->empty()) {
            const auto& one = list->front();
            text += ' ' + tr("%1 is at %2 in this spot and lies between %3 and %4 over the training spots.")
                              .arg(QString::fromStdString(one.value("gene", "")), sd_text(one.value("own_sd", 0.0)), sd_text(one.value("lowest_sd", 0.0)), sd_text(one.value("highest_sd", 0.0)));
        }
        if (const int along = result.value("companions", 0); along > 0) text += ' ' + (along == 1 ? tr("One other gene moved along.") : tr("%1 other genes moved along.").arg(along));
        if (outside) text += ' ' + tr("The dial is outside of what the generator was adapted on: this tile is a guess.");
    }
    showTiles();
    say(text, outside);
}

// No tile stays beside settings that it does not belong to.
void GeneDial::refuse(const QString& text) {
    failed_for_ = asked_;
    if (!asked_.contains("dial")) own_ = real_ = {};
    turned_ = {};
    own_for_ = asked_.contains("dial") ? own_for_ : nlohmann::json();
    turned_for_ = {};
    showTiles();
    say(text, true);
}

void GeneDial::fill(const nlohmann::json& result) {
    const QStringList genes = texts(result.value("genes", nlohmann::json::array())), spots = texts(result.value("spots", nlohmann::json::array()));
    {
        const QSignalBlocker quiet_gene(gene_), quiet_spot(spot_);
        gene_->addItems(genes);
        gene_->setCurrentIndex(genes.isEmpty() ? -1 : 0);
        spot_->addItems(spots);
        const QString asked = QString::fromStdString(asked_.value("spot", std::string()));
        // A spot may have been chosen while the list was on its way.
        spot_->setCurrentIndex(std::max<int>(0, static_cast<int>(spots.indexOf(spots.contains(wanted_spot_) ? wanted_spot_ : asked))));
    }
    changed();
}

void GeneDial::readReal() {
    const auto& spots = document_->spots();
    const auto slide = document_->slide();
    if (!spots || !slide || field_um_ <= 0) return;
    const auto& names = spots->spots.barcodes;
    const auto found = std::find(names.begin(), names.end(), own_for_.is_object() ? own_for_.value("spot", std::string()) : std::string());
    if (found == names.end()) {
        real_ = {};
        return showTiles();
    }
    const auto at = static_cast<std::size_t>(found - names.begin());
    ++reading_;
    run_in_background(
        pool_, this,
        [slide, centre = QPointF(spots->spots.x[at], spots->spots.y[at]), field = field_um_] {
            QString problem;
            return read_field(*slide, centre, field, kRealPx, problem);
        },
        [this, generation = generation_, asked = own_for_](Outcome<QImage> outcome) {
            --reading_;
            if (generation != generation_ || asked != own_for_) return;
            real_ = outcome ? *outcome.value : QImage();
            showTiles();
        });
}

void GeneDial::showTiles() {
    show_image(real_view_, real_);
    show_image(own_view_, own_);
    show_image(turned_view_, turned_);
    int largest = 0;
    const QImage difference = difference_image(own_, turned_, largest);
    difference_title_->setText(difference.isNull() ? tr("Difference") : tr("Difference, up to %1").arg(largest));
    show_image(difference_view_, difference);
}

void GeneDial::say(const QString& text, bool warning) {
    message_->setText(text);
    message_->setStyleSheet(warning ? QString("color: %1").arg(QColor(0xe0, 0x5a, 0x2b).name()) : QString());
}

}  // namespace c2l::ui
