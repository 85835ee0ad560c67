// Expression from tissue: features of a spot's surroundings → kernel ridge (a Gaussian kernel for each standardised block,
// their mean, plus a spatial Gaussian) → expression of a gene panel, with uncertainty.
//
// Blocks: stain statistics of the generator-sized tile, of a wider field and of a context field; with an encoder, its features
// of the same three; position. A synthetic tile replaces the blocks of the first field; its surroundings and position are
// those of the spot whose profile it was drawn from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/grouped_rows.h"
#include "base/job.h"
#include "base/matrix.h"
#include "dataset/tiles.h"
#include "nn/tile_encoder.h"

namespace c2l {

// Features of n places, one matrix per block, all with n rows.
struct PlaceFeatures {
    std::vector<std::string> names;  // "tile", "wide", "context", the same + ".encoder", "position" (µm; may be absent)
    std::vector<Matrix> blocks;
    std::int64_t rows() const { return blocks.empty() ? 0 : blocks.front().rows; }
    PlaceFeatures select(const std::vector<std::int64_t>& rows) const;
};

// Reads the fields around each centre (level-0 px) and describes them. `encoder` may be null: stain statistics alone.
PlaceFeatures describe_places(const TileReader& reader, const std::vector<double>& x, const std::vector<double>& y, double mpp,
                              const TileEncoder* encoder, const JobContext& ctx);
// Places of synthetic tiles: tile block from `tiles`, the other blocks mixed from `spots` by `source` rows and weights
// (a profile interpolated between two spots lies between them).
struct SyntheticSource {
    std::int64_t first = 0, second = 0;  // rows of `spots`
    double share = 0;                    // of the second
};
PlaceFeatures describe_synthetic(const TileSet& tiles, const PlaceFeatures& spots, const std::vector<SyntheticSource>& sources,
                                 const TileEncoder* encoder, const JobContext& ctx);

// Defaults measured on her2st C3 and C4 (20 splits in blocks, 30 and 100 spots).
struct FitParams {
    double spatial_weight = 0.3;   // of the position kernel, beside 1 for the mean of the feature kernels
    double spatial_pitches = 3.0;  // its length scale
    std::vector<double> lambdas = {1. / 32, 1. / 16, 1. / 8, 1. / 4, 1. / 2, 1, 2, 4, 8};  // inner cross-validation chooses
    std::vector<double> synthetic_weights = {0.03, 0.1, 0.25, 0.5, 1.0};  // of a pair, in units of the weight of the spot it comes from; candidates beside 0
    double synthetic_weight = -1;                                         // ≥ 0: fixed by the user
    bool match_synthetic = true;        // shift and scale synthetic tile features to those of the spots they derive from
    int inner_folds = 5;                // compact spatial folds within the training spots
    double inner_margin_pitches = 1.2;  // training spots nearer than this to a held-out one leave the fold too …
    double least_inner_margin_um = 125; // … or nearer than this: the diagonal of a tile, which on dense arrays is many pitches
    int ensemble = 5;                   // bootstrap members for the uncertainty
    bool depth_weights = true;          // weight depth/(depth + median) per spot
    std::int64_t max_rows = 3000;       // beyond it spots are thinned evenly over the tissue; pairs at random to what is left, at least to a third of it
    std::uint64_t seed = 0;
};

// Everything fit() may see. Rows of `real` belong to training spots only.
struct FitInputs {
    PlaceFeatures real;
    Matrix targets;                               // rows × genes, in the panel's unit
    std::vector<float> depth;                     // total counts per row
    PlaceFeatures synthetic;                      // may be empty
    Matrix synthetic_targets;                     // rows × genes, same unit
    std::vector<std::int64_t> synthetic_parent;   // row of `real` a synthetic row derives from: leaves with it in inner folds
    std::vector<std::int64_t> synthetic_parent2;  // second parent, may be empty
};

class Predictor {
public:
    static Predictor fit(const FitInputs& inputs, const GenePanel& panel, double pitch_um, const FitParams& params, const JobContext& ctx);
    static Predictor load(const std::filesystem::path& path);
    // safetensors, atomic. `notes`: further metadata, for those who get the file; not read back.
    void save(const std::filesystem::path& path, const std::map<std::string, std::string>& notes = {}) const;

    struct Prediction {
        Matrix mean, lower, upper;           // rows × genes; 90 % interval (split conformal on inner held-out blocks)
        std::vector<float> in_distribution;  // 0 far from anything trained on … 1 typical
    };
    Prediction predict(const PlaceFeatures& places) const;

    const GenePanel& panel() const;
    double lambda() const;
    std::int64_t rows() const;        // training rows kept: spots, and synthetic pairs where they are used
    double synthetic_weight() const;  // chosen or given; 0: synthetic pairs were not used
    // What inner cross-validation saw: error of held-out training spots (1: no better than the mean) without synthetic pairs
    // and with the chosen weight, and the standard error of their difference.
    struct InnerError {
        double real_only = 0, chosen = 0, se = 0;
    };
    InnerError inner_error() const;
    const std::string& encoder_id() const;
    void set_encoder_id(std::string id);

    Predictor();
    ~Predictor();
    Predictor(Predictor&&) noexcept;
    Predictor& operator=(Predictor&&) noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// How the interval of a figure over held-out spots is found: neighbours are drawn together, since they are much alike.
struct Resampling {
    Groups groups{};         // of each held-out spot; empty: each alone
    int replicates = 1000;   // 0: no interval
    std::stop_token stop{};  // looked at between replicates, since many spots take minutes: Error(Stopped)
};

// Held-out figures. Constant predictions count as 0.
struct Correlation {
    double mean = 0, lower = 0, upper = 0, median = 0;  // over genes; 95 % bootstrap interval over spots
    std::vector<double> per_gene;
};
Correlation pearson(const Matrix& truth, const Matrix& predicted, std::uint64_t seed, const Resampling& resampling = {});
// The same after log depth has been regressed out of truth and prediction.
Correlation pearson_depth_partial(const Matrix& truth, const Matrix& predicted, const std::vector<float>& depth, std::uint64_t seed, const Resampling& resampling = {});
// Paired difference of the means of two predictions, bootstrap over spots.
Correlation pearson_delta(const Matrix& truth, const Matrix& with, const Matrix& without, std::uint64_t seed, const Resampling& resampling = {});

}  // namespace c2l
