// Spots paired with the tissue around them, split into training and held-out parts of distinct types.
//
// Std-only, so that the generator builds on a bare CUDA machine; the pixels come through TileReader, which core/dataset/
// pairing.h implements over a Slide.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/image.h"
#include "base/matrix.h"
#include "spatial/spots.h"

namespace c2l {

// Pixels of square fields around a point. Thread-safe; blocks while reading.
class TileReader {
public:
    virtual ~TileReader() = default;
    // Field of `field_um` µm around (cx, cy) in level-0 pixels, resampled to size_px × size_px.
    virtual Image read(double cx, double cy, double field_um, int size_px) const = 0;
};

// Centres of fields, level-0 pixels.
struct Places {
    std::vector<double> x, y;
};

struct PairedTiles {
    std::string slide_id;
    std::string patient;
    double mpp = 0;       // µm per level-0 pixel
    double pitch_um = 0;  // median distance to the nearest other spot
    std::shared_ptr<const TileReader> reader;
    std::vector<std::string> barcodes;
    std::vector<double> x, y;       // spot centres, level-0 pixels
    std::vector<float> depth;       // total counts of each spot; 1 where values are as given
    ExpressionMatrix expression;    // row i belongs to spot i; raw counts, or values as given
    std::size_t size() const { return barcodes.size(); }
};

struct SplitParams {
    int test_blocks = 2;           // compact blocks of spots held out
    double test_fraction = 0.27;   // share of all spots in the test blocks
    double margin_pitches = 1.8;   // training spots nearer than this to a test spot are dropped,
    double least_margin_um = 0;    // and nearer than this, where spots lie so close that the tiles of several pitches show the same tissue
    int train_spots = 0;           // choose this many of the rest (evenly over the tissue); 0: all
    std::vector<std::string> train_list;  // exactly these barcodes, where not in a test block or margin; overrides
    std::uint64_t seed = 0;
};

// Rows of a PairedTiles that may be learnt from. Only split() and whole() make one.
class TrainTiles {
public:
    const PairedTiles& pairs() const { return *pairs_; }
    const std::vector<std::int64_t>& rows() const { return rows_; }
    std::size_t size() const { return rows_.size(); }
    TrainTiles subset(const std::vector<std::int64_t>& positions) const;  // positions within rows()

private:
    friend struct Split;
    TrainTiles(std::shared_ptr<const PairedTiles> pairs, std::vector<std::int64_t> rows)
        : pairs_(std::move(pairs)), rows_(std::move(rows)) {}
    std::shared_ptr<const PairedTiles> pairs_;
    std::vector<std::int64_t> rows_;
};

// Rows that must never influence gene choice, scaling, PCA, generator, gate or predictor.
class HeldOutTiles {
public:
    const PairedTiles& pairs() const { return *pairs_; }
    const std::vector<std::int64_t>& rows() const { return rows_; }
    std::size_t size() const { return rows_.size(); }

private:
    friend struct Split;
    HeldOutTiles(std::shared_ptr<const PairedTiles> pairs, std::vector<std::int64_t> rows)
        : pairs_(std::move(pairs)), rows_(std::move(rows)) {}
    std::shared_ptr<const PairedTiles> pairs_;
    std::vector<std::int64_t> rows_;
};

struct Split {
    TrainTiles train;
    HeldOutTiles held_out;

    // Compact spatial blocks grown from random seeds; spots within the margin of a test spot are in neither part.
    // Throws Error(BadInput) when fewer than 8 training or 8 held-out spots remain.
    static Split by_blocks(std::shared_ptr<const PairedTiles> pairs, const SplitParams& params);
    // Every spot for training, none held out (for a final model whose accuracy is not asked).
    static TrainTiles whole(std::shared_ptr<const PairedTiles> pairs);
};

// k compact folds of nearly equal size (they differ by one at most), numbered 0 … k-1: the points are halved recursively
// across their longer side, in a frame turned by the seed. For inner cross-validation and for even choices over tissue.
std::vector<int> spatial_folds(const std::vector<double>& x, const std::vector<double>& y, int k, std::uint64_t seed);

// Genes and their normalisation, chosen and fitted on training rows only.
enum class TargetUnit { Log1pCounts, Log1pCp10k, AsGiven };
const char* to_string(TargetUnit unit);                        // "log1p_counts", "log1p_cp10k", "as_given"
std::optional<TargetUnit> target_unit(const std::string& name);

struct GenePanel {
    std::vector<std::string> genes;
    TargetUnit unit = TargetUnit::Log1pCp10k;
    std::vector<float> mean, sd;  // of the unit above, over the training rows

    // The n most variable genes: variance of log1p(CP10k) in excess of its trend over the mean, among genes seen in at
    // least `min_fraction` of the training spots (default a tenth). Values that are as given stay so, whatever unit is asked for, and the most
    // variable ones in relation to their mean are taken, however rare.
    static GenePanel choose(const TrainTiles& train, int n, TargetUnit unit, double min_fraction = 0.1);
    static GenePanel from_list(const TrainTiles& train, const std::vector<std::string>& genes, TargetUnit unit);

    // Values of the given rows in `unit`, rows × genes; genes missing from `pairs` read as 0.
    Matrix values(const PairedTiles& pairs, const std::vector<std::int64_t>& rows) const;
    // The same, z-scored by mean and sd.
    Matrix standardised(const PairedTiles& pairs, const std::vector<std::int64_t>& rows) const;
    void standardise(Matrix& values) const;
};

}  // namespace c2l
