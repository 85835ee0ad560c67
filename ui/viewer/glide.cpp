#include "ui/viewer/glide.h"

#include <cmath>

namespace c2l {
namespace {

constexpr quint64 kRememberedMs = 100;
constexpr quint64 kLeastSpanMs = 8;   // below that a speed is noise
constexpr quint64 kHeldMs = 60;       // a hand that rested so long before letting go wants the picture to stay
constexpr double kLeastSpeed = 0.25;  // px/ms to go on at all
constexpr double kMostSpeed = 6;
constexpr double kRestSpeed = 0.02;
constexpr double kDecayMs = 325;
constexpr int kTickMs = 8;

double length(QPointF v) { return std::hypot(v.x(), v.y()); }

}  // namespace

Glide::Glide(QObject* parent) : QObject(parent) {
    timer_.setTimerType(Qt::PreciseTimer);
    timer_.setInterval(kTickMs);
    connect(&timer_, &QTimer::timeout, this, &Glide::step);
}

void Glide::begin() {
    stop();
    samples_.clear();
}

void Glide::track(QPointF widget, quint64 ms) {
    while (!samples_.empty() && samples_.front().ms + kRememberedMs < ms) samples_.pop_front();
    samples_.push_back({widget, ms});
}

bool Glide::release(quint64 ms) {
    if (samples_.empty()) return false;
    const Sample first = samples_.front(), last = samples_.back();
    samples_.clear();
    if (last.ms < first.ms + kLeastSpanMs || ms > last.ms + kHeldMs) return false;
    speed_ = (last.at - first.at) / static_cast<double>(last.ms - first.ms);
    const double speed = length(speed_);
    if (!(speed >= kLeastSpeed)) return false;
    if (speed > kMostSpeed) speed_ *= kMostSpeed / speed;
    clock_.start();
    timer_.start();
    return true;
}

void Glide::stop() { timer_.stop(); }

void Glide::step() {
    const double ms = static_cast<double>(clock_.nsecsElapsed()) / 1e6;
    clock_.restart();
    const double left = std::exp(-ms / kDecayMs);
    const QPointF by = speed_ * (kDecayMs * (1 - left));  // the decaying speed, integrated
    speed_ *= left;
    if (length(speed_) < kRestSpeed) stop();
    Q_EMIT moved(by);
}

}  // namespace c2l
