#include "generate/adapter.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "generate/adapter_file.h"

namespace c2l::generate {

using namespace nn;
namespace {

constexpr std::int64_t kHighestRank = 1024, kMostComponents = 1024;  // of a file: many times what is ever made

at::Tensor to_tensor(const Matrix& m) {
    auto t = at::empty({m.rows, m.cols}, c10::kFloat);
    std::copy(m.values.begin(), m.values.end(), t.data_ptr<float>());
    return t;
}

// Leading principal axes of standardised profiles, G × k, divided by the first singular value's scale.
at::Tensor fit_components(const Matrix& profiles) {
    const auto n = profiles.rows, genes = profiles.cols;
    const auto k = std::min({std::clamp<std::int64_t>(n / 6, 2, 32), genes, n - 1});
    const auto x = to_tensor(profiles).to(c10::kDouble);
    const auto [values, vectors] = at::linalg_eigh(at::matmul(x, x.t()));  // n × n is the small side with few spots
    const auto top_values = values.narrow(0, n - k, k).flip(0).clamp_min(1e-9);
    const auto top_vectors = vectors.narrow(1, n - k, k).flip(1);
    const auto axes = at::matmul(x.t(), top_vectors / top_values.sqrt());  // G × k, orthonormal
    const double first_sd = (top_values[0] / static_cast<double>(n)).sqrt().item<double>();
    return axes.div(first_sd).to(c10::kFloat).contiguous();
}

// What the file would change in the denoiser must be what an adapter changes.
void refuse_others(const TensorFile& file, const std::vector<std::pair<std::string, at::Tensor>>& tuned) {
    const std::string prefix = "denoiser.";
    std::set<std::string> known;
    for (const auto& [name, tensor] : tuned) known.insert(prefix + name);
    for (auto found = file.tensors.lower_bound(prefix); found != file.tensors.end() && found->first.starts_with(prefix); ++found)
        if (!known.count(found->first))
            throw Error(ErrorCode::Mismatch, "has a tensor \"" + found->first + "\" that no adapter of this central model has; these weights belong to another one", file.path);
}

}  // namespace

void Adapter::build(const Denoiser& denoiser, int rank, std::uint64_t seed) {
    constexpr int kHidden = 256;
    embedding_ = denoiser.embedding();
    Initialiser init(seed);
    const auto k = static_cast<int>(components_.size(1));
    hidden_ = Linear(set_, init, "genes.hidden", k, kHidden);
    out_ = Linear(set_, init, "genes.out", kHidden, embedding_);
    null_ = set_.add("genes.null", Initialiser::constant({embedding_}, 0));
    for (std::size_t site = 0; site < denoiser.sites().size(); ++site) {
        const auto name = "site" + std::to_string(site);
        down_.push_back(set_.add(name + ".down", init.fan_in({rank, embedding_})));
        up_.push_back(set_.add(name + ".up", Initialiser::constant({3 * denoiser.sites()[site], rank}, 0)));
    }
}

Adapter::Adapter(const Denoiser& denoiser, int rank, GenePanel panel, const Matrix& profiles, std::uint64_t seed)
    : panel_(std::move(panel)), components_(fit_components(profiles)) {
    build(denoiser, rank, seed);
}

Adapter Adapter::load(const std::filesystem::path& path, const Denoiser& denoiser) {
    const auto [file, info] = read_adapter_file(path);
    Adapter adapter;
    adapter.panel_ = info.panel;
    adapter.components_ = file.at("genes.components");
    if (adapter.components_.size(1) > kMostComponents) throw Error(ErrorCode::Mismatch, "has more gene components than any adapter of this program", path);
    const auto& first = file.at("adapter.site0.down");
    if (first.dim() != 2 || first.size(0) < 1 || first.size(0) > kHighestRank) throw Error(ErrorCode::Mismatch, "has modulation of a strange rank", path);
    adapter.build(denoiser, static_cast<int>(first.size(0)), 0);
    adapter.set_.load(file, "adapter.");
    c10::NoGradGuard no_grad;
    auto tuned_here = tuned(denoiser, info.full);
    refuse_others(file, tuned_here);
    for (const auto& [name, tensor] : tuned_here) file.at("denoiser." + name, tensor.sizes());  // all or nothing: the denoiser is not left half changed
    for (auto& [name, tensor] : tuned_here) tensor.copy_(file.at("denoiser." + name));
    return adapter;
}

at::Tensor Adapter::embed_null(std::int64_t n) const { return null_.unsqueeze(0).expand({n, embedding_}); }

at::Tensor Adapter::embed(const at::Tensor& profiles, const at::Tensor& null) const {
    const auto g = out_(at::silu(hidden_(at::matmul(profiles, components_))));
    return null.defined() ? at::where(null.unsqueeze(1), embed_null(profiles.size(0)), g) : g;
}

Modulator Adapter::modulator(const at::Tensor& embedding) const {
    return [this, embedding](int site, const at::Tensor& time_embedding) {
        const auto i = static_cast<std::size_t>(site);
        return at::linear(at::linear(time_embedding + embedding, down_[i]), up_[i]);
    };
}

std::vector<std::pair<std::string, at::Tensor>> Adapter::tuned(const Denoiser& denoiser, bool full) {
    std::vector<std::pair<std::string, at::Tensor>> out;
    for (const auto& [name, tensor] : denoiser.parameters().all())
        if (full || tensor.dim() == 1) out.emplace_back(name, tensor);
    return out;
}

void Adapter::to(const c10::Device& device) {
    set_.to(device);
    components_ = components_.to(device);
}

void Adapter::save(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors, const Central& central, bool full,
                   const std::string& training_json) const {
    const auto architecture = central.metadata.find("architecture");
    write_adapter_file(path, tensors, components_,
                       {panel_, central.id, architecture == central.metadata.end() ? std::string() : architecture->second, central.licence, central.attribution, full, training_json});
}

}  // namespace c2l::generate
