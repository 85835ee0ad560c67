#include "ui/document/field_image.h"

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

}  // namespace c2l::ui
