#include "ui/landscape/scene.h"

#include <vtkActor.h>
#include <vtkCamera.h>
#include <vtkCellArray.h>
#include <vtkCubeAxesActor.h>
#include <vtkFloatArray.h>
#include <vtkImageData.h>
#include <vtkPointData.h>
#include <vtkPoints.h>
#include <vtkPolyData.h>
#include <vtkPolyDataMapper.h>
#include <vtkPolyDataNormals.h>
#include <vtkProperty.h>
#include <vtkRenderer.h>
#include <vtkTextProperty.h>
#include <vtkTexture.h>
#include <vtkUnsignedCharArray.h>

#include <algorithm>
#include <cstring>

namespace c2l {

namespace {

constexpr double kRelief = 0.2;  // height of the high limit, as a share of the map's longer side
constexpr double kGap = 0.02;    // between the tissue plane and the low limit

vtkSmartPointer<vtkImageData> to_vtk(const QImage& image) {
    const QImage rgb = image.convertToFormat(QImage::Format_RGB888).mirrored();  // VTK's rows go upwards
    auto data = vtkSmartPointer<vtkImageData>::New();
    data->SetDimensions(rgb.width(), rgb.height(), 1);
    data->AllocateScalars(VTK_UNSIGNED_CHAR, 3);
    for (int y = 0; y < rgb.height(); ++y) {
        std::memcpy(data->GetScalarPointer(0, y, 0), rgb.constScanLine(y), static_cast<std::size_t>(rgb.width()) * 3);
    }
    return data;
}

}  // namespace

LandscapeScene::LandscapeScene() {
    renderer_ = vtkSmartPointer<vtkRenderer>::New();
    surface_ = vtkSmartPointer<vtkPolyData>::New();
    plane_ = vtkSmartPointer<vtkPolyData>::New();
    surface_actor_ = vtkSmartPointer<vtkActor>::New();
    plane_actor_ = vtkSmartPointer<vtkActor>::New();
    texture_ = vtkSmartPointer<vtkTexture>::New();
    axes_ = vtkSmartPointer<vtkCubeAxesActor>::New();

    auto normals = vtkSmartPointer<vtkPolyDataNormals>::New();
    normals->SetInputData(surface_);
    normals->SplittingOff();
    normals->ConsistencyOff();  // make_height_field() orders them already
    auto mapper = vtkSmartPointer<vtkPolyDataMapper>::New();
    mapper->SetInputConnection(normals->GetOutputPort());
    surface_actor_->SetMapper(mapper);
    surface_actor_->GetProperty()->SetSpecular(0.1);
    surface_actor_->GetProperty()->SetAmbient(0.25);
    surface_actor_->GetProperty()->SetDiffuse(0.75);

    auto flat = vtkSmartPointer<vtkPolyDataMapper>::New();
    flat->SetInputData(plane_);
    plane_actor_->SetMapper(flat);
    plane_actor_->GetProperty()->LightingOff();
    texture_->InterpolateOn();
    texture_->MipmapOn();

    axes_->SetCamera(renderer_->GetActiveCamera());
    axes_->SetFlyModeToOuterEdges();
    axes_->ZAxisVisibilityOff();  // the colour bar tells heights
    axes_->ZAxisLabelVisibilityOff();
    axes_->ZAxisTickVisibilityOff();
    axes_->SetZTitle(" ");
    axes_->SetLabelScaling(false, 0, 0, 0);
    axes_->SetXLabelFormat("%.0f");
    axes_->SetYLabelFormat("%.0f");
    axes_->XAxisMinorTickVisibilityOff();
    axes_->YAxisMinorTickVisibilityOff();
    axes_->SetScreenSize(11);
    renderer_->SetBackgroundAlpha(1);
    clear();
}

LandscapeScene::~LandscapeScene() = default;

vtkRenderer* LandscapeScene::renderer() const { return renderer_; }

double LandscapeScene::worldX(double level0) const { return (level0 - extent_.left()) * unit_; }
double LandscapeScene::worldY(double level0) const { return (extent_.bottom() - level0) * unit_; }

void LandscapeScene::setSurface(const GridMap& grid, const std::vector<float>& values, std::optional<double> mpp) {
    field_ = make_height_field(grid, values);
    const QRectF before = extent_;
    extent_ = grid.rect();
    micrometres_ = mpp.has_value();
    unit_ = mpp.value_or(1.0);
    build();
    drape();
    shape();
    if (before != extent_) resetCamera();
}

void LandscapeScene::setColours(ColourMapId map, const ColourScale& scale) {
    if (map_ == map && scale_ == scale) return;
    map_ = map;
    scale_ = scale;
    build();
    shape();
}

void LandscapeScene::setTissue(const QImage& overview, double slide_width, double slide_height) {
    const bool usable = !overview.isNull() && slide_width > 0 && slide_height > 0;
    slide_width_ = usable ? slide_width : 0;
    slide_height_ = usable ? slide_height : 0;
    if (usable) texture_->SetInputData(to_vtk(overview));
    drape();
    shape();
}

void LandscapeScene::setTissueShown(bool on) {
    tissue_shown_ = on;
    shape();
}

void LandscapeScene::setExaggeration(double factor) {
    exaggeration_ = std::clamp(factor, 0.0, 10.0);
    shape();
}

void LandscapeScene::setTheme(const QColor& background, const QColor& lines) {
    renderer_->SetBackground(background.redF(), background.greenF(), background.blueF());
    double rgb[3] = {lines.redF(), lines.greenF(), lines.blueF()};
    for (int axis = 0; axis < 3; ++axis) {
        axes_->GetTitleTextProperty(axis)->SetColor(rgb);
        axes_->GetLabelTextProperty(axis)->SetColor(rgb);
    }
    for (vtkProperty* p : {axes_->GetXAxesLinesProperty(), axes_->GetYAxesLinesProperty(), axes_->GetZAxesLinesProperty()})
        p->SetColor(rgb);
}

void LandscapeScene::clear() {
    field_ = {};
    extent_ = {};
    build();
    drape();
    shape();
}

// Heights are 0 … 1 here; shape() stretches them, so that the slider for it is immediate.
void LandscapeScene::build() {
    auto points = vtkSmartPointer<vtkPoints>::New();
    auto colours = vtkSmartPointer<vtkUnsignedCharArray>::New();
    auto triangles = vtkSmartPointer<vtkCellArray>::New();
    colours->SetNumberOfComponents(3);
    points->SetNumberOfPoints(static_cast<vtkIdType>(field_.points.size()));
    colours->SetNumberOfTuples(points->GetNumberOfPoints());
    const ColourMap& table = ColourMap::get(map_);
    for (std::size_t i = 0; i < field_.points.size(); ++i) {
        const auto& p = field_.points[i];
        const double height = scale_.position(p.value);
        const QRgb rgb = table.colour(height);
        const auto id = static_cast<vtkIdType>(i);
        points->SetPoint(id, worldX(p.x), worldY(p.y), height);
        colours->SetTuple3(id, qRed(rgb), qGreen(rgb), qBlue(rgb));
    }
    for (const auto& t : field_.triangles) {
        const vtkIdType ids[3] = {t[0], t[1], t[2]};
        triangles->InsertNextCell(3, ids);
    }
    vtkSmartPointer<vtkDataArray> texture = surface_->GetPointData()->GetTCoords();
    surface_->Initialize();
    surface_->SetPoints(points);
    surface_->SetPolys(triangles);
    surface_->GetPointData()->SetScalars(colours);
    if (texture && texture->GetNumberOfTuples() == points->GetNumberOfPoints()) surface_->GetPointData()->SetTCoords(texture);
}

void LandscapeScene::drape() {
    plane_->Initialize();
    surface_->GetPointData()->SetTCoords(nullptr);
    if (slide_width_ <= 0 || field_.points.empty()) return;
    auto coordinates = vtkSmartPointer<vtkFloatArray>::New();
    coordinates->SetNumberOfComponents(2);
    coordinates->SetNumberOfTuples(static_cast<vtkIdType>(field_.points.size()));
    for (std::size_t i = 0; i < field_.points.size(); ++i) {
        coordinates->SetTuple2(static_cast<vtkIdType>(i), field_.points[i].x / slide_width_, 1 - field_.points[i].y / slide_height_);
    }
    surface_->GetPointData()->SetTCoords(coordinates);

    // The plane is the slide under the map, never beyond the slide; the axes run along its edge.
    const QRectF part = extent_.intersected(QRectF(0, 0, slide_width_, slide_height_));
    auto points = vtkSmartPointer<vtkPoints>::New();
    auto corners = vtkSmartPointer<vtkFloatArray>::New();
    auto quad = vtkSmartPointer<vtkCellArray>::New();
    corners->SetNumberOfComponents(2);
    for (const QPointF& p : {part.bottomLeft(), part.bottomRight(), part.topRight(), part.topLeft()}) {
        points->InsertNextPoint(worldX(p.x()), worldY(p.y()), 0);
        corners->InsertNextTuple2(p.x() / slide_width_, 1 - p.y() / slide_height_);
    }
    const vtkIdType ids[4] = {0, 1, 2, 3};
    quad->InsertNextCell(4, ids);
    plane_->SetPoints(points);
    plane_->SetPolys(quad);
    plane_->GetPointData()->SetTCoords(corners);
}

void LandscapeScene::shape() {
    const bool empty = field_.points.empty(), tissue = slide_width_ > 0 && !empty;
    renderer_->RemoveAllViewProps();
    if (empty) return;
    const double side = std::max(extent_.width(), extent_.height()) * unit_;
    surface_actor_->SetScale(1, 1, std::max(1e-6, kRelief * exaggeration_ * side));
    surface_actor_->SetPosition(0, 0, tissue ? kGap * side : 0);
    const bool draped = tissue && tissue_shown_;
    surface_actor_->SetTexture(draped ? texture_.Get() : nullptr);
    surface_actor_->GetMapper()->SetScalarVisibility(!draped);
    plane_actor_->SetTexture(texture_);
    surface_->Modified();
    renderer_->AddActor(surface_actor_);
    if (tissue) renderer_->AddActor(plane_actor_);
    axes_->SetBounds(0, extent_.width() * unit_, 0, extent_.height() * unit_, 0, 0.001 * side);
    // In full: the axes' vector font, sharper here than textured text, has no µ.
    const char* title = micrometres_ ? "micrometres" : "level-0 pixels";
    axes_->SetXTitle(title);
    axes_->SetYTitle(title);
    renderer_->AddActor(axes_);
    renderer_->ResetCameraClippingRange();
}

// From the south, 40° above the tissue: north stays up, as in the slide view.
void LandscapeScene::resetCamera() {
    vtkCamera* camera = renderer_->GetActiveCamera();
    camera->SetFocalPoint(0, 0, 0);
    camera->SetPosition(0, -1, 1);
    camera->SetViewUp(0, 0, 1);
    renderer_->ResetCamera();
    camera->Zoom(1.15);
    camera->SetWindowCenter(0, -0.1);  // room for the axis below
    renderer_->ResetCameraClippingRange();
}

}  // namespace c2l
