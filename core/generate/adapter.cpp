#include "generate/adapter.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace c2l::generate {

using namespace nn;
using nlohmann::json;

namespace {

at::Tensor to_tensor(const Matrix& m) {
    auto t = at::empty({m.rows, m.cols}, c10::kFloat);
    std::copy(m.values.begin(), m.values.end(), t.data_ptr<float>());
    return t;
}

at::Tensor to_tensor(const std::vector<float>& v) {
    auto t = at::empty({static_cast<std::int64_t>(v.size())}, c10::kFloat);
    std::copy(v.begin(), v.end(), t.data_ptr<float>());
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

const char* unit_name(TargetUnit unit) { return unit == TargetUnit::Log1pCounts ? "log1p_counts" : "log1p_cp10k"; }

GenePanel panel_of(const TensorFile& file) {
    const json genes = json::parse(file.meta("genes"), nullptr, false);
    if (!genes.is_array() || genes.empty())
        throw Error(ErrorCode::Mismatch, "is not an adapter of this program: it names no genes", file.path);
    GenePanel panel;
    for (const auto& gene : genes) {
        if (!gene.is_string()) throw Error(ErrorCode::BadInput, "has a gene name that is not text", file.path);
        panel.genes.push_back(gene.get<std::string>());
    }
    const auto n = static_cast<std::int64_t>(panel.genes.size());
    const auto mean = file.at("panel.mean", {n}), sd = file.at("panel.sd", {n});
    panel.mean.assign(mean.data_ptr<float>(), mean.data_ptr<float>() + n);
    panel.sd.assign(sd.data_ptr<float>(), sd.data_ptr<float>() + n);
    panel.unit = file.meta("unit") == "log1p_counts" ? TargetUnit::Log1pCounts : TargetUnit::Log1pCp10k;
    return panel;
}

TensorFile read_adapter(const std::filesystem::path& path) {
    auto file = read_safetensors(path);
    if (file.meta("architecture") != "c2l-adapter-tiny")
        throw Error(ErrorCode::Mismatch, "is not an adapter of this program (its architecture is \"" + file.meta("architecture", "unknown") + "\")", path);
    return file;
}

}  // namespace

void Adapter::build(const UNet& denoiser, std::uint64_t seed) {
    Initialiser init(seed);
    const auto k = static_cast<int>(components_.size(1));
    hidden_ = Linear(set_, init, "genes.hidden", k, UNet::kEmbedding);
    out_ = Linear(set_, init, "genes.out", UNet::kEmbedding, UNet::kEmbedding);
    null_ = set_.add("genes.null", Initialiser::constant({UNet::kEmbedding}, 0));
    for (std::size_t site = 0; site < denoiser.site_channels().size(); ++site) {
        const auto name = "site" + std::to_string(site);
        down_.push_back(set_.add(name + ".down", init.fan_in({kRank, UNet::kEmbedding})));
        up_.push_back(set_.add(name + ".up", Initialiser::constant({3 * denoiser.site_channels()[site], kRank}, 0)));
    }
}

Adapter::Adapter(const UNet& denoiser, GenePanel panel, const Matrix& profiles, std::uint64_t seed)
    : panel_(std::move(panel)), components_(fit_components(profiles)) {
    build(denoiser, seed);
}

Adapter Adapter::load(const std::filesystem::path& path, const UNet& denoiser) {
    const auto file = read_adapter(path);
    Adapter adapter;
    adapter.panel_ = panel_of(file);
    adapter.components_ = file.at("genes.components");
    const auto genes = static_cast<std::int64_t>(adapter.panel_.genes.size());
    if (adapter.components_.dim() != 2 || adapter.components_.size(0) != genes || adapter.components_.scalar_type() != c10::kFloat)
        throw Error(ErrorCode::Mismatch, "has gene components that do not fit its gene list", path);
    adapter.build(denoiser, 0);
    adapter.set_.load(file, "adapter.");
    c10::NoGradGuard no_grad;
    for (auto& [name, tensor] : tuned(denoiser, /*full=*/false)) tensor.copy_(file.at("denoiser." + name, tensor.sizes()));
    if (file.meta("full") == "1")
        for (auto& [name, tensor] : tuned(denoiser, /*full=*/true)) tensor.copy_(file.at("denoiser." + name, tensor.sizes()));
    return adapter;
}

GenePanel Adapter::read_panel(const std::filesystem::path& path) { return panel_of(read_adapter(path)); }

std::string Adapter::read_central_id(const std::filesystem::path& path) { return read_adapter(path).meta("central"); }

at::Tensor Adapter::embed_null(std::int64_t n) const { return null_.unsqueeze(0).expand({n, UNet::kEmbedding}); }

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

std::vector<std::pair<std::string, at::Tensor>> Adapter::tuned(const UNet& denoiser, bool full) {
    std::vector<std::pair<std::string, at::Tensor>> out;
    for (const auto& [name, tensor] : const_cast<UNet&>(denoiser).parameters().all())
        if (full || tensor.dim() == 1) out.emplace_back(name, tensor);
    return out;
}

void Adapter::to(const c10::Device& device) {
    set_.to(device);
    components_ = components_.to(device);
}

void Adapter::save(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors, const std::string& central_id,
                   const std::string& training_json) const {
    auto all = tensors;
    all["genes.components"] = components_;
    all["panel.mean"] = to_tensor(panel_.mean);
    all["panel.sd"] = to_tensor(panel_.sd);
    const bool full = json::parse(training_json).value("full", false);
    write_safetensors(path, all,
                      {{"architecture", "c2l-adapter-tiny"},
                       {"central", central_id},
                       {"genes", json(panel_.genes).dump()},
                       {"unit", unit_name(panel_.unit)},
                       {"full", full ? "1" : "0"},
                       {"training", training_json}});
}

}  // namespace c2l::generate
