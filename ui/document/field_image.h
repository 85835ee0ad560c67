// Tiles as images: the tissue around a point of the slide, and what a job has drawn. Both block.
#pragma once

#include <QImage>
#include <QPointF>
#include <QString>

#include "slide/slide.h"

namespace c2l::ui {

// Square field of `field_um` µm around `centre` (level-0 pixels), side_px × side_px. Null, with the reason in `problem`, where the slide has no scale. Throws
// c2l::Error where it cannot be read.
QImage read_field(const Slide& slide, QPointF centre, double field_um, int side_px, QString& problem);

// Null, with the reason in `problem`, for a file that is missing, damaged or larger than `most`.
QImage read_png(const QString& path, QString& problem, QSize most = {4096, 4096});

}  // namespace c2l::ui
