#include "ui/annotation/spot_selection.h"

#include <algorithm>

#include "annotation/area_index.h"

namespace c2l::ui {

void SpotSelection::set(std::vector<std::uint8_t> marks) {
    if (marks == marks_) return;
    marks_ = std::move(marks);
    count_ = static_cast<std::size_t>(std::count(marks_.begin(), marks_.end(), 1));
    Q_EMIT changed();
}

void SpotSelection::setSpots(std::shared_ptr<const SpotData> spots) {
    if (spots == spots_) return;
    spots_ = std::move(spots);
    set(std::vector<std::uint8_t>(spots_ ? spots_->spots.size() : 0));
}

void SpotSelection::takeLasso(const Geometry& area, LassoMode mode) {
    if (!spots_) return;
    auto marks = mode == LassoMode::Replace ? std::vector<std::uint8_t>(spots_->spots.size()) : marks_;
    for (const std::size_t i : select_inside(area, spots_->spots.x, spots_->spots.y)) marks[i] = mode != LassoMode::Remove;
    set(std::move(marks));
}

void SpotSelection::selectOnly(int index) {
    std::vector<std::uint8_t> marks(spots_ ? spots_->spots.size() : 0);
    if (index >= 0 && static_cast<std::size_t>(index) < marks.size()) marks[static_cast<std::size_t>(index)] = 1;
    set(std::move(marks));
}

std::vector<std::string> SpotSelection::barcodes() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < marks_.size(); ++i)
        if (marks_[i]) names.push_back(spots_->spots.barcodes[i]);
    return names;
}

QString SpotSelection::list() const {
    QString text;
    for (const std::string& name : barcodes()) text += QString::fromStdString(name) + '\n';
    return text;
}

SpotLabelLayer::SpotLabelLayer(AnnotationStore* store, QObject* parent) : Layer(parent), store_(store) {
    connect(store, &AnnotationStore::changed, this, &SpotLabelLayer::take);
}

void SpotLabelLayer::setSpots(std::shared_ptr<const SpotData> spots, double diameter_px) {
    spots_ = std::move(spots);
    diameter_ = diameter_px;
    take();
}

void SpotLabelLayer::take() {
    rings_.clear();
    if (spots_ && !store_->labels().empty()) {
        for (std::size_t i = 0; i < spots_->spots.size(); ++i)
            if (const auto label = store_->labels().find(spots_->spots.barcodes[i]); label != store_->labels().end())
                rings_.push_back({{spots_->spots.x[i], spots_->spots.y[i]}, to_qcolor(class_colour(label->second))});
    }
    Q_EMIT changed();
}

void SpotLabelLayer::paint(QPainter& painter, const ViewTransform& view) {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    const double radius = std::max(2.5, diameter_ * view.scale() / 2 + 1.5);
    const double reach = radius / view.scale();
    const QRectF seen = view.visible().adjusted(-reach, -reach, reach, reach);
    for (const Ring& ring : rings_) {
        if (!seen.contains(ring.at)) continue;
        painter.setPen(QPen(ring.colour, 2.5));
        painter.drawEllipse(view.toWidget(ring.at), radius, radius);
    }
}

}  // namespace c2l::ui
