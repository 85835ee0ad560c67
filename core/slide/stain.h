// Haematoxylin–eosin statistics of a tile, by colour deconvolution (Ruifrok & Johnston 2001) and nuclear segmentation
// (Otsu on the haematoxylin channel + distance-transform watershed). Pure functions of pixels; thread-safe.
//
// Optical density of a value v, 0 … 255, is -log10((v + 1) / 256): 0 for white, 2.4 for black.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/image.h"

namespace c2l {

// Directions of the two stains in optical density: red, green, blue; of length 1.
struct StainVectors {
    std::array<double, 3> haematoxylin{}, eosin{};
};
StainVectors standard_stain_vectors();  // of bright-field scanners, QuPath's defaults
// Rows that turn optical density (red, green, blue) into amounts of haematoxylin, eosin and residual, whose direction stands upright on both.
// Throws Error(BadInput) where the two directions are nearly one.
std::array<std::array<double, 3>, 3> unmixing_rows(const StainVectors& vectors);

// Optical densities of haematoxylin, eosin and residual; each width*height, row-major.
struct StainDensities {
    int width = 0, height = 0;
    std::vector<float> haematoxylin, eosin, residual;
};
StainDensities deconvolve(const Image& tile, const StainVectors& vectors = standard_stain_vectors());
Image reconstruct(const StainDensities& densities, const StainVectors& vectors = standard_stain_vectors());  // the inverse, to half a grey level

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
