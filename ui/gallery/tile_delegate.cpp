#include "ui/gallery/tile_delegate.h"

#include <QPainter>

#include "ui/gallery/tile_pairs.h"

namespace c2l::ui {
namespace {

constexpr int kMargin = 8, kGap = 4;

void paint_tile(QPainter& p, const QRect& box, const QImage& image, const QString& problem, const QPalette& palette) {
    if (!image.isNull()) {
        p.drawImage(box, image);
        p.setBrush(Qt::NoBrush);
        p.setPen(palette.color(QPalette::Mid));  // glass is as white as the page
        p.drawRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5));
        return;
    }
    QColor plate = palette.color(QPalette::Mid);
    plate.setAlphaF(0.35f);
    p.fillRect(box, plate);
    if (problem.isEmpty()) return;
    p.setPen(palette.color(QPalette::PlaceholderText));
    p.drawText(box.adjusted(4, 4, -4, -4), Qt::AlignCenter | Qt::TextWordWrap, problem);
}

}  // namespace

QColor flag_colour() { return QColor(0xe0, 0x5a, 0x2b); }

QSize TileDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const {
    return {2 * side_ + kGap + 2 * kMargin, side_ + 2 * kMargin + option.fontMetrics.height() + kGap};
}

void TileDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    QPainter& p = *painter;
    p.save();
    p.setRenderHint(QPainter::SmoothPixmapTransform);
    p.setRenderHint(QPainter::Antialiasing);
    const QPalette& palette = option.palette;
    const bool flagged = index.data(TilePairs::FlaggedRole).toBool();
    const QRect card = option.rect.adjusted(2, 2, -2, -2);
    if (option.state & (QStyle::State_Selected | QStyle::State_MouseOver)) {
        QColor plate = palette.color(QPalette::Highlight);
        plate.setAlphaF(option.state & QStyle::State_Selected ? 0.28f : 0.10f);
        p.setPen(Qt::NoPen);
        p.setBrush(plate);
        p.drawRoundedRect(card, 4, 4);
    }
    const QRect left(option.rect.x() + kMargin, option.rect.y() + kMargin, side_, side_);
    const QRect right = left.translated(side_ + kGap, 0);
    const TilePair* pair = static_cast<const TilePairs*>(index.model())->pair(index.row());
    paint_tile(p, left, pair ? pair->real : QImage(), pair ? pair->real_problem : QString(), palette);
    paint_tile(p, right, pair ? pair->synthetic : QImage(), pair ? pair->synthetic_problem : QString(), palette);
    if (flagged) {
        p.setBrush(Qt::NoBrush);
        p.setPen(QPen(flag_colour(), 3));
        p.drawRect(right.adjusted(1, 1, -2, -2));
    }
    const QRect text(left.x(), left.bottom() + kGap, right.right() - left.x(), option.fontMetrics.height());
    const QString mark = flagged ? tr("too near") : QString();
    p.setPen(flag_colour());
    p.drawText(text, Qt::AlignRight | Qt::AlignVCenter, mark);
    p.setPen(palette.color(QPalette::Text));
    const int room = text.width() - (flagged ? option.fontMetrics.horizontalAdvance(mark) + 8 : 0);
    p.drawText(text, Qt::AlignLeft | Qt::AlignVCenter, option.fontMetrics.elidedText(index.data().toString(), Qt::ElideMiddle, room));
    p.restore();
}

}  // namespace c2l::ui
