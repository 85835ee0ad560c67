#include "ui/gallery/tile_gallery.h"

#include <QCheckBox>
#include <QGridLayout>
#include <QItemSelectionModel>
#include <QLabel>
#include <QListView>
#include <QPushButton>
#include <QScrollArea>
#include <QSlider>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "ui/gallery/tile_delegate.h"

namespace c2l::ui {
namespace {

constexpr int kDetailPx = 112;

QLabel* make_label(const QString& text, QWidget* parent) {
    auto* label = new QLabel(text, parent);
    label->setWordWrap(true);
    return label;
}

}  // namespace

TileGallery::TileGallery(QWidget* parent) : QWidget(parent), pairs_(new TilePairs(this)), delegate_(new TileDelegate(this)) {
    list_ = new QListView;
    list_->setObjectName("tile_list");
    list_->setModel(pairs_);
    list_->setItemDelegate(delegate_);
    list_->setViewMode(QListView::IconMode);
    list_->setResizeMode(QListView::Adjust);
    list_->setMovement(QListView::Static);
    list_->setUniformItemSizes(true);
    list_->setSpacing(4);
    list_->setMouseTracking(true);
    list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    list_->setFrameShape(QFrame::NoFrame);

    auto* empty = make_label(tr("No synthetic tiles yet.\n\nPress Run in the Job panel: the program adapts the generator to this section, "
                                "then makes tiles for its spots. They appear here beside the real ones."), this);
    empty->setAlignment(Qt::AlignCenter);
    empty->setForegroundRole(QPalette::PlaceholderText);
    empty->setContentsMargins(48, 48, 48, 48);

    auto* splitter = new QSplitter(Qt::Horizontal);
    splitter->addWidget(list_);
    splitter->addWidget(makeDetails());
    splitter->setStretchFactor(0, 1);
    splitter->setCollapsible(0, false);

    auto* sheet = new QWidget;
    auto* column = new QVBoxLayout(sheet);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeBar());
    column->addWidget(splitter, 1);

    stack_ = new QStackedWidget;
    stack_->addWidget(empty);
    stack_->addWidget(sheet);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(stack_);

    connect(list_->selectionModel(), &QItemSelectionModel::currentChanged, this, &TileGallery::showDetails);
    connect(pairs_, &QAbstractItemModel::dataChanged, this, [this](const QModelIndex& index) {
        if (index.row() == list_->currentIndex().row()) showDetails();
    });
}

QWidget* TileGallery::makeBar() {
    auto* bar = new QWidget;
    auto* row = new QHBoxLayout(bar);
    row->setContentsMargins(12, 8, 12, 8);
    row->setSpacing(12);
    summary_ = new QLabel;
    summary_->setWordWrap(true);
    summary_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);  // never widens the window
    flagged_only_ = new QCheckBox(tr("Only flagged"));
    flagged_only_->setToolTip(tr("Shows only synthetic tiles that came too near to a training tile"));
    size_ = new QSlider(Qt::Horizontal);
    size_->setRange(64, 224);
    size_->setSingleStep(16);
    size_->setValue(88);
    size_->setFixedWidth(112);
    size_->setToolTip(tr("Size of a tile on screen (pixels)"));
    row->addWidget(summary_, 1);
    row->addWidget(flagged_only_);
    row->addWidget(new QLabel(tr("Size")));
    row->addWidget(size_);
    connect(flagged_only_, &QCheckBox::toggled, this, [this](bool on) {
        pairs_->setFlaggedOnly(on);
        showDetails();
    });
    connect(size_, &QSlider::valueChanged, this, [this](int side) {
        delegate_->setTileSide(side);
        list_->doItemsLayout();
    });
    return bar;
}

QWidget* TileGallery::makeDetails() {
    auto* panel = new QWidget;
    auto* grid = new QGridLayout(panel);
    grid->setContentsMargins(12, 12, 12, 12);
    grid->setHorizontalSpacing(8);
    real_ = new QLabel;
    synthetic_ = new QLabel;
    real_title_ = new QLabel(tr("Real"));
    real_title_->setAccessibleName(tr("Real tile"));
    for (QLabel* label : {real_, synthetic_}) {
        label->setStyleSheet("border: 1px solid palette(mid);");  // glass is as white as the page
        label->setFixedSize(kDetailPx, kDetailPx);
        label->setScaledContents(true);
    }
    text_ = make_label({}, panel);
    text_->setTextFormat(Qt::RichText);
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    text_->setAlignment(Qt::AlignTop);
    locate_ = new QPushButton(tr("Show on slide"));
    locate_->setToolTip(tr("Moves the slide view to the source spot"));
    real_title_->setWordWrap(true);
    real_title_->setFixedWidth(kDetailPx);
    grid->addWidget(real_title_, 0, 0, Qt::AlignBottom);
    grid->addWidget(new QLabel(tr("Synthetic")), 0, 1, Qt::AlignBottom);
    grid->addWidget(real_, 1, 0);
    grid->addWidget(synthetic_, 1, 1);
    grid->addWidget(text_, 2, 0, 1, 3);
    dial_ = new QPushButton(tr("Turn its genes"));
    dial_->setToolTip(tr("Opens the gene dial at the source spot"));
    grid->addWidget(locate_, 3, 0);
    grid->addWidget(dial_, 3, 1);
    grid->setRowStretch(4, 1);
    grid->setColumnStretch(2, 1);
    connect(locate_, &QPushButton::clicked, this, [this] {
        const QModelIndex index = list_->currentIndex();
        if (!index.isValid()) return;
        const QPointF at = pairs_->centre(index.row());
        Q_EMIT showOnSlide(at.x(), at.y());
    });
    connect(dial_, &QPushButton::clicked, this, [this] {
        if (const QModelIndex index = list_->currentIndex(); index.isValid()) Q_EMIT dialRequested(pairs_->tile(index.row()).source);
    });
    auto* scroll = new QScrollArea;
    scroll->setWidget(panel);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setMinimumWidth(2 * kDetailPx + 48);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    return scroll;
}

void TileGallery::setSources(std::shared_ptr<const SyntheticSet> set, std::shared_ptr<const Slide> slide, std::shared_ptr<const SpotData> spots) {
    pairs_->setSources(std::move(set), std::move(slide), std::move(spots));
    const bool any = pairs_->set() && !pairs_->set()->tiles.empty();
    stack_->setCurrentIndex(any ? 1 : 0);
    flagged_only_->setEnabled(any && pairs_->set()->flagged > 0);
    showSummary();
    if (any && pairs_->rowCount() > 0) select(0);
    else showDetails();
}

void TileGallery::setSimulated(bool simulated) {
    simulated_ = simulated;
    real_title_->setText(simulated ? tr("Source (simulated section)") : tr("Real"));
    showSummary();
}

void TileGallery::showSummary() {
    const auto& set = pairs_->set();
    if (!set) return;
    summary_->setText(tr("Synthetic tiles of %1 µm: %L2 · left: %3, right: synthetic · %L4 flagged as too near to training")
                          .arg(set->field_um, 0, 'f', 0)
                          .arg(set->tiles.size())
                          .arg(simulated_ ? tr("simulated section") : tr("real tissue"))
                          .arg(set->flagged));
}

void TileGallery::select(int row) { list_->setCurrentIndex(pairs_->index(row)); }

QString TileGallery::details() const { return text_->text(); }

void TileGallery::showDetails() {
    const QModelIndex index = list_->currentIndex();
    locate_->setEnabled(index.isValid());
    dial_->setEnabled(index.isValid());
    if (!index.isValid()) {
        real_->clear();
        synthetic_->clear();
        text_->setText(tr("Click a pair to see where it comes from."));
        return;
    }
    const SyntheticTile& t = pairs_->tile(index.row());
    if (const TilePair* pair = pairs_->pair(index.row())) {
        real_->setPixmap(QPixmap::fromImage(pair->real));
        synthetic_->setPixmap(QPixmap::fromImage(pair->synthetic));
    } else {  // not read yet: no picture rather than that of the pair before
        real_->clear();
        synthetic_->clear();
    }
    QString html = "<table cellspacing='0' cellpadding='2'>";
    const auto row = [&](const QString& name, const QString& value) {
        html += QString("<tr><td style='padding-right:12px'>%1</td><td><b>%2</b></td></tr>").arg(name, value);
    };
    row(tr("Source spot"), t.source.toHtmlEscaped());
    if (!t.source2.isEmpty()) row(tr("Mixed with"), tr("%1 (%2 %)").arg(t.source2.toHtmlEscaped()).arg(t.share * 100, 0, 'f', 0));
    row(tr("Seed"), t.seed.toHtmlEscaped());
    row(tr("Tile"), QString::number(pairs_->tileIndex(index.row())));
    html += "</table>";
    if (t.flagged)
        html += QString("<p style='color:%1'><b>%2</b></p>")
                    .arg(flag_colour().name(), tr("Flagged: nearer to a training tile than real tiles are; left out of training the predictor."));
    html += "<p>" + tr("Genes that stand out in its profile (value, standard deviations from the mean):") + "</p><table cellspacing='0' cellpadding='2'>";
    for (const auto& g : pairs_->set()->top_genes(static_cast<std::size_t>(pairs_->tileIndex(index.row())), 8)) {
        if (g.z <= 0) break;
        html += QString("<tr><td style='padding-right:12px'>%1</td><td align='right' style='padding-right:12px'>%2</td><td align='right'>%3 SD</td></tr>")
                    .arg(g.gene.toHtmlEscaped())
                    .arg(g.value, 0, 'f', 2)
                    .arg(g.z, 0, 'f', 1);
    }
    text_->setText(html + "</table>");
}

}  // namespace c2l::ui
