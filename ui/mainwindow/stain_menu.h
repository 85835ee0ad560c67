// View › Stain: one stain alone or normalised colours of the slide on screen. For looking only; what was
// chosen in the menu is kept from session to session.
#pragma once

#include <QObject>

#include "slide/stain_transform.h"

class QAction;
class QMenu;

namespace c2l::ui {

class SlidePage;

class StainMenu : public QObject {
    Q_OBJECT
public:
    StainMenu(SlidePage* page, QMenu* menu, QObject* parent = nullptr);

    void setLook(const StainLook& look);  // asks for it; shown once its stain is known
    const StainLook& look() const { return look_; }
    QAction* action(StainView view) const;
    QAction* ownVectors() const { return own_; }
    QAction* grey() const { return grey_; }
    QAction* compare() const { return compare_; }  // as scanned and back

Q_SIGNALS:
    void failed(const QString& message);

private:
    void takeLoader();
    void describe();

    SlidePage* page_;
    StainLook look_, compared_{StainView::Macenko};  // the one to come back to
    QList<QAction*> views_;
    QAction *own_, *grey_, *compare_;
};

}  // namespace c2l::ui
