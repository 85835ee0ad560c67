// Does a generated tile follow the genes it was made from? Two measures on held-out spots, both against chance:
//
// - round trip: what a predictor trained on real tiles of training spots reads from tiles generated from held-out profiles,
//   correlated with those profiles;
// - retrieval: where the real tile of the held-out spot stands among all held-out real tiles, ordered by their distance to
//   the tile generated from its profile.
//
// Chance is the same figure with the profiles (the real tiles) shuffled among the held-out spots. A generator that ignores its
// genes makes tiles that are exchangeable among them, so these p values are exact, however alike neighbouring spots are; the
// figure of real tiles, given as a yardstick, has no such p value. It is no ceiling: a generated tile has nothing to show but its
// genes, while a real one has much else, and generator and predictor learnt from the same spots, chance associations included. The
// round trip therefore tells that tiles depend on their genes, not that they do as tissue does; retrieval, which asks for the real
// tile, tells the latter.
//
// Held-out profiles serve for judging alone: features are scaled, and the predictor is fitted, on training spots.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/job.h"
#include "base/matrix.h"
#include "quality/quality.h"

namespace c2l {

constexpr std::int64_t kFewestSpots = 8;  // of each kind; with fewer the measures say nothing

struct FollowInputs {
    const Matrix* train_features = nullptr;     // n × d: encoder features of the real tiles of the training spots
    const Matrix* train_profiles = nullptr;     // n × genes, standardised on the training spots
    std::vector<int> train_fold;                // n: folds of the inner cross-validation that chooses the ridge's λ
    const Matrix* held_out_features = nullptr;  // m × d
    const Matrix* held_out_profiles = nullptr;  // m × genes, standardised on the training spots
    std::vector<float> held_out_depth;          // m: total counts
    Groups held_out_group;                      // m: held-out spots that the intervals draw together; empty: each alone
    // (passes · m) × d, pass by pass: row p·m + i is the p-th tile generated from profile i. Predictions and features are averaged over passes.
    const Matrix* generated = nullptr;
    std::string encoder;
    std::uint64_t seed = 0;
    int bootstrap = 1000;
    int permutations = 1999;
};

struct AgainstChance {
    Interval figure;  // 95 % bootstrap over held-out spots
    Interval chance;  // mean and central 95 % of the shuffled figures
    double p = 1;     // share of shuffles (with the figure itself) that do at least as well; one-sided
};

// Mean over genes of Pearson's r; a gene whose prediction or truth is constant counts as 0.
struct RoundTrip {
    AgainstChance pearson, depth_partial;  // depth_partial: log depth taken out of predictions and profiles
    Interval real, real_depth_partial;     // the same predictor on the real held-out tiles; may be exceeded, see above
    std::vector<double> single_passes;     // `pearson` of each pass alone
    double lambda = 0;                     // chosen by the inner cross-validation
};

struct Retrieval {
    std::int64_t candidates = 0;
    AgainstChance mean_rank;        // 0 the true tile is nearest … 1 farthest; chance 0.5
    AgainstChance reciprocal_rank;  // mean of 1/rank
    AgainstChance top1, top5, top_tenth;
};

struct FollowReport {
    std::string encoder;
    std::int64_t spots_train = 0, spots = 0, tiles_per_spot = 0, genes = 0;
    RoundTrip round_trip;
    Retrieval retrieval;
    std::string json() const;
};

// Throws Error(BadInput) with fewer than kFewestSpots spots of either kind, Error(Mismatch) for matrices that do not belong together. Blocks.
FollowReport follow_genes(const FollowInputs& inputs, const JobContext& ctx);

// The two parts, for inputs that follow_genes() has checked.
RoundTrip round_trip(const FollowInputs& inputs, const JobContext& ctx);
Retrieval retrieval(const FollowInputs& inputs, const JobContext& ctx);

// Mean of a figure over independently seeded generators with its 95 % interval (Student's t); no interval (±∞) for a single one.
Interval over_seeds(const std::vector<double>& figures);

}  // namespace c2l
