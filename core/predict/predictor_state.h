// What a fitted predictor keeps. Private to core/predict.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "predict/ridge.h"

namespace c2l {

struct Predictor::State {
    GenePanel panel;
    std::string encoder_id;
    double lambda = 1, synthetic_weight = 0;
    InnerError inner_error;
    bool non_negative = true;  // no training value was below 0, so no prediction is
    std::optional<PlaceKernel> kernel;
    Embedding rows;  // spots, then the synthetic pairs in use
    std::int64_t spots = 0;
    DualRidge ridge;
    std::vector<DualRidge> members;  // over ensemble_genes() alone
    at::Tensor member_variance;      // 1 × their number
    Calibration calibration;
};

}  // namespace c2l
