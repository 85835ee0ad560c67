// How good are synthetic tiles, against which yardstick? Distances always come with n, an interval and the real-vs-real floor.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/grouped_rows.h"
#include "base/image.h"
#include "base/job.h"
#include "base/matrix.h"

namespace c2l {

struct Interval {
    double value = 0, lower = 0, upper = 0;  // 95 %
};

// Squared Fréchet distance of two Gaussian fits (Heusel 2017) on encoder features; "FD-encoder", never FID.
double frechet_distance(const Matrix& a, const Matrix& b);
// Unbiased squared maximum mean discrepancy with the cubic polynomial kernel (Bińkowski 2018).
double kernel_distance(const Matrix& a, const Matrix& b);

struct Coverage {
    double precision = 0, recall = 0;  // Kynkäänniemi 2019; all in 0 … 1 but for density
    double density = 0, coverage = 0;  // Naeem 2020
};
Coverage neighbourhood_scores(const Matrix& real, const Matrix& synthetic, int k = 5);

constexpr double kCopyShare = 0.01;  // of other real tiles, which are no copies, that a check flags all the same

// Copy check: a synthetic tile nearer to a tile learnt from (any of 8 orientations) than all but a `share` of the other real tiles are to their
// nearest learnt one, measured the same way. Features are rows; `learnt_views` holds 8
// orientations (dihedral_views) of every tile that the generator learnt from, with genes or without. No reference tile may
// overlap one of those: it would be near for the wrong reason and close the gate too late.
struct CopyCheck {
    double threshold = 0;
    std::vector<double> distance;       // of each synthetic tile to its nearest learnt tile
    std::vector<std::int64_t> nearest;  // that learnt tile
    std::vector<std::uint8_t> flagged;  // 1: too near
    double fraction = 0;
};
CopyCheck check_copies(const Matrix& synthetic, const Matrix& learnt_views, const Matrix& reference, double share = kCopyShare);
// The share of the training tiles (the first of those in `learnt_views`) that are nearer than the gate's threshold to another of them, in any
// orientation, that shows none of the same tissue. Spots that lie in one kind of tissue are near each other without any copying, and so are tiles made from their profiles.
double flagged_training_tiles(const Matrix& training, const Matrix& learnt_views, const Matrix& reference, const std::function<bool(std::int64_t, std::int64_t)>& overlap,
                              const JobContext& ctx, double share = kCopyShare);

// What the tiles are made of: 1-Wasserstein distance real ↔ synthetic, each in the statistic's unit, beside what two random
// halves of the real tiles differ by, as many tiles on each side. NaN where no nucleus was found on a side.
struct CompositionFigure {
    Interval distance;
    double floor = 0;
    double mean_real = 0, mean_synthetic = 0;
};
struct Composition {
    CompositionFigure nuclear_density_per_mm2;                          // one value per tile
    CompositionFigure nuclear_area_um2, eccentricity, haematoxylin_od;  // one value per nucleus
    std::string json() const;
};
// Segments the nuclei of every tile, on all threads. Both sets show tissue at `mpp` µm per pixel.
struct TileGroups {
    Groups real, synthetic;
};
Composition compare_composition(const TileSet& real, const TileSet& synthetic, double mpp, std::uint64_t seed, const JobContext& ctx,
                                const TileGroups& groups = {}, int bootstrap = 200);
double wasserstein_distance(std::vector<double> a, std::vector<double> b);  // of two samples on the line; NaN when either is empty

struct QualityReport {
    std::string encoder;
    std::int64_t n_synthetic = 0, n_real = 0;
    std::int64_t n_floor = 0;  // tiles on each side of the Fréchet distance and of its floor
    Interval frechet;
    double frechet_floor = 0;  // real against real, same n
    Interval kid;
    double kid_floor = 0;
    Coverage coverage;
    struct OtherFloor {            // the reference against n tiles of another section
        std::int64_t n = 0;
        std::optional<double> frechet;  // only where n is n_floor: of fewer tiles it is larger, and would make the synthetic ones look near
        double kid = 0;
    };
    std::optional<OtherFloor> other_section;
    struct TrainingFloor {         // the reference against the real tiles learnt from: how far the few spots are from the section
        std::int64_t n = 0;
        double kid = 0;            // unbiased at any n; a Fréchet distance of so few tiles would not compare
    };
    std::optional<TrainingFloor> training;
    CopyCheck copies;              // empty unless learnt tiles were given
    std::string json() const;      // keys of the `assess` command
};

struct AssessInputs {
    const Matrix* synthetic = nullptr;    // features
    const Matrix* learnt_views = nullptr; // of 8 orientations of the tiles learnt from; null: no copies are looked for
    const Matrix* training = nullptr;     // features of the training spots' own tiles, one each; may be null
    const Matrix* reference = nullptr;    // features of real tiles not trained on (same slide, dense)
    const Matrix* other = nullptr;        // features of real tiles of another section; may be null
    Groups synthetic_group, reference_group;  // for the intervals of the two distances
    std::string encoder;
    std::uint64_t seed = 0;
    int bootstrap = 200;
};
QualityReport assess(const AssessInputs& inputs, const JobContext& ctx);

// The 8 orientations of every tile, tile-major: 4 quarter turns, then the same of the mirror image.
TileSet dihedral_views(const TileSet& tiles);

}  // namespace c2l
