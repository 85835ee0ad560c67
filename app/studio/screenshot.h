// A picture of the window for the documentation, taken once everything asked for is on screen.
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>

namespace c2l::ui {

class MainWindow;

class Screenshot : public QObject {
    Q_OBJECT
public:
    static constexpr int kPatienceMs = 60000;  // then the picture is taken as it is

    // Ends the program with 0, or with 1 when the file cannot be written.
    Screenshot(MainWindow* window, QString file, QString tab);

private:
    void look();

    MainWindow* window_;
    QString file_, tab_;
    QTimer timer_;
    int waited_ms_ = 0;
    int quiet_ = 0;
};

}  // namespace c2l::ui
