// The picture goes on moving for a moment after a quick drag, slower and slower. GUI thread only.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QPointF>
#include <QTimer>
#include <deque>

namespace c2l {

class Glide : public QObject {
    Q_OBJECT
public:
    explicit Glide(QObject* parent = nullptr);

    void begin();                              // a drag begins; ends what was moving
    void track(QPointF widget, quint64 ms);    // the hand is here; the time of the event
    bool release(quint64 ms);                  // whether it goes on: the hand was quick, and had not stopped before
    void stop();
    bool isMoving() const { return timer_.isActive(); }

Q_SIGNALS:
    void moved(QPointF by);  // widget pixels since the last time

private:
    struct Sample {
        QPointF at;
        quint64 ms;
    };
    void step();

    std::deque<Sample> samples_;  // of the last moments
    QPointF speed_;               // widget pixels per ms
    QTimer timer_;
    QElapsedTimer clock_;
};

}  // namespace c2l
