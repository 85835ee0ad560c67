#include "generate/adapter_file.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json_depth.h"

namespace c2l::generate {

using nlohmann::json;

namespace {

constexpr std::int64_t kMostFp32 = 1'250'000;  // numbers: 5 MB

TargetUnit unit_of(const nn::TensorFile& file) {
    const std::string name = file.meta("unit");
    if (const auto unit = target_unit(name)) return *unit;
    throw Error(ErrorCode::Unsupported, "was adapted on expression in the unit \"" + name + "\", which this version does not know; get a newer version of the program", file.path);
}

// Nested as no record of ours: the JSON library would use up the stack where it is copied or written.
void require_flat(const std::string& text, const std::filesystem::path& path) {
    if (is_nested_deeper(text)) throw Error(ErrorCode::BadInput, "has a record nested too deep to be read; get the file again from its source", path);
}

std::vector<std::string> genes_of(const nn::TensorFile& file) {
    require_flat(file.meta("genes"), file.path);
    const json genes = json::parse(file.meta("genes"), nullptr, false);
    if (!genes.is_array() || genes.empty()) throw Error(ErrorCode::Mismatch, "is not an adapter of this program: it names no genes", file.path);
    std::vector<std::string> names;
    std::set<std::string> seen;
    for (const auto& gene : genes) {
        if (!gene.is_string()) throw Error(ErrorCode::BadInput, "has a gene name that is not text; get the file again from its source", file.path);
        names.push_back(gene.get<std::string>());
        if (!seen.insert(names.back()).second) throw Error(ErrorCode::BadInput, "names the gene '" + names.back() + "' twice; get the file again from its source", file.path);
    }
    return names;
}

std::vector<float> numbers_of(const nn::TensorFile& file, const char* name, std::int64_t n) {
    const auto tensor = file.at(name, {n}).to(c10::kFloat).contiguous();
    return {tensor.data_ptr<float>(), tensor.data_ptr<float>() + n};
}

at::Tensor to_tensor(const std::vector<float>& v) {
    auto t = at::empty({static_cast<std::int64_t>(v.size())}, c10::kFloat);
    std::copy(v.begin(), v.end(), t.data_ptr<float>());
    return t;
}

}  // namespace

AdapterFile read_adapter_file(const std::filesystem::path& path) {
    const auto header = nn::read_safetensors_header(path);  // a central model given by mistake is not read to its end
    const auto kind = header.metadata.find("architecture");
    if (kind == header.metadata.end() || kind->second != kAdapterArchitecture)
        throw Error(ErrorCode::Mismatch, "is not an adapter of this program (its architecture is \"" + (kind == header.metadata.end() ? "unknown" : kind->second.substr(0, 80)) + "\")", path);
    AdapterFile out{nn::read_safetensors(path), {}};
    const nn::TensorFile& file = out.file;
    file.only({"genes.components", "panel.mean", "panel.sd", "adapter.", "denoiser."});  // anything else could be pixels
    file.require_finite();
    AdapterInfo& info = out.info;
    info.panel.genes = genes_of(file);
    const auto genes = static_cast<std::int64_t>(info.panel.genes.size());
    info.panel.unit = unit_of(file);
    info.panel.mean = numbers_of(file, "panel.mean", genes);
    info.panel.sd = numbers_of(file, "panel.sd", genes);
    if (std::any_of(info.panel.sd.begin(), info.panel.sd.end(), [](float sd) { return sd < 0; }))
        throw Error(ErrorCode::BadInput, "has a negative standard deviation of a gene; get the file again from its source", path);
    const auto& components = file.at("genes.components");
    if (components.scalar_type() != c10::kFloat)
        throw Error(ErrorCode::Mismatch, "has gene components that are not stored as F32, as adapters have them; get the file again from its source", path);
    if (components.dim() != 2 || components.size(0) != genes || components.size(1) < 1)
        throw Error(ErrorCode::Mismatch, "has gene components that do not fit its gene list", path);
    info.central = file.meta("central");
    info.central_architecture = file.meta("central_architecture");
    info.central_licence = file.meta("central_licence");
    info.central_attribution = file.meta("central_attribution");
    info.training_json = file.meta("training", "{}");
    require_flat(info.training_json, path);
    if (!json::parse(info.training_json, nullptr, false).is_object()) throw Error(ErrorCode::BadInput, "has a training record that is not JSON; get the file again from its source", path);
    const std::string full = file.meta("full");
    if (full != "0" && full != "1") throw Error(ErrorCode::BadInput, "does not say whether every weight was tuned; get the file again from its source", path);
    info.full = full == "1";
    return out;
}

void write_adapter_file(const std::filesystem::path& path, std::map<std::string, at::Tensor> tensors, const at::Tensor& components, const AdapterInfo& info) {
    std::int64_t numbers = components.numel();
    for (const auto& [name, tensor] : tensors) numbers += tensor.numel();
    if (numbers > kMostFp32 && !info.full)
        for (auto& [name, tensor] : tensors) tensor = tensor.to(c10::kBFloat16);
    tensors["genes.components"] = components;
    tensors["panel.mean"] = to_tensor(info.panel.mean);
    tensors["panel.sd"] = to_tensor(info.panel.sd);
    nn::write_safetensors(path, tensors,
                          {{"architecture", kAdapterArchitecture},
                           {"central", info.central},
                           {"central_architecture", info.central_architecture},
                           {"central_licence", info.central_licence},
                           {"central_attribution", info.central_attribution},
                           {"genes", json(info.panel.genes).dump()},
                           {"unit", to_string(info.panel.unit)},
                           {"full", info.full ? "1" : "0"},
                           {"training", info.training_json}});
}

}  // namespace c2l::generate
