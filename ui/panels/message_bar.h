// One sentence above the views, instead of a dialog. Stays until it is closed or replaced.
#pragma once

#include <QFrame>

class QLabel;

namespace c2l::ui {

class MessageBar : public QFrame {
    Q_OBJECT
public:
    explicit MessageBar(QWidget* parent = nullptr);
    void inform(const QString& text);
    void warn(const QString& text);
    QString text() const;

private:
    void say(const QString& text, bool warning);
    QLabel *label_, *stripe_;
};

}  // namespace c2l::ui
