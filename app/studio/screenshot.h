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

    enum class What { Window, View };  // View: the slide with scale bar and colour bar, as View › Save view makes it

    // Ends the program with 0, or with 1 when the file cannot be written.
    Screenshot(MainWindow* window, QString file, QString tab, What what = What::Window);

private:
    void look();
    void save();

    MainWindow* window_;
    QString file_, tab_;
    What what_;
    QTimer timer_;
    int waited_ms_ = 0;
    int quiet_ = 0;
};

}  // namespace c2l::ui
