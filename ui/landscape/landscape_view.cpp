#include "ui/landscape/landscape_view.h"

#include <QEvent>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QOffscreenSurface>
#include <QOpenGLContext>
#include <QSurfaceFormat>

#include "base/error.h"
#include "ui/landscape/canvas.h"
#include "ui/landscape/scene.h"
#include "ui/overlay/colour_bar.h"

namespace c2l {

namespace {

QSurfaceFormat landscape_format() {
    QSurfaceFormat format;
    format.setRenderableType(QSurfaceFormat::OpenGL);
    format.setVersion(3, 2);
    format.setProfile(QSurfaceFormat::CoreProfile);
    format.setDepthBufferSize(24);
    format.setStencilBufferSize(8);
    format.setAlphaBufferSize(8);
    return format;
}

// Whether the display offers OpenGL 3.2. Asked before a QOpenGLWidget is made: showing one without OpenGL ends the program inside Qt.
bool probe_opengl() {
    if (QGuiApplication::platformName() == QLatin1String("offscreen") || QGuiApplication::platformName() == QLatin1String("minimal"))
        return false;
    QOpenGLContext context;
    context.setFormat(landscape_format());
    if (!context.create()) return false;
    QOffscreenSurface surface;
    surface.setFormat(context.format());
    surface.create();
    if (!surface.isValid() || !context.makeCurrent(&surface)) return false;
    const bool enough = context.format().version() >= qMakePair(3, 2);
    context.doneCurrent();
    return enough;
}

}  // namespace

void prepare_landscape_format() { QSurfaceFormat::setDefaultFormat(landscape_format()); }

LandscapeView::LandscapeView(QWidget* parent) : QWidget(parent), scene_(std::make_unique<LandscapeScene>()) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    if (probe_opengl()) {
        canvas_ = new LandscapeCanvas(scene_->renderer(), this);
        canvas_->setToolTip(tr("Drag to turn, Shift-drag to move, wheel to zoom"));
        canvas_->setObjectName(QStringLiteral("landscapeCanvas"));
        row->addWidget(canvas_, 1);
        bar_ = new ColourBar(this);
        bar_->hide();
        row->addWidget(bar_);
    } else {
        auto* note = new QLabel(
            tr("This display offers no OpenGL 3.2, so the landscape cannot be drawn here. The same map is shown flat over the slide."),
            this);
        note->setAlignment(Qt::AlignCenter);
        note->setWordWrap(true);
        note->setMargin(24);
        row->addWidget(note, 1);
    }
    setAccessibleName(tr("Landscape"));
    applyTheme();
}

LandscapeView::~LandscapeView() { delete canvas_; }  // before the scene that it draws

bool LandscapeView::isAvailable() const { return canvas_ != nullptr; }

void LandscapeView::setSurface(const GridMap& grid, const std::vector<float>& values, std::optional<double> mpp) {
    scene_->setSurface(grid, values, mpp);
    if (bar_) bar_->setVisible(!grid.cell_to_place.empty());
    redraw();
}

void LandscapeView::setColours(ColourMapId map, const ColourScale& scale, const QString& title, const QString& unit) {
    scene_->setColours(map, scale);
    if (bar_) bar_->set(map, scale, title, unit);
    redraw();
}

void LandscapeView::setTissue(const QImage& overview, double slide_width, double slide_height) {
    scene_->setTissue(overview, slide_width, slide_height);
    redraw();
}

void LandscapeView::setTissueShown(bool on) {
    scene_->setTissueShown(on);
    redraw();
}

void LandscapeView::setExaggeration(double factor) {
    scene_->setExaggeration(factor);
    redraw();
}

double LandscapeView::exaggeration() const { return scene_->exaggeration(); }

void LandscapeView::resetCamera() {
    scene_->resetCamera();
    redraw();
}

void LandscapeView::clear() {
    scene_->clear();
    if (bar_) bar_->hide();
    redraw();
}

QImage LandscapeView::grabImage() { return canvas_ ? grab().toImage() : QImage(); }

void LandscapeView::applyTheme() {
    scene_->setTheme(palette().color(QPalette::Window), palette().color(QPalette::WindowText));
    redraw();
}

void LandscapeView::changeEvent(QEvent* event) {
    if (event->type() == QEvent::PaletteChange) applyTheme();
    QWidget::changeEvent(event);
}

void LandscapeView::redraw() {
    if (canvas_) canvas_->update();
}

}  // namespace c2l
