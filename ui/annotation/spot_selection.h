// Which spots are selected, and the classes that were given to spots, drawn as rings.
#pragma once

#include <QObject>
#include <memory>
#include <vector>

#include "spatial/spots.h"
#include "ui/annotation/annotation_store.h"
#include "ui/annotation/annotation_tools.h"
#include "ui/viewer/layer.h"

namespace c2l::ui {

class SpotSelection : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;
    void setSpots(std::shared_ptr<const SpotData> spots);  // null: none; clears the selection
    void takeLasso(const Geometry& area, LassoMode mode);
    void selectOnly(int index);                            // -1: none
    void clear() { selectOnly(-1); }
    std::size_t size() const { return count_; }
    const std::vector<std::uint8_t>& marks() const { return marks_; }  // one per spot
    std::vector<std::string> barcodes() const;                         // of the selected spots, in the order of the spots
    QString list() const;  // one barcode per line: a file of it is what --spot-list takes

Q_SIGNALS:
    void changed();

private:
    void set(std::vector<std::uint8_t> marks);
    std::shared_ptr<const SpotData> spots_;
    std::vector<std::uint8_t> marks_;
    std::size_t count_ = 0;
};

class SpotLabelLayer : public Layer {
    Q_OBJECT
public:
    explicit SpotLabelLayer(AnnotationStore* store, QObject* parent = nullptr);
    void setSpots(std::shared_ptr<const SpotData> spots, double diameter_px);
    void paint(QPainter& painter, const ViewTransform& view) override;

private:
    void take();
    struct Ring {
        QPointF at;
        QColor colour;
    };
    AnnotationStore* store_;
    std::shared_ptr<const SpotData> spots_;
    double diameter_ = 1;
    std::vector<Ring> rings_;
};

}  // namespace c2l::ui
