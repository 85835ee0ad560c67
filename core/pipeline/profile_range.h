// Whether a profile is like those that the generator was adapted on; private to core/pipeline.
//
// Two distances, as where processes are watched by principal components (Jackson & Mudholkar, Technometrics 1979): along the components
// that the generator sees, in their standard deviations (Hotelling's T²), and off them (squared residual, Q). In range is what lies within the
// 99th percentile of the training spots in both.
#pragma once

#include <filesystem>
#include <vector>

#include "base/matrix.h"

namespace c2l {

class ProfileRange {
public:
    // `train`: standardised profiles of the training spots.
    ProfileRange(const std::filesystem::path& adapter, const Matrix& train);

    struct Place {
        double along = 0, off = 0;  // as shares of their limits
        bool inside() const { return along <= 1 && off <= 1; }
    };
    Place place(const float* standardised) const;
    // Lowest and highest value of a gene among the training spots.
    float lowest(std::int64_t gene) const { return lowest_[static_cast<std::size_t>(gene)]; }
    float highest(std::int64_t gene) const { return highest_[static_cast<std::size_t>(gene)]; }

private:
    Place distances(const float* standardised) const;

    Matrix components_;               // genes × k, orthogonal
    std::vector<double> length2_;     // of each
    std::vector<double> variance_;    // of the scores, over the training spots
    std::vector<float> lowest_, highest_;
    Place limit_;
};

}  // namespace c2l
