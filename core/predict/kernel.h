// The kernel between places. Every feature block is standardised on training rows and compared by a Gaussian of fixed length,
// so that each has a unit diagonal and none outweighs the others whatever its width; their mean says how alike two places
// look. A Gaussian of the distance on the slide is added. Private to core/predict: tensors are double, on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "predict/predict.h"

namespace c2l {

inline constexpr const char* kPositionBlock = "position";

at::Tensor to_tensor(const Matrix& m);  // double, rows × cols
Matrix to_matrix(const at::Tensor& t);  // from any dtype, rows × cols
at::Tensor take(const at::Tensor& t, const std::vector<std::int64_t>& rows);

// Places in the kernel's own coordinates, in which each block's kernel is exp(-|a - b|² / 2).
struct Embedding {
    std::vector<at::Tensor> features;  // rows × dims each, in the kernel's order of blocks
    at::Tensor position;               // rows × 2; undefined when the places have none: like nowhere near
    std::int64_t rows() const { return features.empty() ? (position.defined() ? position.size(0) : 0) : features.front().size(0); }
    Embedding take(const std::vector<std::int64_t>& rows) const;
    static Embedding concat(const Embedding& a, const Embedding& b);
};

struct BlockScale {
    std::string name;
    at::Tensor mean, sd;  // over training rows
};

class PlaceKernel {
public:
    // Fits the scales on the given rows alone.
    PlaceKernel(const PlaceFeatures& places, const std::vector<std::int64_t>& rows, double spatial_weight, double spatial_length_um);
    PlaceKernel(std::vector<BlockScale> scales, double spatial_weight, double spatial_length_um);

    // Throws Error(Mismatch) when a block is missing or has another width.
    Embedding embed(const PlaceFeatures& places) const;
    at::Tensor likeness(const Embedding& a, const Embedding& b) const;  // of the looks alone, 0 … 1
    at::Tensor operator()(const Embedding& a, const Embedding& b) const;

    const std::vector<BlockScale>& scales() const { return scales_; }
    double spatial_weight() const { return spatial_weight_; }
    double spatial_length_um() const { return spatial_length_um_; }

private:
    std::vector<BlockScale> scales_;
    double spatial_weight_, spatial_length_um_;
};

}  // namespace c2l
