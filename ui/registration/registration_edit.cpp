#include "ui/registration/registration_edit.h"

#include <QtMath>
#include <cmath>

#include "base/error.h"

namespace c2l::ui {

namespace {
enum Merge { kApart = -1, kWheel = 1 };  // steps of one kind that follow each other are undone together
}

class RegistrationEdit::Change : public QUndoCommand {
public:
    Change(RegistrationEdit* edit, State before, State after, const QString& what, int merge) : QUndoCommand(what), edit_(edit), before_(std::move(before)), after_(std::move(after)), merge_(merge) {}
    void undo() override { edit_->apply(before_); }
    void redo() override { edit_->apply(after_); }
    int id() const override { return merge_; }
    bool mergeWith(const QUndoCommand* next) override {
        after_ = static_cast<const Change*>(next)->after_;
        return true;
    }

private:
    RegistrationEdit* edit_;
    State before_, after_;
    int merge_;
};

Registration turning(double degrees, QPointF about) {
    const double a = qDegreesToRadians(degrees), c = std::cos(a), s = std::sin(a);
    return {{c, -s, about.x() - c * about.x() + s * about.y(), s, c, about.y() - s * about.x() - c * about.y()}};
}

Registration growing(double factor, QPointF about) { return {{factor, 0, about.x() * (1 - factor), 0, factor, about.y() * (1 - factor)}}; }

Registration shifting(QPointF by) { return {{1, 0, by.x(), 0, 1, by.y()}}; }

void RegistrationEdit::begin(const Registration& present, const QRectF& spots) {
    start_ = present;
    spots_ = spots;
    state_ = {present, {}};
    preview_.reset();
    problem_.clear();
    undo_.clear();
    Q_EMIT changed();
}

Registration RegistrationEdit::moved() const { return registration() == start_ ? Registration() : after(registration(), inverse(start_)); }

QTransform RegistrationEdit::transform() const {
    const Registration r = moved();
    return {r.m[0], r.m[3], r.m[1], r.m[4], r.m[2], r.m[5]};
}

RegistrationEdit::Move RegistrationEdit::move() const {
    const Registration r = moved();
    const QPointF c = spots_.center();
    const Position to = r.apply({c.x(), c.y()});
    return {to.x - c.x(), to.y - c.y(), r.angle(), r.scale(), r.mirrored()};
}

void RegistrationEdit::setMove(const Move& m) {
    const QPointF c = spots_.center();
    Registration r = m.mirrored ? Registration{{1, 0, 0, 0, -1, 2 * c.y()}} : Registration();
    r = after(shifting({m.dx, m.dy}), after(growing(m.scale, c), after(turning(m.angle, c), r)));
    const Registration next = after(r, start_);
    if (next.is_usable()) push({next, {}}, tr("Place the spots"));
    else Q_EMIT changed();  // fields show again what holds
}

void RegistrationEdit::preview(const Registration& moved) {
    const Registration next = after(moved, state_.registration);
    if (!next.is_usable()) return;
    preview_ = next;
    Q_EMIT changed();
}

void RegistrationEdit::commit(const QString& what) {
    if (!preview_) return;
    const Registration next = *preview_;
    preview_.reset();
    push({next, {}}, what);
}

void RegistrationEdit::cancelPreview() {
    if (!std::exchange(preview_, std::nullopt)) return;
    Q_EMIT changed();
}

void RegistrationEdit::turn(double degrees, QPointF about) { push({after(turning(degrees, about), state_.registration), {}}, tr("Turn the spots")); }

void RegistrationEdit::grow(double factor, QPointF about) {
    const Registration next = after(growing(factor, about), state_.registration);
    if (next.is_usable()) push({next, {}}, tr("Scale the spots"), kWheel);
}

void RegistrationEdit::reset() { push({{}, {}}, tr("Positions of the file")); }

void RegistrationEdit::addLandmark(QPointF shown, QPointF slide) {
    auto landmarks = state_.landmarks;
    const Position file = inverse(state_.registration).apply({shown.x(), shown.y()});
    landmarks.push_back({file, {slide.x(), slide.y()}});
    push(fitted(std::move(landmarks)), tr("Landmark pair"));
}

void RegistrationEdit::removeLandmark(int index) {
    auto landmarks = state_.landmarks;
    if (index < 0 || static_cast<std::size_t>(index) >= landmarks.size()) return;
    landmarks.erase(landmarks.begin() + index);
    push(fitted(std::move(landmarks)), tr("Remove a landmark pair"));
}

// Which hand the spots have is not for two pairs to say: it stays as it is.
RegistrationEdit::State RegistrationEdit::fitted(std::vector<Landmark> landmarks) {
    State next{state_.registration, std::move(landmarks)};
    problem_.clear();
    if (next.landmarks.size() < 2) return next;
    try {
        next.registration = fit_similarity(next.landmarks, state_.registration.mirrored() ? Handedness::Mirrored : Handedness::Kept);
    } catch (const Error& error) {
        problem_ = QString::fromStdString(error.line());
    }
    return next;
}

std::vector<double> RegistrationEdit::residuals_px() const {
    return state_.landmarks.size() < 2 ? std::vector<double>() : c2l::residuals_px(registration(), state_.landmarks);
}

void RegistrationEdit::push(State next, const QString& what, int merge) { undo_.push(new Change(this, state_, std::move(next), what, merge)); }

void RegistrationEdit::apply(const State& state) {
    state_ = state;
    preview_.reset();
    Q_EMIT changed();
}

}  // namespace c2l::ui
