#include "predict/kernel.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "base/error.h"

namespace c2l {
namespace {

// Length of a feature block's Gaussian, in units of sqrt(dims): two unrelated standardised places are sqrt(2 dims) apart. Measured
// on her2st C3 and C4 (20 block splits, 30 and 100 spots) between 1 and 3; anything from 1.5 to 2 is as good.
constexpr double kFeatureLength = 1.5;
constexpr double kOutlier = 5;      // standardised values beyond it are clipped: one odd tile must not set the scale
constexpr double kConstant = 1e-6;  // relative spread below which a feature says nothing

at::Tensor squared_distances(const at::Tensor& a, const at::Tensor& b) {
    const auto aa = (a * a).sum(1, true), bb = (b * b).sum(1, true);
    return (aa + bb.t() - 2 * at::matmul(a, b.t())).clamp_min_(0);
}

at::Tensor gaussian(const at::Tensor& a, const at::Tensor& b) { return squared_distances(a, b).mul_(-0.5).exp_(); }

std::int64_t find_block(const PlaceFeatures& places, const std::string& name) {
    for (std::size_t b = 0; b < places.names.size(); ++b)
        if (places.names[b] == name) return static_cast<std::int64_t>(b);
    return -1;
}

BlockScale fit_scale(const std::string& name, const at::Tensor& x) {
    const auto mean = x.mean(0, true);
    auto sd = (x - mean).pow(2).mean(0, true).sqrt();
    sd = sd.masked_fill(sd <= kConstant * (mean.abs() + 1e-3), 0);
    return {name, mean, sd};
}

}  // namespace

at::Tensor to_tensor(const Matrix& m) {
    return at::from_blob(const_cast<float*>(m.values.data()), {m.rows, m.cols}, at::kFloat).to(at::kDouble);
}

Matrix to_matrix(const at::Tensor& t) {
    const auto c = t.to(at::kFloat).contiguous();
    Matrix m(c.size(0), c.size(1));
    std::copy_n(c.data_ptr<float>(), m.values.size(), m.values.data());
    return m;
}

at::Tensor take(const at::Tensor& t, const std::vector<std::int64_t>& rows) {
    return at::index_select(t, 0,
                            at::from_blob(const_cast<std::int64_t*>(rows.data()), {static_cast<std::int64_t>(rows.size())}, at::kLong));
}

Embedding Embedding::take(const std::vector<std::int64_t>& rows) const {
    Embedding out;
    for (const auto& f : features) out.features.push_back(c2l::take(f, rows));
    if (position.defined()) out.position = c2l::take(position, rows);
    return out;
}

Embedding Embedding::concat(const Embedding& a, const Embedding& b) {
    Embedding out;
    for (std::size_t i = 0; i < a.features.size(); ++i) out.features.push_back(at::cat({a.features[i], b.features[i]}, 0));
    if (a.position.defined()) out.position = at::cat({a.position, b.position}, 0);
    return out;
}

PlaceKernel::PlaceKernel(const PlaceFeatures& places, const std::vector<std::int64_t>& rows, double spatial_weight,
                         double spatial_length_um)
    : spatial_weight_(spatial_weight), spatial_length_um_(spatial_length_um) {
    for (std::size_t b = 0; b < places.blocks.size(); ++b)
        if (places.names[b] != kPositionBlock) scales_.push_back(fit_scale(places.names[b], take(to_tensor(places.blocks[b]), rows)));
    if (scales_.empty()) throw Error(ErrorCode::BadInput, "there are no features to predict from; describe the places first");
}

PlaceKernel::PlaceKernel(std::vector<BlockScale> scales, double spatial_weight, double spatial_length_um)
    : scales_(std::move(scales)), spatial_weight_(spatial_weight), spatial_length_um_(spatial_length_um) {}

Embedding PlaceKernel::embed(const PlaceFeatures& places) const {
    Embedding out;
    for (const auto& scale : scales_) {
        const auto b = find_block(places, scale.name);
        const std::int64_t dims = scale.mean.size(1);
        if (b < 0 || places.blocks[static_cast<std::size_t>(b)].cols != dims)
            throw Error(ErrorCode::Mismatch,
                        "the predictor needs " + std::to_string(dims) + " '" + scale.name + "' features of every place and these have " +
                            (b < 0 ? std::string("none") : std::to_string(places.blocks[static_cast<std::size_t>(b)].cols)) +
                            "; describe the places with the encoder it was fitted with");
        const auto informative = scale.sd > 0;
        const double length = kFeatureLength * std::sqrt(std::max<double>(1, informative.sum().item<double>()));
        auto z = (to_tensor(places.blocks[static_cast<std::size_t>(b)]) - scale.mean) / scale.sd.masked_fill(informative.logical_not(), 1);
        out.features.push_back(z.clamp_(-kOutlier, kOutlier).mul_(informative).div_(length));
    }
    if (const auto b = find_block(places, kPositionBlock); b >= 0 && spatial_weight_ > 0)
        out.position = to_tensor(places.blocks[static_cast<std::size_t>(b)]) / spatial_length_um_;
    return out;
}

at::Tensor PlaceKernel::likeness(const Embedding& a, const Embedding& b) const {
    auto k = gaussian(a.features[0], b.features[0]);
    for (std::size_t i = 1; i < a.features.size(); ++i) k += gaussian(a.features[i], b.features[i]);
    return k.div_(static_cast<double>(a.features.size()));
}

at::Tensor PlaceKernel::operator()(const Embedding& a, const Embedding& b) const {
    auto k = likeness(a, b);
    if (spatial_weight_ > 0 && a.position.defined() && b.position.defined()) k += spatial_weight_ * gaussian(a.position, b.position);
    return k;
}

}  // namespace c2l
