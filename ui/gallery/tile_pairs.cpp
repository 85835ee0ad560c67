#include "ui/gallery/tile_pairs.h"

#include "ui/document/background.h"
#include "ui/document/field_image.h"

namespace c2l::ui {

TilePairs::TilePairs(QObject* parent) : QAbstractListModel(parent) { pool_.setMaxThreadCount(1); }

TilePairs::~TilePairs() {
    pool_.clear();
    pool_.waitForDone();
}

void TilePairs::setSources(std::shared_ptr<const SyntheticSet> set, std::shared_ptr<const Slide> slide, std::shared_ptr<const SpotData> spots) {
    set_ = std::move(set);
    slide_ = std::move(slide);
    places_.clear();
    if (spots)
        for (std::size_t i = 0; i < spots->spots.size(); ++i)
            places_.insert(QString::fromStdString(spots->spots.barcodes[i]), {spots->spots.x[i], spots->spots.y[i]});
    rebuild();
}

void TilePairs::setFlaggedOnly(bool on) {
    flagged_only_ = on;
    rebuild();
}

void TilePairs::rebuild() {
    beginResetModel();
    ++generation_;
    pool_.clear();
    asked_.clear();
    pairs_.clear();
    visible_.clear();
    row_of_.clear();
    for (int i = 0; set_ && i < static_cast<int>(set_->tiles.size()); ++i) {
        if (flagged_only_ && !set_->tiles[static_cast<std::size_t>(i)].flagged) continue;
        row_of_.insert(i, static_cast<int>(visible_.size()));
        visible_.push_back(i);
    }
    endResetModel();
}

int TilePairs::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(visible_.size()); }

QVariant TilePairs::data(const QModelIndex& index, int role) const {
    if (!index.isValid()) return {};
    const SyntheticTile& t = tile(index.row());
    switch (role) {
        case Qt::DisplayRole: return t.source.isEmpty() ? tr("tile %1").arg(tileIndex(index.row())) : t.source;
        case Qt::ToolTipRole:
            return tr("Left: the real tile at spot %1.\nRight: a synthetic tile made from its genes.%2")
                .arg(t.source, t.flagged ? tr("\nFlagged: too near to a training tile.") : QString());
        case FlaggedRole: return t.flagged;
        case TileRole: return tileIndex(index.row());
        default: return {};
    }
}

QPointF TilePairs::centre(int row) const {
    const SyntheticTile& t = tile(row);
    return places_.value(t.source, {t.x, t.y});
}

const TilePair* TilePairs::pair(int row) const {
    const int index = tileIndex(row);
    if (const TilePair* held = pairs_.object(index)) return held;
    if (asked_.contains(index)) return nullptr;
    asked_.insert(index);
    auto work = [slide = slide_, centre = centre(row), field = set_->field_um, png = tile(row).png] {
        TilePair pair;
        if (slide) pair.real = read_field(*slide, centre, field, kTilePx, pair.real_problem);
        else pair.real_problem = tr("the slide is not open");
        pair.synthetic = read_png(png, pair.synthetic_problem);
        return pair;
    };
    auto* self = const_cast<TilePairs*>(this);
    run_in_background(pool_, self, std::move(work), [self, index, generation = generation_](Outcome<TilePair> outcome) {
        if (generation != self->generation_) return;
        if (!outcome) outcome.value = TilePair{{}, {}, outcome.error, outcome.error};
        self->take(index, std::move(*outcome.value));
    }, ++priority_);
    return nullptr;
}

void TilePairs::take(int tile, TilePair pair) {
    asked_.remove(tile);
    pairs_.insert(tile, new TilePair(std::move(pair)));
    if (const auto row = row_of_.constFind(tile); row != row_of_.constEnd()) Q_EMIT dataChanged(index(*row), index(*row));
}

}  // namespace c2l::ui
