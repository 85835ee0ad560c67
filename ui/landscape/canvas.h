// VTK inside a QOpenGLWidget. Debian's own Qt bridge of VTK is built for Qt 5, so the bridge is here.
#pragma once

#include <vtkSmartPointer.h>

#include <QOpenGLWidget>

class vtkGenericOpenGLRenderWindow;
class vtkGenericRenderWindowInteractor;
class vtkObject;
class vtkRenderer;

namespace c2l {

class LandscapeCanvas : public QOpenGLWidget {
    Q_OBJECT
public:
    explicit LandscapeCanvas(vtkRenderer* renderer, QWidget* parent = nullptr);
    ~LandscapeCanvas() override;

protected:
    void initializeGL() override;
    void resizeGL(int w, int h) override;
    void paintGL() override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;

private:
    void finalize();
    void tell(QPointF at, Qt::KeyboardModifiers modifiers);
    void makeContextCurrent(vtkObject*, unsigned long, void*);
    void isContextCurrent(vtkObject*, unsigned long, void* answer);
    void supportsOpenGL(vtkObject*, unsigned long, void* answer);

    vtkSmartPointer<vtkGenericOpenGLRenderWindow> window_;
    vtkSmartPointer<vtkGenericRenderWindowInteractor> interactor_;
};

}  // namespace c2l
