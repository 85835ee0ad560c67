// Reader and writer of the safetensors format. The reader trusts nothing: header ≤ 100 MB, known dtypes, checked products,
// offsets contiguous and inside the file; pickles and zip archives are refused by content whatever the file is called.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
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
    // Throws Error(Mismatch) that names a tensor which is none of `names`; one that ends in '.' stands for all that begin with it.
    void only(std::initializer_list<const char*> names) const;
    // Throws Error(Mismatch) where a tensor with this prefix does not hold real numbers, Error(BadInput) where one is not finite in fp32.
    void require_finite(const std::string& prefix = {}) const;
    std::filesystem::path path;                    // where it came from, for messages
};

// Whether real numbers are finite in fp32; in one pass, of fp32 without temporaries: 10 GB in about two seconds.
bool all_finite(const at::Tensor& numbers);

// Only the header, checked against the file's size; for `info` and for callers that need no weights.
TensorHeader read_safetensors_header(const std::filesystem::path& path);
TensorFile read_safetensors(const std::filesystem::path& path);

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata);  // atomic

}  // namespace c2l::nn
