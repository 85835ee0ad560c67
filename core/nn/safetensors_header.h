// The header of a safetensors file, without LibTorch: what is in the file and where. Everything about it is checked: JSON of
// the one known form, at most 100 MB, no name twice, known dtypes, products without overflow, tensors that fill the data section
// without holes or overlaps. Format: https://huggingface.co/docs/safetensors
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace c2l::nn {

struct TensorHeader {
    struct Entry {
        std::string dtype;
        std::vector<std::int64_t> shape;
        std::uint64_t begin = 0, end = 0;  // within the data section
    };
    std::map<std::string, Entry> entries;
    std::map<std::string, std::string> metadata;
    std::uint64_t data_offset = 0;
};

constexpr std::uint64_t kMaxTensorHeader = 100u << 20;  // bytes

// Whether the first `available` bytes are a header's length below 4 GiB and its opening brace, as no other format begins.
bool starts_as_safetensors(const char* data, std::uint64_t available);

// Throws Error(Unsupported) when the first `available` bytes are those of a pickle or a zip archive, whatever the file is called.
void refuse_other_weight_formats(const char* data, std::uint64_t available, const std::filesystem::path& path);

// Parses the first `available` bytes of a file of `file_size` bytes; `path` is for messages. Throws Error(BadInput|Unsupported).
TensorHeader parse_safetensors_header(const char* data, std::uint64_t available, std::uint64_t file_size, const std::filesystem::path& path);

}  // namespace c2l::nn
