#include "ui/viewer/tile_image.h"

#include <algorithm>

namespace c2l {

QImage to_qimage(const Image& image) {
    if (image.empty()) return {};
    QImage out(image.width, image.height, QImage::Format_RGB32);
    for (int y = 0; y < image.height; ++y) {
        const std::uint8_t* from = image.at(0, y);
        auto* to = reinterpret_cast<QRgb*>(out.scanLine(y));
        for (int x = 0; x < image.width; ++x, from += 3) to[x] = qRgb(from[0], from[1], from[2]);
    }
    return out;
}

namespace {

// Mean of 2 × 2 pixels; an odd last row or column is averaged with itself.
QImage halved(const QImage& image) {
    const int w = (image.width() + 1) / 2, h = (image.height() + 1) / 2;
    QImage out(w, h, QImage::Format_RGB32);
    for (int y = 0; y < h; ++y) {
        const auto* a = reinterpret_cast<const QRgb*>(image.constScanLine(2 * y));
        const auto* b = reinterpret_cast<const QRgb*>(image.constScanLine(std::min(2 * y + 1, image.height() - 1)));
        auto* to = reinterpret_cast<QRgb*>(out.scanLine(y));
        for (int x = 0; x < w; ++x) {
            const int l = 2 * x, r = std::min(2 * x + 1, image.width() - 1);
            to[x] = qRgb((qRed(a[l]) + qRed(a[r]) + qRed(b[l]) + qRed(b[r]) + 2) / 4,
                         (qGreen(a[l]) + qGreen(a[r]) + qGreen(b[l]) + qGreen(b[r]) + 2) / 4,
                         (qBlue(a[l]) + qBlue(a[r]) + qBlue(b[l]) + qBlue(b[r]) + 2) / 4);
        }
    }
    return out;
}

}  // namespace

TileImage to_tile(const Image& image) {
    TileImage tile;
    tile.sizes[0] = to_qimage(image);
    if (tile.sizes[0].isNull()) return tile;
    tile.sizes[1] = halved(tile.sizes[0]);
    tile.sizes[2] = halved(tile.sizes[1]);
    return tile;
}

TileImage grey_tile() {
    TileImage grey;
    grey.sizes.fill(QImage(1, 1, QImage::Format_RGB32));
    for (QImage& image : grey.sizes) image.fill(Qt::lightGray);
    return grey;
}

std::size_t TileImage::bytes() const {
    std::size_t sum = 0;
    for (const QImage& image : sizes) sum += static_cast<std::size_t>(image.sizeInBytes());
    return sum;
}

}  // namespace c2l
