// One sentence above the views, instead of a dialog, with buttons for what can be done about it. Stays until it is closed or replaced.
#pragma once

#include <QFrame>
#include <functional>
#include <vector>

class QHBoxLayout;
class QLabel;
class QPushButton;

namespace c2l::ui {

class MessageBar : public QFrame {
    Q_OBJECT
public:
    explicit MessageBar(QWidget* parent = nullptr);
    void inform(const QString& text);
    void warn(const QString& text);
    struct Action {
        QString text, tip;
        std::function<void()> act;
    };
    void offer(const QString& text, const std::vector<Action>& actions);  // a warning with buttons, left to right
    std::vector<QPushButton*> buttons() const { return buttons_; }
    QString text() const;

private:
    void say(const QString& text, bool warning);
    QLabel *label_, *stripe_;
    QHBoxLayout* actions_;
    std::vector<QPushButton*> buttons_;
};

}  // namespace c2l::ui
