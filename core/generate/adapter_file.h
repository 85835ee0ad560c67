// The file of an adapter: what it says of itself, checked as far as that goes without the central model it belongs to.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "generate/generate.h"
#include "nn/safetensors.h"

namespace c2l::generate {

constexpr const char* kAdapterArchitecture = "c2l-adapter";

struct AdapterFile {
    nn::TensorFile file;
    AdapterInfo info;
};

// Every tensor has a name of an adapter's and holds finite real numbers, the panel's and the components' shapes agree. Throws Error(NotFound|BadInput|Mismatch|Unsupported|Io).
AdapterFile read_adapter_file(const std::filesystem::path& path);

// Atomic. Genes and training record, no pixels, spots, places or paths: the file may be given away. `tensors` are the adapter's and the tuned
// ones by name ("adapter.…", "denoiser.…"); those of larger models are rounded to bfloat16, so that the file stays below 5 MB, unless every
// weight was tuned.
void write_adapter_file(const std::filesystem::path& path, std::map<std::string, at::Tensor> tensors, const at::Tensor& components, const AdapterInfo& info);

}  // namespace c2l::generate
