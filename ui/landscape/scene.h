// What the landscape shows, in VTK's terms: surface, tissue plane, axes, camera. World units are µm (level-0 pixels when µm/px are
// unknown), x to the right, y up, origin at the map's lower-left corner. Needs no window.
#pragma once

#include <vtkSmartPointer.h>

#include <QColor>
#include <QImage>
#include <optional>
#include <vector>

#include "ui/landscape/height_field.h"

class vtkActor;
class vtkCubeAxesActor;
class vtkPolyData;
class vtkRenderer;
class vtkTexture;

namespace c2l {

class LandscapeScene {
public:
    LandscapeScene();
    ~LandscapeScene();

    void setSurface(const GridMap& grid, const std::vector<float>& values, std::optional<double> mpp);
    void setColours(ColourMapId map, const ColourScale& scale);
    void setTissue(const QImage& overview, double slide_width, double slide_height);
    void setTissueShown(bool on);
    void setExaggeration(double factor);
    double exaggeration() const { return exaggeration_; }
    void setTheme(const QColor& background, const QColor& lines);
    void resetCamera();
    void clear();

    vtkRenderer* renderer() const;

private:
    void build();  // points, triangles, colours
    void drape();  // texture coordinates and the plane under the surface
    void shape();  // what is visible, with which texture
    double worldX(double level0) const;
    double worldY(double level0) const;

    vtkSmartPointer<vtkRenderer> renderer_;
    vtkSmartPointer<vtkPolyData> surface_, plane_;
    vtkSmartPointer<vtkActor> surface_actor_, plane_actor_;
    vtkSmartPointer<vtkTexture> texture_;
    vtkSmartPointer<vtkCubeAxesActor> axes_;

    HeightField field_;
    QRectF extent_;  // of the map, level-0 pixels
    double unit_ = 1;
    bool micrometres_ = false;
    ColourMapId map_ = ColourMapId::Viridis;
    ColourScale scale_;
    double slide_width_ = 0, slide_height_ = 0;
    bool tissue_shown_ = false;
    double exaggeration_ = 1;
};

}  // namespace c2l
