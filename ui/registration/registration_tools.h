// The hand that places spots on a slide.
//
// Moving: drag moves, Shift-drag or the knob turns, a corner or Ctrl+wheel scales, all about the middle of the spots. Landmarks: click a spot
// (or any place of the overlay), then where it belongs. Middle button or Space pans as ever; Esc gives up what was begun.
#pragma once

#include <QObject>
#include <QPointer>
#include <functional>
#include <optional>

#include "ui/registration/registration_layer.h"
#include "ui/viewer/slide_view.h"

class QMouseEvent;
class QWheelEvent;

namespace c2l::ui {

enum class RegistrationTool { Move, Landmarks };

class RegistrationTools : public QObject {
    Q_OBJECT
public:
    // `snap` gives the middle of the spot shown at a level-0 point; nothing beside every spot.
    RegistrationTools(SlideView* view, RegistrationEdit* edit, RegistrationLayer* layer, std::function<std::optional<QPointF>(QPointF)> snap, QObject* parent = nullptr);

    bool isActive() const { return active_; }
    void setActive(bool on);
    RegistrationTool tool() const { return tool_; }
    void setTool(RegistrationTool tool);

Q_SIGNALS:
    void toolChanged(RegistrationTool tool);
    void hinted(const QString& text);  // what to do next

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    enum class Drag { None, Move, Turn, Scale };
    bool press(QMouseEvent* event);
    bool move(QMouseEvent* event);
    bool release(QMouseEvent* event);
    bool wheel(QWheelEvent* event);
    void dragTo(QPointF widget);
    void click(QPointF level0);
    void giveUp();
    void hint();

    QPointer<SlideView> view_;
    RegistrationEdit* edit_;
    RegistrationLayer* layer_;
    std::function<std::optional<QPointF>(QPointF)> snap_;
    bool active_ = false, space_ = false;
    RegistrationTool tool_ = RegistrationTool::Move;
    Drag drag_ = Drag::None;
    QPointF press_, middle_;  // level-0 pixels
    std::optional<QPointF> pending_;
};

}  // namespace c2l::ui
