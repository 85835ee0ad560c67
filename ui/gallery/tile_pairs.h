// Pairs of a synthetic tile and the real tile at the spot its profile came from, read in the background when they are
// first looked at. GUI thread only; the reading happens on one thread of its own.
#pragma once

#include <QAbstractListModel>
#include <QCache>
#include <QHash>
#include <QImage>
#include <QSet>
#include <QThreadPool>
#include <memory>
#include <vector>

#include "slide/slide.h"
#include "ui/document/results.h"

namespace c2l::ui {

struct TilePair {
    QImage real, synthetic;
    QString real_problem, synthetic_problem;  // why an image is missing
};

class TilePairs : public QAbstractListModel {
    Q_OBJECT
public:
    static constexpr int kTilePx = 128;
    enum Role { FlaggedRole = Qt::UserRole, TileRole };

    explicit TilePairs(QObject* parent = nullptr);
    ~TilePairs() override;

    void setSources(std::shared_ptr<const SyntheticSet> set, std::shared_ptr<const Slide> slide, std::shared_ptr<const SpotData> spots);
    void setFlaggedOnly(bool on);
    const std::shared_ptr<const SyntheticSet>& set() const { return set_; }

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    const SyntheticTile& tile(int row) const { return set_->tiles[static_cast<std::size_t>(visible_[static_cast<std::size_t>(row)])]; }
    int tileIndex(int row) const { return visible_[static_cast<std::size_t>(row)]; }
    // Centre of the real tile: the source spot, or the profile's own place when that spot is not in the table.
    QPointF centre(int row) const;
    // Null until it has been read; asks for it and announces it by dataChanged.
    const TilePair* pair(int row) const;
    bool isQuiet() const { return asked_.isEmpty(); }  // nothing is being read

private:
    void rebuild();
    void take(int tile, TilePair pair);

    std::shared_ptr<const SyntheticSet> set_;
    std::shared_ptr<const Slide> slide_;
    QHash<QString, QPointF> places_;  // barcode → centre
    std::vector<int> visible_;        // row → index of the tile
    QHash<int, int> row_of_;          // and back
    bool flagged_only_ = false;
    int generation_ = 0;
    mutable QCache<int, TilePair> pairs_{1000};
    mutable QSet<int> asked_;
    mutable QThreadPool pool_;
    mutable int priority_ = 0;  // what is asked for last is looked at now
};

}  // namespace c2l::ui
