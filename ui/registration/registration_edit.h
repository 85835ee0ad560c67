// A registration while it is being made: spots moved as a whole, landmark pairs, and every step undone and redone. GUI thread only.
//
// The registration leads from positions as their file has them to level-0 pixels; the spots on screen lie where the project has them, and
// moved() is the way from there to where they are shown now.
#pragma once

#include <QObject>
#include <QRectF>
#include <QTransform>
#include <QUndoStack>
#include <optional>
#include <vector>

#include "spatial/registration.h"

namespace c2l::ui {

class RegistrationEdit : public QObject {
    Q_OBJECT
public:
    // The spots' move since begin() in words of a hand: about the middle of the spots, mirrored first, then turned and scaled, then shifted.
    struct Move {
        double dx = 0, dy = 0;  // level-0 pixels
        double angle = 0;       // degrees clockwise
        double scale = 1;
        bool mirrored = false;  // top and bottom
    };

    explicit RegistrationEdit(QObject* parent = nullptr) : QObject(parent) {}

    void begin(const Registration& present, const QRectF& spots);  // where the project has them, level-0 pixels; forgets what was done before
    const Registration& start() const { return start_; }
    const Registration& registration() const { return preview_ ? *preview_ : state_.registration; }
    Registration moved() const;   // from where the project has the spots
    QTransform transform() const; // the same
    const QRectF& spots() const { return spots_; }
    Move move() const;
    bool isChanged() const { return state_.registration != start_; }

    void setMove(const Move& move);                  // one step of undo; drops landmarks, which fix another registration
    void preview(const Registration& moved);         // while a drag goes on; commit() or cancelPreview() ends it
    void commit(const QString& what);
    void cancelPreview();
    void turn(double degrees, QPointF about);        // the same in one go
    void grow(double factor, QPointF about);
    void reset();                                    // positions as their file has them

    const std::vector<Landmark>& landmarks() const { return state_.landmarks; }
    // A point of the spots as shown now, and where it belongs; from the second pair on the spots are fitted to the pairs.
    void addLandmark(QPointF shown, QPointF slide);
    void removeLandmark(int index);
    std::vector<double> residuals_px() const;        // empty below two pairs

    QUndoStack* undoStack() { return &undo_; }
    QString problem() const { return problem_; }     // why the landmarks fit nothing; empty: they do

Q_SIGNALS:
    void changed();

private:
    struct State {
        Registration registration;
        std::vector<Landmark> landmarks;
    };
    class Change;
    void push(State next, const QString& what, int merge = -1);
    void apply(const State& state);
    State fitted(std::vector<Landmark> landmarks);

    Registration start_;
    QRectF spots_;
    State state_;
    std::optional<Registration> preview_;
    QString problem_;
    QUndoStack undo_;
};

Registration turning(double degrees, QPointF about);
Registration growing(double factor, QPointF about);
Registration shifting(QPointF by);

}  // namespace c2l::ui
