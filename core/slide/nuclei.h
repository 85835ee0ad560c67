// Nuclei from a haematoxylin density map, for callers that have deconvolved already. Private to core/slide.
#pragma once

#include <vector>

#include "slide/stain.h"

namespace c2l {

std::vector<Nucleus> find_nuclei(const StainDensities& densities, double mpp);

void check_mpp(double mpp);  // throws Error(BadInput) unless it is a size a tile can have

}  // namespace c2l
