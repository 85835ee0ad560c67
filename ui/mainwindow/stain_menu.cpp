#include "ui/mainwindow/stain_menu.h"

#include <QAction>
#include <QActionGroup>
#include <QMenu>
#include <QSettings>

#include "ui/mainwindow/slide_page.h"

namespace c2l::ui {
namespace {

struct Choice {
    QString text, tip;
};

Choice choice(StainView view) {
    switch (view) {
        case StainView::Original: return {QObject::tr("&As scanned"), QObject::tr("The colours of the file")};
        case StainView::Haematoxylin: return {QObject::tr("&Haematoxylin"), QObject::tr("Light that passed through haematoxylin alone, by colour deconvolution (Ruifrok and Johnston 2001)")};
        case StainView::Eosin: return {QObject::tr("&Eosin"), QObject::tr("Light that passed through eosin alone, by colour deconvolution (Ruifrok and Johnston 2001)")};
        case StainView::Residual: return {QObject::tr("&Residual"), QObject::tr("What is neither stain, pigment or ink: optical density 0 (white) to 1.5 (black)")};
        case StainView::Macenko: return {QObject::tr("&Macenko normalised"), QObject::tr("Amounts of the two stains as in a fixed reference slide (Macenko et al. 2009)")};
        case StainView::Reinhard: return {QObject::tr("Rein&hard normalised"), QObject::tr("Mean and spread of the colours as in a fixed reference slide (Reinhard et al. 2001)")};
    }
    return {};
}

StainLook remembered() {
    const QSettings settings;
    StainLook look;
    look.view = stain_view_from(settings.value("stain/view").toString().toStdString()).value_or(StainView::Original);
    look.own_vectors = settings.value("stain/own_vectors", false).toBool();
    look.grey = settings.value("stain/grey", false).toBool();
    return look;
}

void remember(const char* what, const QVariant& value) { QSettings().setValue(QString("stain/") + what, value); }

QAction* checkable(QMenu* menu, const QString& text, const QString& tip) {
    QAction* action = menu->addAction(text);
    action->setCheckable(true);
    action->setToolTip(tip);
    action->setStatusTip(tip);
    return action;
}

}  // namespace

StainMenu::StainMenu(SlidePage* page, QMenu* menu, QObject* parent) : QObject(parent), page_(page), look_(remembered()) {
    menu->setToolTipsVisible(true);
    menu->addSection(tr("View only: data and training unchanged"));
    auto* group = new QActionGroup(this);
    for (const StainView view : stain_views()) {
        const Choice c = choice(view);
        QAction* action = checkable(menu, c.text, c.tip);
        group->addAction(action);
        views_ << action;
        connect(action, &QAction::triggered, this, [this, view] {
            remember("view", QString::fromStdString(to_string(view)));
            setLook({view, look_.own_vectors, look_.grey});
        });
    }
    menu->addSeparator();
    compare_ = menu->addAction(tr("&Compare with the scan"));
    compare_->setShortcut(QKeySequence("S"));
    compare_->setStatusTip(tr("Switches between the colours of the file and the view of the stain chosen last (S)"));
    compare_->setToolTip(compare_->statusTip());
    own_ = checkable(menu, tr("This slide's &own stain vectors"), tr("Single stains by vectors estimated from this slide's tissue (Macenko et al. 2009) instead of the standard ones (Ruifrok and Johnston 2001)"));
    grey_ = checkable(menu, tr("Single stains in &grey"), tr("Optical density from 0 (white) to 1.5 (black) instead of the stain's colour"));
    connect(compare_, &QAction::triggered, this, [this] {
        StainLook next = look_;
        next.view = look_.view == StainView::Original ? compared_.view : StainView::Original;
        setLook(next);
    });
    connect(own_, &QAction::triggered, this, [this](bool on) {
        remember("own_vectors", on);
        setLook({look_.view, on, look_.grey});
    });
    connect(grey_, &QAction::triggered, this, [this](bool on) {
        remember("grey", on);
        setLook({look_.view, look_.own_vectors, on});
    });
    connect(page_->view(), &SlideView::slideChanged, this, &StainMenu::takeLoader);
    setLook(look_);
    takeLoader();
}

QAction* StainMenu::action(StainView view) const { return views_[static_cast<qsizetype>(view)]; }

void StainMenu::takeLoader() {
    const auto& loader = page_->view()->loader();
    if (loader) {
        connect(loader.get(), &TileLoader::lookChanged, this, &StainMenu::describe, Qt::UniqueConnection);
        connect(loader.get(), &TileLoader::lookFailed, this, [this](const QString& why) {
            Q_EMIT failed(why);
            StainLook back = page_->view()->loader()->look();
            if (back.view == look_.view) back.own_vectors = false;
            if (remembered() == look_) {  // it would fail again each time
                remember("view", QString::fromStdString(to_string(back.view)));
                remember("own_vectors", back.own_vectors);
            }
            setLook(back);
        });
        loader->setLook(look_);
    }
    describe();
}

void StainMenu::setLook(const StainLook& look) {
    look_ = look;
    if (look.view != StainView::Original) compared_ = look;
    action(look.view)->setChecked(true);
    own_->setChecked(look.own_vectors);
    grey_->setChecked(look.grey);
    if (page_->view()->loader()) page_->view()->loader()->setLook(look);
    describe();
}

// What is on screen, in both views.
void StainMenu::describe() {
    QString text;
    if (const auto& loader = page_->view()->loader()) {
        const StainLook& shown = loader->look();
        const QString vectors = shown.own_vectors ? tr("this slide's stain vectors") : tr("standard stain vectors");
        const QString density = shown.grey || shown.view == StainView::Residual ? tr(", optical density 0 (white) to %1 (black)").arg(kGreyDensity) : QString();
        switch (shown.view) {
            case StainView::Original: break;
            case StainView::Haematoxylin: text = tr("Haematoxylin alone%1, %2").arg(density, vectors); break;
            case StainView::Eosin: text = tr("Eosin alone%1, %2").arg(density, vectors); break;
            case StainView::Residual: text = tr("Neither stain%1, %2").arg(density, vectors); break;
            case StainView::Macenko: text = tr("Macenko normalised"); break;
            case StainView::Reinhard: text = tr("Reinhard normalised"); break;
        }
        if (!text.isEmpty()) text += tr("\nView only: data and training unchanged");
        if (loader->isEstimating()) text += (text.isEmpty() ? QString() : QString("\n")) + tr("Estimating this slide's stain …");
    }
    for (SlideView* view : {page_->view(), page_->secondView()}) view->setNote(text);
}

}  // namespace c2l::ui
