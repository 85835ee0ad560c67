// Spots at their true diameter, or square bins on their grid, coloured by one value each. Any number of them: bins are one picture, and
// where spots are too many to be drawn as discs each is a few pixels.
#pragma once

#include <QImage>
#include <array>
#include <cstdint>
#include <vector>

#include "ui/overlay/colour_map.h"
#include "ui/overlay/grid_image.h"
#include "ui/overlay/grid_map.h"
#include "ui/viewer/layer.h"

namespace c2l {

class SpotOverlay : public Layer {
    Q_OBJECT
public:
    using Layer::Layer;

    // Level-0 pixels. Clears values, selection and marks. Throws Error(Mismatch) when x and y differ in length.
    void setSpots(std::vector<double> x, std::vector<double> y, double diameter_px);
    // Square bins, whose cells in `grid` are numbered as x and y are. Throws Error(Mismatch).
    void setBins(std::vector<double> x, std::vector<double> y, GridMap grid);
    // One value per spot (NaN: not measured); empty: spots are drawn as plain rings. Throws Error(Mismatch).
    void setValues(std::vector<float> values);
    void setColours(ColourMapId map, const ColourScale& scale);
    void setSizeFactor(double factor);                 // 1: true diameter
    void setDimmed(std::vector<std::uint8_t> dimmed);  // 1: off tissue or left out, drawn as a faint ring
    void setSelected(std::vector<std::uint8_t> selected);
    void setSelectedIndex(int index);  // that one alone; -1 none
    // Shows the spots elsewhere, mapped by an affine map of level-0 pixels; x(), y(), bounds() and diameter() go on telling where they were set.
    // Costs nothing beyond a repaint. New spots take it away.
    void setMoved(const QTransform& to);
    const QTransform& moved() const { return moved_; }

    std::size_t count() const { return x_.size(); }
    const std::vector<float>& values() const { return values_; }
    double x(int i) const { return x_[static_cast<std::size_t>(i)]; }
    double y(int i) const { return y_[static_cast<std::size_t>(i)]; }
    double diameter() const { return diameter_ * size_factor_; }  // of a bin: its side, whatever the size factor
    bool areBins() const { return !grid_.empty(); }
    QRectF bounds() const;  // level-0, spots included
    // The nearest spot whose disc contains the point, or the bin around it; -1 when there is none.
    int spotAt(double x, double y) const;  // as shown

    void paint(QPainter& painter, const ViewTransform& view) override;
    int hit(QPointF level0) const override;
    void setHovered(int index) override;

private:
    static constexpr int kPlain = 256, kDimmed = 257, kHidden = -1;  // beside 0 … 255 of the colour map
    void take(std::vector<double> x, std::vector<double> y, double diameter_px);
    void index();
    void recolour();
    void workOutColours();
    QRgb flatColour(int colour) const;  // of a bin, or of a spot that is a few pixels; premultiplied
    void paintBins(QPainter& painter, const ViewTransform& view);
    void paintDiscs(QPainter& painter, const ViewTransform& view, const std::vector<std::size_t>& seen);
    void paintDense(QPainter& painter, const ViewTransform& view, const std::vector<std::size_t>& seen) const;
    QPointF shownAt(std::size_t i) const { return moved_.map(QPointF(x_[i], y_[i])); }
    double shownDiameter() const { return diameter() * grown_; }
    bool manySelected() const;
    std::vector<std::size_t> inSight(const ViewTransform& view) const;  // without those that are hidden
    const QImage& sprite(int colour, double diameter, double dpr);
    void paintDisc(QPainter& painter, QPointF centre, double diameter, int colour) const;
    void paintMarks(QPainter& painter, const ViewTransform& view) const;

    std::vector<double> x_, y_;
    std::vector<float> values_;
    std::vector<int> colours_;  // index into the colour map, kPlain, kDimmed or kHidden
    std::vector<std::uint8_t> dimmed_, selected_;
    bool stale_ = true;  // colours_ does not follow the rest
    double diameter_ = 1, size_factor_ = 1;
    ColourMapId map_ = ColourMapId::Viridis;
    ColourScale scale_;
    std::size_t selected_count_ = 0;
    int hovered_ = -1;
    GridMap grid_;  // of bins; empty: spots
    GridImage bins_;
    QTransform moved_;
    double grown_ = 1;  // by moved_
    GridMap shown_grid_;  // where the cells of grid_ are shown; without their places

    // Uniform grid over the centres, for looking up what is under the cursor.
    double cell_ = 1, left_ = 0, top_ = 0;
    int cols_ = 0, rows_ = 0;
    std::vector<int> cell_start_, cell_spots_;

    // One pre-drawn disc per colour, for the diameter shown last.
    std::array<QImage, 258> sprites_;
    double sprite_diameter_ = -1, sprite_dpr_ = -1, sprite_opacity_ = -1;
};

}  // namespace c2l
