// Placing spots by hand: tools, numbers, landmark pairs with their residuals in µm, Apply, Cancel and Reset.
#pragma once

#include <QWidget>

#include "ui/registration/registration_tools.h"

class QCheckBox;
class QDoubleSpinBox;
class QLabel;
class QPushButton;
class QTableWidget;
class QToolButton;

namespace c2l::ui {

class RegistrationPanel : public QWidget {
    Q_OBJECT
public:
    RegistrationPanel(RegistrationEdit* edit, RegistrationTools* tools, QWidget* parent = nullptr);

    void setMpp(double mpp);  // µm per level-0 pixel; 0: unknown, figures are in pixels
    void setBusy(bool busy);  // while the spots are being registered

    QToolButton *move_tool, *landmark_tool;
    QDoubleSpinBox *dx, *dy, *angle, *scale;
    QCheckBox* mirrored;
    QTableWidget* pairs;
    QPushButton *undo, *redo, *remove_pair, *quarter, *reset, *apply, *cancel;
    QString residualText() const;

Q_SIGNALS:
    void applyRequested();
    void cancelRequested();

private:
    QWidget* makeTools();
    QWidget* makeNumbers();
    QWidget* makePairs();
    QWidget* makeEnd();
    void show_();
    void takeNumbers();
    double unit() const { return mpp_ > 0 ? mpp_ : 1; }  // of lengths shown, per pixel
    QString unitText() const;

    RegistrationEdit* edit_;
    RegistrationTools* tools_;
    QLabel *hint_, *rms_;
    double mpp_ = 0;
    bool updating_ = false, busy_ = false;
};

}  // namespace c2l::ui
