// Weighted kernel ridge in dual form, and the rows it is fitted on. Private to core/predict: tensors are double, on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "predict/kernel.h"
#include "predict/predict.h"

namespace c2l {

// Minimises Σ w (y - f - m)² + λ |f|², where m is the weighted mean. Prediction: K(new, rows) · dual + intercept.
struct DualRidge {
    at::Tensor dual;       // rows × genes
    at::Tensor intercept;  // 1 × genes
    at::Tensor predict(const at::Tensor& kernel_to_rows) const;
};
// Rows of zero weight have no influence. `gram` is rows × rows, `targets` rows × genes, `weights` rows.
DualRidge fit_ridge(const at::Tensor& gram, const at::Tensor& targets, const at::Tensor& weights, double lambda);

// Weight of a spot by its sequencing depth (noise of a shallow spot is counting noise), or 1 for all.
at::Tensor depth_weights(const FitInputs& inputs, const std::vector<std::int64_t>& rows, bool by_depth);

// The rows one fit may learn from: spots first, then the synthetic pairs whose parents are all among those spots.
struct Design {
    std::vector<std::int64_t> real, synthetic;
    PlaceKernel kernel;
    Embedding rows;
    at::Tensor targets;
    at::Tensor real_weights;    // by depth, one per spot
    at::Tensor parent_weights;  // of each pair's first parent, whose counting noise its profile has

    Design(const FitInputs& inputs, std::vector<std::int64_t> real, const FitParams& params, double pitch_um);
    at::Tensor weights(double synthetic_weight) const;  // one per row
    // Multiplicities of a bootstrap over spots; a synthetic pair is drawn as often as its first parent.
    at::Tensor resampled(const FitInputs& inputs, std::uint64_t seed) const;
    // Rows that count at this synthetic weight: the spots alone at 0.
    std::int64_t active(double synthetic_weight) const;
};

// Inner cross-validation: compact folds of the training spots, spots in the margin around a fold left out of its training.
struct InnerFold {
    std::vector<std::int64_t> train, held_out;  // rows of FitInputs::real
};
std::vector<InnerFold> inner_folds(const FitInputs& inputs, const FitParams& params, double pitch_um, std::uint64_t seed);

struct Choice {
    double lambda = 1;
    double synthetic_weight = 0;
    Predictor::InnerError error;
};
Choice choose_by_inner_folds(const FitInputs& inputs, const FitParams& params, double pitch_um, const JobContext& ctx);

// Residual-based calibration on the inner folds with the choice made.
struct Calibration {
    at::Tensor residual_quantile;  // 1 × genes, of |residual| / scale
    std::vector<float> likeness;   // ascending: of held-out spots to the spots of their fold's training
    double base_variance = 1;      // standardised squared residual, mean over held-out spots
};
// Mean over genes of the members' variance, in units of each gene's variance.
at::Tensor ensemble_spread(const std::vector<DualRidge>& members, const at::Tensor& kernel_to_rows, const at::Tensor& gene_variance);
std::vector<DualRidge> fit_ensemble(const FitInputs& inputs, const Design& design, const at::Tensor& gram, const Choice& choice,
                                    const FitParams& params);
Calibration calibrate(const FitInputs& inputs, const Choice& choice, const FitParams& params, double pitch_um, const JobContext& ctx);

std::vector<std::int64_t> ensemble_genes(std::int64_t genes);  // the genes whose spread is followed: 64 at most
at::Tensor gene_variance(const at::Tensor& targets);           // 1 × genes, of the spots; 1 for a constant gene
at::Tensor mean_likeness(const PlaceKernel& kernel, const Embedding& places, const Embedding& spots);  // to the nearest few, per place

}  // namespace c2l
