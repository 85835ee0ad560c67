// Further figures on held-out spots, beside the correlations of predict.h.
#pragma once

#include <vector>

#include "base/matrix.h"

namespace c2l {

// All values of all genes at once, each gene centred on its own mean of the truth: how well the pattern is met, magnitudes included.
double pooled_pearson(const Matrix& truth, const Matrix& predicted);
double rmse(const Matrix& truth, const Matrix& predicted);

// Moran's I over the k nearest neighbours of each spot (6 hexagonal, 8 square), binary weights; 0 for constant values.
double morans_i(const std::vector<float>& values, const std::vector<double>& x, const std::vector<double>& y, int k);
// Mean over genes of |I(truth) - I(predicted)|: does the prediction have the truth's spatial coherence?
double morans_i_difference(const Matrix& truth, const Matrix& predicted, const std::vector<double>& x, const std::vector<double>& y, int k);

// 6 where the points lie on a hexagonal lattice, else 8: the k of Moran's I for spots.
int lattice_neighbours(const std::vector<double>& x, const std::vector<double>& y);

// Share of values inside [lower, upper]; what a 90 % interval covers.
double interval_coverage(const Matrix& truth, const Matrix& lower, const Matrix& upper);

}  // namespace c2l
