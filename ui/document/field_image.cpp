#include "ui/document/field_image.h"

#include <QImageReader>
#include <QObject>

namespace c2l::ui {

QImage read_field(const Slide& slide, QPointF centre, double field_um, int side_px, QString& problem) {
    if (!slide.info().mpp) {
        problem = QObject::tr("µm per pixel are not known");
        return {};
    }
    const double side = field_um / *slide.info().mpp;
    const Image pixels = slide.read({centre.x() - side / 2, centre.y() - side / 2, side, side}, side_px, side_px);
    return QImage(pixels.rgb.data(), pixels.width, pixels.height, pixels.width * 3, QImage::Format_RGB888).convertToFormat(QImage::Format_RGB32);
}

QImage read_png(const QString& path, QString& problem, QSize most) {
    QImageReader reader(path, "png");
    const QSize size = reader.size();
    if (!size.isValid() || size.width() > most.width() || size.height() > most.height()) {
        problem = QObject::tr("the image file is missing or damaged");
        return {};
    }
    QImage image = reader.read();
    if (image.isNull()) problem = reader.errorString();
    return image.convertToFormat(QImage::Format_RGB32);
}

}  // namespace c2l::ui
