// Something drawn over the slide: spots, a predicted map, annotations. A layer may be shown by several views; views do
// not own their layers. GUI thread only.
#pragma once

#include <QObject>
#include <QPainter>

#include "ui/viewer/view_transform.h"

namespace c2l {

class Layer : public QObject {
    Q_OBJECT
public:
    using QObject::QObject;

    bool isVisible() const { return visible_; }
    void setVisible(bool on);
    double opacity() const { return opacity_; }  // 0 … 1
    void setOpacity(double opacity);

    // Draws in widget pixels. The painter's state is restored by the caller.
    virtual void paint(QPainter& painter, const ViewTransform& view) = 0;
    // Index of the thing at a level-0 point, -1 when there is none.
    virtual int hit(QPointF level0) const;
    // The thing under the cursor, to be marked; -1: none.
    virtual void setHovered(int index);

Q_SIGNALS:
    void changed();  // must be painted again

private:
    bool visible_ = true;
    double opacity_ = 1;
};

}  // namespace c2l
