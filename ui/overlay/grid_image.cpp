#include "ui/overlay/grid_image.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace c2l {
namespace {

// Each texel is the mean of up to four; an odd edge keeps what there is.
QImage halved(const QImage& from) {
    QImage to((from.width() + 1) / 2, (from.height() + 1) / 2, QImage::Format_ARGB32_Premultiplied);
    for (int y = 0; y < to.height(); ++y) {
        const auto* upper = reinterpret_cast<const QRgb*>(from.constScanLine(2 * y));
        const auto* lower = reinterpret_cast<const QRgb*>(from.constScanLine(std::min(2 * y + 1, from.height() - 1)));
        auto* line = reinterpret_cast<QRgb*>(to.scanLine(y));
        for (int x = 0; x < to.width(); ++x) {
            const int right = std::min(2 * x + 1, from.width() - 1);
            const std::array<QRgb, 4> four{upper[2 * x], upper[right], lower[2 * x], lower[right]};
            const auto mean = [&](int shift) {
                unsigned sum = 2;
                for (const QRgb c : four) sum += (c >> shift) & 0xff;
                return (sum >> 2) << shift;
            };
            line[x] = mean(0) | mean(8) | mean(16) | mean(24);
        }
    }
    return to;
}

}  // namespace

void GridImage::set(const GridMap& grid, const std::vector<QRgb>& colours) {
    sizes_.clear();
    if (grid.empty()) return;
    QImage image(grid.cols, grid.rows, QImage::Format_ARGB32_Premultiplied);
    for (int row = 0; row < grid.rows; ++row) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(row));
        const int* places = grid.cell_to_place.data() + static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.cols);
        for (int col = 0; col < grid.cols; ++col) line[col] = places[col] < 0 ? 0 : colours[static_cast<std::size_t>(places[col])];
    }
    sizes_.push_back(std::move(image));
}

const QImage& GridImage::shrunk(int halvings) const {
    while (static_cast<int>(sizes_.size()) <= halvings) sizes_.push_back(halved(sizes_.back()));
    return sizes_[static_cast<std::size_t>(halvings)];
}

void GridImage::paint(QPainter& painter, const ViewTransform& view, const GridMap& grid, bool smooth) const {
    if (isNull()) return;
    double shown = grid.pitch() * view.scale() * painter.device()->devicePixelRatioF();  // device pixels per texel
    int halvings = 0;
    for (; shown < 0.7 && (std::max(grid.cols, grid.rows) >> halvings) > 1; shown *= 2) ++halvings;
    const QImage& texels = shrunk(halvings);
    const double cells = 1 << halvings;  // per texel
    const QTransform to_slide = QTransform::fromScale(cells, cells) * grid.to_slide;
    // Only the texels in sight, with one around for the interpolation.
    const QRectF seen = to_slide.inverted().mapRect(view.visible()).intersected(QRectF(texels.rect()));
    if (seen.isEmpty()) return;
    const QRect part = seen.toAlignedRect().adjusted(-1, -1, 1, 1).intersected(texels.rect());
    painter.save();
    painter.setTransform(to_slide * view.matrix(), true);
    painter.setRenderHint(QPainter::SmoothPixmapTransform, smooth || shown < 1);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.drawImage(QRectF(part), texels, QRectF(part));
    painter.restore();
}

}  // namespace c2l
