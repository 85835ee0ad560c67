// Parts of the distances that resampling shares. Private to core/quality: tensors are double, on the CPU.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/matrix.h"
#include "base/random.h"

namespace c2l {

at::Tensor feature_tensor(const Matrix& m);  // throws Error(BadInput) for values that are not finite
at::Tensor rows_of(const at::Tensor& t, const std::vector<std::int64_t>& rows);
std::vector<std::int64_t> random_rows(std::int64_t n, std::int64_t count, Random& random);  // without replacement
// Features in units of the training tiles' spread. One that hardly varies among them is left out: it says nothing of them, and an outside encoder's
// that is 0 on each of a few tiles would outweigh all others wherever it is not.
struct FeatureScale {
    explicit FeatureScale(const at::Tensor& training);
    at::Tensor operator()(const at::Tensor& features) const;
    at::Tensor mean, scale;  // 1 × d
};
at::Tensor squared_distances(const at::Tensor& a, const at::Tensor& b);
// Nearest row of `to` for each row of `from`, in batches: distance and index.
struct Nearest {
    std::vector<double> distance;
    std::vector<std::int64_t> index;
};
Nearest nearest_rows(const at::Tensor& from, const at::Tensor& to);

double frechet_distance(const at::Tensor& a, const at::Tensor& b);

// The kernel values between two samples, kept, so that a bootstrap costs no more than three products.
class KernelTable {
public:
    KernelTable(const at::Tensor& a, const at::Tensor& b);
    double distance() const;                                                      // unbiased, of the samples themselves
    double distance(const at::Tensor& times_a, const at::Tensor& times_b) const;  // of a resampling by multiplicities
    std::int64_t rows_a() const { return aa_.size(0); }
    std::int64_t rows_b() const { return bb_.size(0); }

private:
    at::Tensor aa_, bb_, ab_;
};

}  // namespace c2l
