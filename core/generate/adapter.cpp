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

constexpr std::int64_t kMostFp32 = 1'250'000;  // numbers: 5 MB

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
    if (mean.scalar_type() != c10::kFloat || sd.scalar_type() != c10::kFloat) throw Error(ErrorCode::Mismatch, "has gene means that are not F32", file.path);
    panel.mean.assign(mean.data_ptr<float>(), mean.data_ptr<float>() + n);
    panel.sd.assign(sd.data_ptr<float>(), sd.data_ptr<float>() + n);
    const auto unit = target_unit(file.meta("unit"));
    if (!unit) throw Error(ErrorCode::Mismatch, "has values in a unit that this version does not know; use a newer version", file.path);
    panel.unit = *unit;
    return panel;
}

TensorFile read_adapter(const std::filesystem::path& path) {
    auto file = read_safetensors(path);
    if (file.meta("architecture") != "c2l-adapter")
        throw Error(ErrorCode::Mismatch, "is not an adapter of this program (its architecture is \"" + file.meta("architecture", "unknown") + "\")", path);
    return file;
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
    const auto file = read_adapter(path);
    Adapter adapter;
    adapter.panel_ = panel_of(file);
    adapter.components_ = file.at("genes.components");
    const auto genes = static_cast<std::int64_t>(adapter.panel_.genes.size());
    if (adapter.components_.dim() != 2 || adapter.components_.size(0) != genes || adapter.components_.scalar_type() != c10::kFloat)
        throw Error(ErrorCode::Mismatch, "has gene components that do not fit its gene list", path);
    const auto& first = file.at("adapter.site0.down");
    if (first.dim() != 2 || first.size(0) < 1 || first.size(0) > 1024) throw Error(ErrorCode::Mismatch, "has modulation of a strange rank", path);
    adapter.build(denoiser, static_cast<int>(first.size(0)), 0);
    adapter.set_.load(file, "adapter.");
    c10::NoGradGuard no_grad;
    for (auto& [name, tensor] : tuned(denoiser, /*full=*/false)) tensor.copy_(file.at("denoiser." + name, tensor.sizes()));
    if (file.meta("full") == "1")
        for (auto& [name, tensor] : tuned(denoiser, /*full=*/true)) tensor.copy_(file.at("denoiser." + name, tensor.sizes()));
    return adapter;
}

GenePanel Adapter::read_panel(const std::filesystem::path& path) { return panel_of(read_adapter(path)); }

std::string Adapter::read_central_id(const std::filesystem::path& path) { return read_adapter(path).meta("central"); }

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

void Adapter::save(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors, const Central& central,
                   const std::string& training_json) const {
    auto all = tensors;
    all["genes.components"] = components_;
    all["panel.mean"] = to_tensor(panel_.mean);
    all["panel.sd"] = to_tensor(panel_.sd);
    const bool full = json::parse(training_json).value("full", false);
    // An adapter is to be sent around: those of larger models are rounded to stay below 5 MB.
    std::int64_t numbers = 0;
    for (const auto& [name, tensor] : all) numbers += tensor.numel();
    if (numbers > kMostFp32)
        for (auto& [name, tensor] : all)
            if (name.starts_with("adapter.") || name.starts_with("denoiser.")) tensor = tensor.to(c10::kBFloat16);
    write_safetensors(path, all,
                      {{"architecture", "c2l-adapter"},
                       {"central", central.id},
                       {"central_licence", central.licence},
                       {"central_attribution", central.attribution},
                       {"genes", json(panel_.genes).dump()},
                       {"unit", to_string(panel_.unit)},
                       {"full", full ? "1" : "0"},
                       {"training", training_json}});
}

}  // namespace c2l::generate
