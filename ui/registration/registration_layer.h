// What a registration in hand shows over the slide beside the moved spots: their frame with its handles, and the landmark pairs.
#pragma once

#include <optional>

#include "ui/registration/registration_edit.h"
#include "ui/viewer/layer.h"

namespace c2l::ui {

class RegistrationLayer : public Layer {
    Q_OBJECT
public:
    explicit RegistrationLayer(RegistrationEdit* edit, QObject* parent = nullptr);

    enum class Handle { None, Corner, Knob };
    Handle handleAt(QPointF widget, const ViewTransform& view) const;
    QPolygonF frame(const ViewTransform& view) const;  // the spots' frame in widget pixels, from its top left on
    QPointF knob(const ViewTransform& view) const;     // above the middle of the top edge, widget pixels
    QPointF middle() const;                            // of the spots as shown, level-0 pixels
    void setFrameVisible(bool on);
    void setPending(std::optional<QPointF> shown, QPointF cursor);  // first half of a pair, and where the mouse is; level-0 pixels

    void paint(QPainter& painter, const ViewTransform& view) override;

private:
    void paintFrame(QPainter& painter, const ViewTransform& view) const;
    void paintPairs(QPainter& painter, const ViewTransform& view) const;
    void paintPair(QPainter& painter, QPointF spot, QPointF slide, const QString& name) const;

    RegistrationEdit* edit_;
    bool frame_visible_ = true;
    std::optional<QPointF> pending_;
    QPointF cursor_;
};

}  // namespace c2l::ui
