// One gene as a landscape over the tissue: height and colour from the predicted map, or the tissue image draped over it.
// Needs OpenGL 3.2; without it the widget says so and everything else works on. No VTK type in this header.
#pragma once

#include <QImage>
#include <QWidget>
#include <memory>
#include <optional>
#include <vector>

#include "ui/overlay/map_overlay.h"

namespace c2l {

class ColourBar;
class LandscapeCanvas;
class LandscapeScene;

// Before QApplication: the surface format that the landscape needs.
void prepare_landscape_format();

class LandscapeView : public QWidget {
    Q_OBJECT
public:
    explicit LandscapeView(QWidget* parent = nullptr);
    ~LandscapeView() override;

    bool isAvailable() const;  // whether this display offers OpenGL

    // `mpp`: µm per level-0 pixel, for the axes; none: axes in level-0 pixels. Throws Error(Mismatch).
    void setSurface(const GridMap& grid, const std::vector<float>& values, std::optional<double> mpp);
    void setColours(ColourMapId map, const ColourScale& scale, const QString& title, const QString& unit);
    // The overview of the slide and the slide's level-0 size; null image: colours alone.
    void setTissue(const QImage& overview, double slide_width, double slide_height);
    void setTissueShown(bool on);         // tissue draped over the surface instead of the colour map
    void setExaggeration(double factor);  // 1: the high limit stands a fifth of the map's width above the low one
    double exaggeration() const;
    void resetCamera();
    void clear();

    QImage grabImage();  // what is shown; null without OpenGL
    QSize sizeHint() const override { return {700, 500}; }

protected:
    void changeEvent(QEvent* event) override;

private:
    void applyTheme();
    void redraw();

    std::unique_ptr<LandscapeScene> scene_;  // outlives the canvas
    LandscapeCanvas* canvas_ = nullptr;      // null without OpenGL
    ColourBar* bar_ = nullptr;
};

}  // namespace c2l
