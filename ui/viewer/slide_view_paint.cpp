// Painting of the slide view: tiles, what stands in for missing ones, overview map, scale bar.
#include <QPainter>
#include <QPolygonF>
#include <algorithm>
#include <cmath>

#include "ui/viewer/scale_bar.h"
#include "ui/viewer/slide_view.h"

namespace c2l {

namespace {

constexpr double kOverviewSide = 180;
constexpr double kCorner = 12;
constexpr double kPointer = 9;  // half of the cross

// Edges on whole device pixels, so that neighbouring tiles meet without a seam.
QRectF aligned(const QRectF& r, double dpr) {
    const auto snap = [dpr](double v) { return std::round(v * dpr) / dpr; };
    const double left = snap(r.left()), top = snap(r.top());
    return {left, top, snap(r.right()) - left, snap(r.bottom()) - top};
}

void paint_plate(QPainter& painter, const QRectF& plate, const QFont& font, const QString& text) {
    painter.save();
    painter.setFont(font);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(255, 255, 255, 215));
    painter.drawRoundedRect(plate, 4, 4);
    painter.setPen(QColor(20, 20, 20));
    painter.drawText(plate.adjusted(8, 4, -8, -4), Qt::AlignVCenter | Qt::TextWordWrap, text);
    painter.restore();
}

}  // namespace

QRectF SlideView::overviewRect() const {
    if (!overview_visible_ || !loader_ || loader_->overview().isNull() || width() < 320 || height() < 240) return {};
    if (QRectF(rect()).contains(view_.toWidget(slideRect()))) return {};
    const QSizeF size = QSizeF(slideRect().size()).scaled(kOverviewSide, kOverviewSide, Qt::KeepAspectRatio);
    return aligned({width() - kCorner - size.width(), height() - kCorner - size.height(), size.width(), size.height()},
                   devicePixelRatioF());
}

void SlideView::paintEvent(QPaintEvent*) {
    painted_.start();
    tiles_timer_.stop();
    QPainter painter(this);
    if (!loader_) {
        paintEmpty(painter);
        return;
    }
    if (dpr_ != devicePixelRatioF()) {
        dpr_ = devicePixelRatioF();
        requestTiles();
    }
    painter.fillRect(rect(), Qt::white);
    paintSlide(painter);
    paintLayers(painter);
    paintPointer(painter);
    paintOverview(painter);
    paintScaleBar(painter);
    paintCaption(painter);
    paintNote(painter);
}

void SlideView::paintFront(QPainter& painter) {
    paintLayers(painter);
    paintScaleBar(painter);
    paintCaption(painter);
    paintNote(painter);
}

void SlideView::paintLayers(QPainter& painter) {
    if (layersHidden()) return;
    for (const auto& layer : layers_) {
        if (!layer || !layer->isVisible() || layer->opacity() <= 0) continue;
        painter.save();
        layer->paint(painter, view_);
        painter.restore();
    }
}

void SlideView::paintScaleBar(QPainter& painter) {
    if (!scale_bar_visible_) return;
    const auto times = magnification();
    const QString note = times ? QStringLiteral("%1×").arg(*times, 0, 'g', *times < 10 ? 2 : 3) : tr("µm/px unknown");
    paint_scale_bar(painter, choose_scale_bar(view_.scale(), mpp(), std::min(160.0, width() / 3.0)), {kCorner, height() - kCorner}, note);
}

// Tiles are drawn upright by a painter that turns them.
void SlideView::paintSlide(QPainter& painter) {
    painter.save();
    painter.setTransform(view_.turning(), true);
    paintTiles(painter);
    painter.restore();
}

void SlideView::paintTiles(QPainter& painter) {
    for (const TileKey& key : tilesInSight(wantedLevel())) {
        if (loader_->has(key)) {
            paintTile(painter, key, loader_->tileRegion(key));
        } else {
            paintMissing(painter, key);
        }
    }
}

// The part of a tile inside `clip` (level-0), from the smallest copy that still has a pixel per device pixel.
void SlideView::paintTile(QPainter& painter, const TileKey& key, const QRectF& clip) {
    const TileImage* tile = loader_->find(key);
    if (!tile || tile->sizes[0].isNull()) return;
    const QRectF region = loader_->tileRegion(key);
    const QRectF part = region.intersected(clip);
    if (part.isEmpty()) return;
    const double enlarged = region.width() * view_.scale() * dpr_ / tile->sizes[0].width();  // device pixels per tile pixel
    const QImage& image = tile->sizes[enlarged <= 0.26 ? 2 : enlarged <= 0.52 ? 1 : 0];
    const double sx = image.width() / region.width(), sy = image.height() / region.height();
    const QRectF source((part.x() - region.x()) * sx, (part.y() - region.y()) * sy, part.width() * sx, part.height() * sy);
    painter.setRenderHint(QPainter::SmoothPixmapTransform, enlarged < 3);  // far in, pixels are shown as pixels
    painter.drawImage(aligned(view_.upright().toWidget(part), dpr_), image, source);
}

// The best there is for a tile that has not come yet: the finer tiles, where all are there; else the nearest complete coarser level, or the
// overview, with what there is of the finer ones over it.
void SlideView::paintMissing(QPainter& painter, const TileKey& key) {
    constexpr std::size_t kMostFiner = 36;
    const QRectF region = loader_->tileRegion(key);
    const auto in = [&](int level) { return loader_->tilesIn(level, region.x(), region.y(), region.width(), region.height()); };
    const auto all_there = [this](const std::vector<TileKey>& keys) {
        return std::all_of(keys.begin(), keys.end(), [this](const TileKey& k) { return loader_->has(k); });
    };
    std::vector<TileKey> finer;
    if (key.level > 0) finer = in(key.level - 1);
    if (finer.size() > kMostFiner) finer.clear();
    bool covered = !finer.empty() && all_there(finer);
    const int levels = static_cast<int>(loader_->slide()->info().levels.size());
    for (int level = key.level + 1; level < levels && !covered; ++level) {
        const auto keys = in(level);
        covered = all_there(keys);
        if (!covered) continue;
        for (const TileKey& coarser : keys) paintTile(painter, coarser, region);
    }
    const QImage overview = loader_->overview();
    if (!covered && !overview.isNull()) {
        const double sx = overview.width() / slideRect().width(), sy = overview.height() / slideRect().height();
        painter.setRenderHint(QPainter::SmoothPixmapTransform);
        painter.drawImage(aligned(view_.upright().toWidget(region), dpr_), overview,
                          QRectF(region.x() * sx, region.y() * sy, region.width() * sx, region.height() * sy));
    }
    for (const TileKey& k : finer) {
        if (loader_->has(k)) paintTile(painter, k, region);
    }
}

void SlideView::paintOverview(QPainter& painter) {
    const QRectF box = overviewRect();
    if (box.isEmpty()) return;
    painter.save();
    painter.setRenderHint(QPainter::SmoothPixmapTransform);
    painter.fillRect(box.adjusted(-1, -1, 1, 1), QColor(90, 90, 90));
    painter.drawImage(box, loader_->overview(), QRectF(loader_->overview().rect()));
    const double s = box.width() / slideRect().width();
    // The part in sight, turned as it is and large enough to be found.
    const double grow = std::max(1.0, 6 / (std::min(view_.widgetSize().width(), view_.widgetSize().height()) / view_.scale() * s));
    QPolygonF mark;
    for (const QPointF corner : {rect().topLeft(), rect().topRight(), rect().bottomRight(), rect().bottomLeft()})
        mark << box.topLeft() + (view_.centre() + (view_.toSlide(QPointF(corner)) - view_.centre()) * grow) * s;
    painter.setClipRect(box);
    painter.setRenderHint(QPainter::Antialiasing, view_.angle() != 0);
    painter.setPen(QPen(palette().color(QPalette::Highlight), 2));
    painter.setBrush(Qt::NoBrush);
    painter.drawPolygon(mark);
    painter.restore();
}

void SlideView::paintPointer(QPainter& painter) {
    if (!pointer_) return;
    const QPointF at = view_.toWidget(*pointer_);
    for (const auto& [colour, width] : {std::pair{QColor(Qt::white), 3.0}, {QColor(20, 20, 20), 1.0}}) {
        painter.setPen(QPen(colour, width));
        painter.drawLine(at - QPointF(kPointer, 0), at + QPointF(kPointer, 0));
        painter.drawLine(at - QPointF(0, kPointer), at + QPointF(0, kPointer));
    }
}

void SlideView::paintCaption(QPainter& painter) {
    if (caption_.isEmpty()) return;
    QFont bold = font();
    bold.setBold(true);
    const QSizeF text = QFontMetricsF(bold).size(Qt::TextSingleLine, caption_);
    paint_plate(painter, {kCorner, kCorner, std::ceil(text.width()) + 17, text.height() + 8}, bold, caption_);
}

// In the right corner, wrapped; below the caption where both do not fit side by side.
void SlideView::paintNote(QPainter& painter) {
    if (note_.isEmpty()) return;
    constexpr double kMost = 320;
    QFont bold = font();
    bold.setBold(true);
    const QFontMetricsF metrics(font()), captions(bold);
    const QRectF text = metrics.boundingRect(QRectF(0, 0, std::min(kMost, width() - 2 * kCorner - 16), height()), Qt::TextWordWrap, note_);
    const double caption = caption_.isEmpty() ? 0 : captions.horizontalAdvance(caption_) + 16 + kCorner;
    const double top = caption + text.width() + 16 + 2 * kCorner > width() ? kCorner + captions.height() + 8 + 4 : kCorner;
    const double wide = std::ceil(text.width()) + 17;
    paint_plate(painter, {width() - kCorner - wide, top, wide, text.height() + 8}, font(), note_);
}

void SlideView::paintEmpty(QPainter& painter) {
    painter.fillRect(rect(), palette().color(QPalette::Base));
    QColor text = palette().color(QPalette::Text);
    text.setAlphaF(0.6F);
    painter.setPen(text);
    QFont larger = font();
    larger.setPointSizeF(larger.pointSizeF() > 0 ? larger.pointSizeF() * 1.15 : 11);
    painter.setFont(larger);
    painter.drawText(rect().adjusted(24, 24, -24, -24), Qt::AlignCenter | Qt::TextWordWrap, empty_text_);
}

}  // namespace c2l
