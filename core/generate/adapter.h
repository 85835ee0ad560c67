// The local part of a model: how genes modulate the central denoiser.
//
// Δ(site, t, genes) = B_site A_site (time embedding + g), g = MLP(principal components of the standardised panel), of low rank, B starting
// at zero; and, after DiffFit (arXiv 2304.06648), the denoiser's own biases and normalisation scales. With few spots the components are
// what keeps 250 genes from being learnt by heart; there are at most one per six training spots.
#pragma once

#include <filesystem>

#include "base/matrix.h"
#include "dataset/tiles.h"
#include "generate/central.h"
#include "generate/denoiser.h"
#include "nn/layers.h"

namespace c2l::generate {

class Adapter {
public:
    // A fresh adapter; `profiles` are the standardised training profiles that the components are fitted on.
    Adapter(const Denoiser& denoiser, int rank, GenePanel panel, const Matrix& profiles, std::uint64_t seed);
    // Puts what was tuned of the denoiser into it. Throws Error(BadInput|Mismatch|Unsupported|NotFound), the denoiser then unchanged. That the
    // adapter belongs to this central model is for the caller to see to (AdapterInfo::central).
    static Adapter load(const std::filesystem::path& path, const Denoiser& denoiser);

    // N × embedding from standardised profiles N × G on the device; rows with null = 1 take the learnt null embedding.
    at::Tensor embed(const at::Tensor& profiles, const at::Tensor& null) const;
    at::Tensor embed_null(std::int64_t n) const;
    Modulator modulator(const at::Tensor& embedding) const;

    // The parameters of the denoiser that DiffFit tunes: biases and normalisation scales; all of them when `full`.
    static std::vector<std::pair<std::string, at::Tensor>> tuned(const Denoiser& denoiser, bool full);

    nn::ParameterSet& parameters() { return set_; }
    const nn::ParameterSet& parameters() const { return set_; }
    const GenePanel& panel() const { return panel_; }
    void to(const c10::Device& device);

    // See write_adapter_file. The central model's licence and attribution go with it.
    void save(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors, const Central& central, bool full,
              const std::string& training_json) const;

private:
    Adapter() = default;
    void build(const Denoiser& denoiser, int rank, std::uint64_t seed);

    int embedding_ = 0;
    GenePanel panel_;
    at::Tensor components_;  // G × k, scaled so that the first score has unit variance
    nn::ParameterSet set_;
    nn::Linear hidden_, out_;
    at::Tensor null_;
    std::vector<at::Tensor> down_, up_;  // per site: rank × embedding and 3C × rank
};

}  // namespace c2l::generate
