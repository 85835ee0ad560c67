// Contact sheet of synthetic tiles, each beside the real tile of its source spot, with the details of the chosen one.
#pragma once

#include <QWidget>

#include "ui/gallery/tile_pairs.h"

class QCheckBox;
class QLabel;
class QListView;
class QPushButton;
class QSlider;
class QStackedWidget;

namespace c2l::ui {

class TileDelegate;

class TileGallery : public QWidget {
    Q_OBJECT
public:
    explicit TileGallery(QWidget* parent = nullptr);

    void setSources(std::shared_ptr<const SyntheticSet> set, std::shared_ptr<const Slide> slide, std::shared_ptr<const SpotData> spots);
    void setSimulated(bool simulated);  // the real tiles are those of a simulated section
    TilePairs* pairs() const { return pairs_; }
    QListView* list() const { return list_; }
    void select(int row);
    QString details() const;  // of the chosen pair, as text

Q_SIGNALS:
    void showOnSlide(double x, double y);  // level-0 pixels
    void dialRequested(const QString& spot);

private:
    QWidget* makeBar();
    QWidget* makeDetails();
    void showSummary();
    void showDetails();

    TilePairs* pairs_;
    TileDelegate* delegate_;
    QStackedWidget* stack_;
    QListView* list_;
    QLabel *summary_, *real_, *synthetic_, *text_, *real_title_;
    QCheckBox* flagged_only_;
    QSlider* size_;
    QPushButton *locate_, *dial_;
    bool simulated_ = false;
};

}  // namespace c2l::ui
