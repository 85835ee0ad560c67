#include "ui/landscape/canvas.h"

#include <vtkCommand.h>
#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkGenericRenderWindowInteractor.h>
#include <vtkInteractorStyleTrackballCamera.h>
#include <vtkOpenGLState.h>
#include <vtkRenderer.h>

#include <QMouseEvent>
#include <QOpenGLContext>
#include <QOpenGLFunctions>
#include <QWheelEvent>

namespace c2l {

LandscapeCanvas::LandscapeCanvas(vtkRenderer* renderer, QWidget* parent) : QOpenGLWidget(parent) {
    window_ = vtkSmartPointer<vtkGenericOpenGLRenderWindow>::New();
    window_->SetOwnContext(false);        // the context is Qt's
    window_->SetFrameBlitModeToNoBlit();  // paintGL() copies the picture itself
    window_->SetReadyForRendering(false);
    window_->AddRenderer(renderer);
    window_->AddObserver(vtkCommand::WindowMakeCurrentEvent, this, &LandscapeCanvas::makeContextCurrent);
    window_->AddObserver(vtkCommand::WindowIsCurrentEvent, this, &LandscapeCanvas::isContextCurrent);
    window_->AddObserver(vtkCommand::WindowSupportsOpenGLEvent, this, &LandscapeCanvas::supportsOpenGL);

    interactor_ = vtkSmartPointer<vtkGenericRenderWindowInteractor>::New();
    interactor_->SetRenderWindow(window_);
    interactor_->EnableRenderOff();  // pictures are made in paintGL() only
    interactor_->SetInteractorStyle(vtkSmartPointer<vtkInteractorStyleTrackballCamera>::New());
    interactor_->Initialize();
}

LandscapeCanvas::~LandscapeCanvas() {
    if (context()) {
        disconnect(context(), &QOpenGLContext::aboutToBeDestroyed, this, nullptr);
        finalize();
    }
    window_->RemoveAllObservers();
}

void LandscapeCanvas::finalize() {
    makeCurrent();
    window_->Finalize();
    window_->SetReadyForRendering(false);
    doneCurrent();
}

// Making a context current again resets Qt's bindings and leaves the view blank, so only when it is not.
void LandscapeCanvas::makeContextCurrent(vtkObject*, unsigned long, void*) {
    if (QOpenGLContext::currentContext() != context()) makeCurrent();
}

void LandscapeCanvas::isContextCurrent(vtkObject*, unsigned long, void* answer) {
    *static_cast<bool*>(answer) = context() && QOpenGLContext::currentContext() == context();
}

void LandscapeCanvas::supportsOpenGL(vtkObject*, unsigned long, void* answer) { *static_cast<int*>(answer) = 1; }

void LandscapeCanvas::initializeGL() {
    // The context goes when the widget changes its window; VTK's buffers must go before it and come back with the next one.
    connect(context(), &QOpenGLContext::aboutToBeDestroyed, this, [this] { finalize(); });
    window_->SetReadyForRendering(true);
    window_->OpenGLInit();
}

void LandscapeCanvas::resizeGL(int w, int h) {
    const double dpr = devicePixelRatioF();
    const int width = static_cast<int>(w * dpr + 0.5), height = static_cast<int>(h * dpr + 0.5);
    window_->SetSize(width, height);
    interactor_->UpdateSize(width, height);
    window_->SetDPI(static_cast<int>(72 * dpr));
}

void LandscapeCanvas::paintGL() {
    vtkOpenGLState* state = window_->GetState();
    state->Reset();
    state->Push();
    state->vtkglDepthFunc(GL_LEQUAL);  // Qt leaves GL_LESS
    window_->Render();
    state->Pop();
    makeContextCurrent(nullptr, 0, nullptr);
    context()->functions()->glBindFramebuffer(GL_FRAMEBUFFER, defaultFramebufferObject());
    state->ResetFramebufferBindings();  // VTK learns of the binding and copies into it
    window_->BlitDisplayFramebuffer();
}

void LandscapeCanvas::tell(QPointF at, Qt::KeyboardModifiers modifiers) {
    const double dpr = devicePixelRatioF();
    interactor_->SetEventInformationFlipY(static_cast<int>(at.x() * dpr), static_cast<int>(at.y() * dpr),
                                          modifiers.testFlag(Qt::ControlModifier), modifiers.testFlag(Qt::ShiftModifier));
}

void LandscapeCanvas::mousePressEvent(QMouseEvent* event) {
    tell(event->position(), event->modifiers());
    if (event->button() == Qt::LeftButton) interactor_->InvokeEvent(vtkCommand::LeftButtonPressEvent);
    if (event->button() == Qt::MiddleButton) interactor_->InvokeEvent(vtkCommand::MiddleButtonPressEvent);
    if (event->button() == Qt::RightButton) interactor_->InvokeEvent(vtkCommand::RightButtonPressEvent);
    update();
}

void LandscapeCanvas::mouseMoveEvent(QMouseEvent* event) {
    tell(event->position(), event->modifiers());
    interactor_->InvokeEvent(vtkCommand::MouseMoveEvent);
    update();
}

void LandscapeCanvas::mouseReleaseEvent(QMouseEvent* event) {
    tell(event->position(), event->modifiers());
    if (event->button() == Qt::LeftButton) interactor_->InvokeEvent(vtkCommand::LeftButtonReleaseEvent);
    if (event->button() == Qt::MiddleButton) interactor_->InvokeEvent(vtkCommand::MiddleButtonReleaseEvent);
    if (event->button() == Qt::RightButton) interactor_->InvokeEvent(vtkCommand::RightButtonReleaseEvent);
    update();
}

void LandscapeCanvas::wheelEvent(QWheelEvent* event) {
    if (event->angleDelta().y() == 0) return;
    tell(event->position(), event->modifiers());
    interactor_->InvokeEvent(event->angleDelta().y() > 0 ? vtkCommand::MouseWheelForwardEvent : vtkCommand::MouseWheelBackwardEvent);
    event->accept();
    update();
}

}  // namespace c2l
