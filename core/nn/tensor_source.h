// Weights of another project, read one tensor at a time: a safetensors file, or an index of several ("….safetensors.index.json",
// https://huggingface.co/docs/transformers/big_models). Only headers are held, so a network is filled with one copy of its weights in
// memory, and every shape is compared before memory is taken. Names of shards are plain file names beside the index; every tensor is in
// exactly one shard, the one that the index names.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "nn/safetensors_header.h"

namespace c2l::nn {

class TensorSource {
public:
    // Reads and checks all headers. Throws Error(NotFound|BadInput|Unsupported|Io).
    explicit TensorSource(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    const std::vector<std::filesystem::path>& files() const { return files_; }  // those with tensors
    bool has(const std::string& name) const { return places_.count(name) != 0; }
    // Throws Error(Mismatch) where the tensor is not there.
    const std::vector<std::int64_t>& shape(const std::string& name) const { return entry(name).shape; }
    std::int64_t parameters() const;  // numbers in all tensors

    // The tensor in fp32 on the CPU, marked as used. Stored as F32, F16, BF16 or F64; sides of 1 at the end of its shape may be more or
    // fewer than asked for (a 1×1 convolution is a matrix). Throws Error(Mismatch) for a missing tensor or another shape or dtype.
    at::Tensor take(const std::string& name, at::IntArrayRef shape);
    // Marks a tensor that this program has no need of as used.
    void skip(const std::string& name) { used_.insert(name); }
    // Throws Error(Mismatch) that names one tensor nobody took.
    void check_all_used(const std::string& architecture) const;

private:
    struct Place {
        std::size_t file;
        std::uint64_t data_offset;
        TensorHeader::Entry entry;
    };
    void add_file(const std::filesystem::path& file);
    void read_index();
    const TensorHeader::Entry& entry(const std::string& name) const;

    std::filesystem::path path_;
    std::vector<std::filesystem::path> files_;
    std::map<std::string, Place> places_;
    std::set<std::string> used_;
};

// Whether the file is named as an index of shards.
bool is_shard_index(const std::filesystem::path& path);

// Plain names of the shards an index lists, in order. Throws Error(BadInput).
std::vector<std::string> shards_of_index(const std::filesystem::path& index);

}  // namespace c2l::nn
