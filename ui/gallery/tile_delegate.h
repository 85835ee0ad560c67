// Paints one pair of tiles: real on the left, synthetic on the right, the source spot below.
#pragma once

#include <QStyledItemDelegate>

namespace c2l::ui {

class TileDelegate : public QStyledItemDelegate {
    Q_OBJECT
public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void setTileSide(int px) { side_ = px; }
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;

private:
    int side_ = 88;
};

// A warning colour that reads on light and dark.
QColor flag_colour();

}  // namespace c2l::ui
