// What weights are, and what this machine offers: for `c2l info` and `c2l doctor`.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <nlohmann/json.hpp>

#include "base/cores.h"
#include "generate/adapter_file.h"
#include "generate/generate.h"
#include "generate/model_pack.h"
#include "nn/device.h"
#include "nn/safetensors.h"

namespace c2l {
namespace {

using nlohmann::json;

std::string architecture_of(const nn::TensorHeader& header) {
    if (const auto found = header.metadata.find("architecture"); found != header.metadata.end()) return found->second;
    if (header.entries.count("features.3.squeeze.weight")) return "squeezenet1_0";
    return "unknown";
}

// What the metadata hold as text, to be read; a file that is no sound adapter is refused.
json describe_adapter(const std::filesystem::path& weights) {
    const AdapterInfo info = adapter_info(weights);
    return {{"genes", info.panel.genes.size()},
            {"unit", to_string(info.panel.unit)},
            {"full", info.full},
            {"bytes", std::filesystem::file_size(weights)},
            {"training", json::parse(info.training_json)},
            {"central", {{"id", info.central}, {"architecture", info.central_architecture}, {"licence", info.central_licence}, {"attribution", info.central_attribution}}}};
}

// OpenBLAS tells its flavour when asked through the symbol it exports; other libraries do not have it.
std::string blas_flavour() {
    const auto config = reinterpret_cast<char* (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_config"));
    const auto parallel = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "openblas_get_parallel"));
    if (!config || !parallel) return at::hasMKL() ? "mkl" : "unknown";
    const char* const kinds[] = {"sequential", "pthread", "openmp"};
    const int kind = parallel();
    return std::string("openblas-") + (kind >= 0 && kind < 3 ? kinds[kind] : "unknown") + " (" + config() + ")";
}

}  // namespace

std::string describe_weights(const std::filesystem::path& weights) {
    if (generate::is_model_pack(weights)) return generate::describe_model_pack(weights);
    const auto header = nn::read_safetensors_header(weights);
    std::int64_t parameters = 0;
    for (const auto& [name, entry] : header.entries) {
        std::int64_t count = 1;
        for (const auto side : entry.shape) count *= side;
        parameters += count;
    }
    json out{{"kind", "weights"}, {"architecture", architecture_of(header)}, {"parameters", parameters}, {"tensors", header.entries.size()}, {"metadata", header.metadata}};
    if (out["architecture"] == generate::kAdapterArchitecture) out["adapter"] = describe_adapter(weights);
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string describe_compute() {
    json devices = json::array({"cpu"});
    if (at::hasCUDA())
        for (std::size_t i = 0; i < at::getNumGPUs(); ++i) devices.push_back("cuda:" + std::to_string(i));
    json warnings = json::array();
    const auto blas = blas_flavour();
    if (blas.rfind("openblas-pthread", 0) == 0)
        warnings.push_back("the pthread flavour of OpenBLAS does not share threads with LibTorch and halves its speed; install libopenblas0-openmp");
    if (blas == "unknown") warnings.push_back("no OpenBLAS or MKL found: products may be 40 times slower; install libopenblas0-openmp");
    return json{{"devices", devices},
                {"blas", blas},
                {"threads", usable_cores()},
                {"bf16", nn::bf16_pays(c10::Device(c10::kCPU))},
                {"versions", {{"libtorch", TORCH_VERSION}}},
                {"warnings", warnings}}
        .dump();
}

}  // namespace c2l
