// Haematoxylin–eosin statistics of a tile, by colour deconvolution (Ruifrok & Johnston 2001) and nuclear segmentation
// (Otsu on the haematoxylin channel + distance-transform watershed). Pure functions of pixels; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/image.h"

namespace c2l {

// Optical densities of haematoxylin, eosin and residual; each width*height, row-major.
struct StainDensities {
    int width = 0, height = 0;
    std::vector<float> haematoxylin, eosin, residual;
};
StainDensities deconvolve(const Image& tile);

struct Nucleus {
    double x = 0, y = 0;        // centroid, tile pixels
    double area_um2 = 0;
    double eccentricity = 0;    // 0 round … 1 line
    double haematoxylin = 0;    // mean optical density
};
std::vector<Nucleus> find_nuclei(const Image& tile, double mpp);

// Fixed-length description of a tile (47 numbers or so): moments, percentiles and texture of the stain densities and
// colours, nuclear density, areas, eccentricity. Same length and order whatever the tile's size.
std::vector<float> stain_features(const Image& tile, double mpp);
const std::vector<std::string>& stain_feature_names();

}  // namespace c2l
