// Label, macro and thumbnail of a slide. They may show a patient's name, so that each stays hidden until it is asked for, here and every
// time anew.
#pragma once

#include <QDialog>
#include <memory>

#include "slide/slide.h"

class QLabel;
class QPushButton;

namespace c2l {

class AssociatedImages : public QDialog {
    Q_OBJECT
public:
    explicit AssociatedImages(std::shared_ptr<const Slide> slide, QWidget* parent = nullptr);

    void reveal(const QString& name);            // reads and shows it; the window stays responsive
    bool isRevealed(const QString& name) const;  // its pixels are on screen

private:
    std::shared_ptr<const Slide> slide_;
};

}  // namespace c2l
