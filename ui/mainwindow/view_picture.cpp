#include "ui/mainwindow/view_picture.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QFileInfo>
#include <QMenu>
#include <QPainter>
#include <QSaveFile>
#include <QStandardPaths>
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/provenance.h"
#include "ui/document/background.h"
#include "ui/mainwindow/slide_page.h"
#include "ui/overlay/colour_bar.h"
#include "ui/panels/save_path.h"

namespace c2l::ui {
namespace {

constexpr int kBlockPx = 1024;      // picture pixels read at a time: bounds memory whatever the level
constexpr double kMostPixels = 64e6;
constexpr int kGap = 4;             // between two views, widget pixels
constexpr QSizeF kLegend(112, 176);  // of the colour bar
constexpr double kCorner = 12;

void paint_legend(QPainter& painter, const ViewTransform& view, const ExpressionLegend& legend) {
    const QRectF plate(view.widgetSize().width() - kCorner - kLegend.width(), view.widgetSize().height() - kCorner - kLegend.height(), kLegend.width(), kLegend.height());
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(255, 255, 255, 215));
    painter.drawRoundedRect(plate, 4, 4);
    paint_colour_bar(painter, plate.adjusted(8, 8, -8, -8), legend.colours, legend.shown.scale, legend.shown.title, legend.shown.unit, QColor(20, 20, 20));
    painter.restore();
}

}  // namespace

ViewPicture::ViewPicture(SlidePage* page, QObject* parent) : QObject(parent), page_(page) { pool_.setMaxThreadCount(1); }

ViewPicture::~ViewPicture() {
    stop_.request_stop();
    pool_.waitForDone();
}

ViewPicture::Part ViewPicture::part(SlideView* view, double density) const {
    Part part{view->slide(), nullptr, view->transform(), density, {}};
    const auto& loader = view->loader();
    if (loader->look() != StainLook()) part.transform = std::make_shared<const StainTransform>(loader->look(), loader->profile());
    part.front = QImage((part.view.widgetSize() * density).toSize(), QImage::Format_ARGB32_Premultiplied);
    part.front.setDevicePixelRatio(density);
    part.front.fill(Qt::transparent);
    QPainter painter(&part.front);
    painter.setFont(view->font());
    view->paintFront(painter);
    if (const auto legend = page_->legend(view)) paint_legend(painter, part.view, *legend);
    return part;
}

std::vector<ViewPicture::Part> ViewPicture::parts(double density) const {
    std::vector<Part> all{part(page_->view(), density)};
    if (page_->isSideBySide()) all.push_back(part(page_->secondView(), density));
    return all;
}

// Blocks on whole picture pixels of the upright view, which the painter turns.
void ViewPicture::paintSlide(QPainter& painter, const Part& part, const std::stop_token& stop) {
    const SlideInfo& info = part.slide->info();
    const ViewTransform upright = part.view.upright();
    const QRectF slide(0, 0, static_cast<double>(info.width), static_cast<double>(info.height));
    const QRectF seen = upright.toWidget(part.view.visible().intersected(slide));
    const QRectF shown(seen.topLeft() * part.density, seen.size() * part.density);
    const QRect whole = shown.toAlignedRect();
    painter.save();
    painter.setTransform(part.view.turning(), true);
    painter.setClipRect(upright.toWidget(slide), Qt::IntersectClip);
    painter.setRenderHint(QPainter::SmoothPixmapTransform, part.view.angle() != 0);
    for (int top = whole.top(); top <= whole.bottom(); top += kBlockPx) {
        for (int left = whole.left(); left <= whole.right(); left += kBlockPx) {
            if (stop.stop_requested()) throw Error(ErrorCode::Stopped, "stopped");
            const QRectF box(QPointF(left, top), QSizeF(std::min(kBlockPx, whole.right() + 1 - left), std::min(kBlockPx, whole.bottom() + 1 - top)));
            const QRectF at(box.topLeft() / part.density, box.size() / part.density), from = upright.toSlide(at);
            Image pixels = part.slide->read({from.x(), from.y(), from.width(), from.height()}, static_cast<int>(box.width()), static_cast<int>(box.height()));
            if (part.transform) part.transform->apply(pixels);
            painter.drawImage(at, to_qimage(pixels));
        }
    }
    painter.restore();
}

QImage ViewPicture::compose(const std::vector<Part>& parts, const std::stop_token& stop) {
    const double density = parts.front().density;
    QSizeF size(0, 0);
    for (const Part& p : parts) size = {size.width() + p.view.widgetSize().width() + (size.width() > 0 ? kGap : 0), std::max(size.height(), p.view.widgetSize().height())};
    QImage picture((size * density).toSize(), QImage::Format_RGB32);
    if (picture.isNull()) throw std::bad_alloc();
    picture.setDevicePixelRatio(density);
    picture.fill(Qt::white);
    QPainter painter(&picture);
    double left = 0;
    for (const Part& p : parts) {
        painter.save();
        painter.translate(left, 0);
        painter.setClipRect(QRectF(QPointF(0, 0), p.view.widgetSize()));
        paintSlide(painter, p, stop);
        painter.drawImage(QPointF(0, 0), p.front);
        painter.restore();
        left += p.view.widgetSize().width() + kGap;
    }
    painter.end();
    picture.setDevicePixelRatio(1);
    return picture;
}

void ViewPicture::describe(QImage& picture, double density) const {
    const SlideView* view = page_->view();
    picture.setText("Software", QString("C2L Studio %1").arg(program_version()));
    picture.setText("Slide", QString::fromStdString(view->slide()->info().id));
    if (view->mpp()) picture.setText("Micrometres per pixel", QString::number(*view->mpp() / (view->transform().scale() * density), 'g', 6));
    QStringList content;
    for (const SlideView* each : {page_->view(), page_->secondView()})
        if (const auto legend = page_->legend(each)) content << legend->what + ": " + legend->shown.title + ", " + legend->shown.unit;
    if (!view->note().isEmpty()) content << QString(view->note()).replace('\n', "; ");
    if (!content.isEmpty()) picture.setText("Content", content.join("; "));
    if (const QString origin = page_->origin(); !origin.isEmpty()) picture.setText("Description", origin);
}

// `take(QImage)` on the pool: what is to be done with the picture there; its outcome comes back as a phrase to be said.
template <class Take>
void ViewPicture::make(double density, Take take) {
    if (!page_->view()->slide()) return Q_EMIT failed(tr("There is no slide yet; open one first."));
    if (busy_) return Q_EMIT failed(tr("The last picture is still being made; try again in a moment."));
    const double times = density * page_->view()->devicePixelRatioF();
    const QSize size = page_->size();
    if (size.width() * times * size.height() * times > kMostPixels) return Q_EMIT failed(tr("The picture would be larger than 64 megapixels; make the window smaller."));
    busy_ = true;
    QImage described(1, 1, QImage::Format_RGB32);  // carries the text: made here, where the window may be asked
    describe(described, times);
    run_in_background(
        pool_, this,
        [parts = parts(times), described, stop = stop_.get_token(), take]() mutable {
            QImage picture = compose(parts, stop);
            for (const QString& key : described.textKeys()) picture.setText(key, described.text(key));
            return take(std::move(picture));
        },
        [this](auto outcome) {
            busy_ = false;
            if (outcome) (*outcome.value)(this);
            else if (!outcome.stopped) Q_EMIT failed(outcome.error);
        });
}

void ViewPicture::save(const QString& path, double density) {
    make(density, [path](QImage picture) -> std::function<void(ViewPicture*)> {
        QSaveFile file(path);
        if (!file.open(QIODevice::WriteOnly) || !picture.save(&file, "png") || !file.commit())
            throw Error(ErrorCode::Io, "the picture could not be written; choose another folder", path.toStdString());
        return [path](ViewPicture* self) {
            Q_EMIT self->saved(path);
            Q_EMIT self->said(tr("Saved the view to %1").arg(path));
        };
    });
}

void ViewPicture::copy(double density) {
    make(density, [](QImage picture) -> std::function<void(ViewPicture*)> {
        return [picture](ViewPicture* self) {
            QApplication::clipboard()->setImage(picture);
            Q_EMIT self->copied();
            Q_EMIT self->said(tr("Copied the view"));
        };
    });
}

// The name offered is not the slide's.
void ViewPicture::ask(double density) {
    const QString path = ask_save_path(page_, tr("Save view"), QStandardPaths::writableLocation(QStandardPaths::PicturesLocation) + "/view.png", tr("PNG pictures (*.png)"), "png");
    if (!path.isEmpty()) save(path, density);
}

void ViewPicture::fillMenu(QMenu* menu) {
    const auto add = [&](const QString& text, const QKeySequence& key, const QString& tip, const std::function<void()>& act) {
        QAction* action = menu->addAction(text, this, act);
        action->setShortcut(key);
        action->setStatusTip(tip);
    };
    add(tr("Sa&ve view …"), QKeySequence("Ctrl+Shift+S"), tr("Saves what the slide view shows as PNG, with a scale bar in µm and the gene's colour bar"), [this] { ask(1); });
    add(tr("Save view at t&wice the resolution …"), {}, tr("The same with two picture pixels for each pixel of the screen"), [this] { ask(2); });
    add(tr("&Copy view"), QKeySequence("Ctrl+Alt+C"), tr("Copies what the slide view shows, with scale bar and colour bar"), [this] { copy(); });
}

}  // namespace c2l::ui
