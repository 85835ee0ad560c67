// A figure of one gene over the tissue, drawn without any toolkit's window; private to core/pipeline.
#pragma once

#include <string>
#include <vector>

#include "base/image.h"

namespace c2l {

struct GeneFigure {
    Image tissue;                    // overview
    double scale = 1;                // overview pixels per level-0 pixel
    double mpp = 1;                  // µm per level-0 pixel
    std::vector<double> x, y;        // centres of the cells, level-0 pixels
    std::vector<float> values, opacity;  // one for each cell; opacity 0 … 1 (in-distribution), may be empty
    double cell_px = 1;              // side of a square cell, level-0 pixels; or the diameter of a spot
    bool round = false;
    std::string title, unit;
};

// Viridis between the 1st and 99th percentile, colour bar, scale bar, title.
Image draw_figure(const GeneFigure& figure);

}  // namespace c2l
