// Reader and writer of the safetensors format. The reader trusts nothing: header ≤ 100 MB, known dtypes, checked products,
// offsets contiguous and inside the file; pickles and zip archives are refused by content whatever the file is called.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "nn/safetensors_header.h"

namespace c2l::nn {

struct TensorFile {
    std::map<std::string, at::Tensor> tensors;     // on the CPU, contiguous, in the stored dtype
    std::map<std::string, std::string> metadata;   // __metadata__

    // Throws Error(NotFound|BadInput|Mismatch) naming the tensor that is missing or has another shape.
    const at::Tensor& at(const std::string& name) const;
    at::Tensor at(const std::string& name, at::IntArrayRef shape) const;
    bool has(const std::string& name) const { return tensors.count(name) != 0; }
    std::string meta(const std::string& key, const std::string& fallback = {}) const;
    std::filesystem::path path;                    // where it came from, for messages
};

// Only the header, checked against the file's size; for `info` and for callers that need no weights.
TensorHeader read_safetensors_header(const std::filesystem::path& path);
TensorFile read_safetensors(const std::filesystem::path& path);

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata);  // atomic

}  // namespace c2l::nn
