#include "nn/tensor_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "nn/safetensors.h"

namespace c2l::nn {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMostIndexBytes = 64u << 20;
constexpr std::size_t kMostShards = 1000, kLongestNameShown = 80;
const std::string kIndexEnding = ".safetensors.index.json", kEnding = ".safetensors";

std::string shown(const std::string& name) { return "\"" + name.substr(0, kLongestNameShown) + "\""; }

[[noreturn]] void bad_index(const fs::path& path, const std::string& what) {
    throw Error(ErrorCode::BadInput, "is not a sound index of safetensors files: " + what + "; get the model again from its source", path);
}

bool is_plain_name(const std::string& name) {
    const auto strange = [](unsigned char c) { return c < 0x20 || c == '/' || c == '\\' || c == ':'; };
    return name.size() > kEnding.size() && name.size() < 256 && name.front() != '.' && name.ends_with(kEnding) &&
           std::none_of(name.begin(), name.end(), strange);
}

// Tensor → shard.
std::map<std::string, std::string> weight_map(const fs::path& path) {
    const auto root = json::parse(read_file(path, kMostIndexBytes), nullptr, false);
    const auto map = root.is_object() ? root.find("weight_map") : root.end();
    if (root.is_discarded() || !root.is_object() || map == root.end() || !map->is_object() || map->empty()) bad_index(path, "it has no weight_map");
    std::map<std::string, std::string> out;
    for (const auto& [tensor, shard] : map->items()) {
        if (!shard.is_string()) bad_index(path, "the file of tensor " + shown(tensor) + " is not text");
        const auto name = shard.get<std::string>();
        if (!is_plain_name(name)) bad_index(path, "shard " + shown(name) + " is not the plain name of a safetensors file beside it");
        out.emplace(tensor, name);
    }
    return out;
}

c10::ScalarType type_of(const std::string& dtype, const std::string& name, const fs::path& path) {
    if (dtype == "F32") return c10::kFloat;
    if (dtype == "F16") return c10::kHalf;
    if (dtype == "BF16") return c10::kBFloat16;
    if (dtype == "F64") return c10::kDouble;
    throw Error(ErrorCode::Mismatch, "tensor " + shown(name) + " has dtype " + dtype + " where weights are F32, F16 or BF16", path);
}

std::vector<std::int64_t> without_ones(std::vector<std::int64_t> shape) {
    while (!shape.empty() && shape.back() == 1) shape.pop_back();
    return shape;
}

std::string text_of(at::IntArrayRef shape) {
    std::string text;
    for (const auto side : shape) text += (text.empty() ? "" : " x ") + std::to_string(side);
    return text.empty() ? "a single number" : text;
}

}  // namespace

bool is_shard_index(const fs::path& path) { return path.filename().string().ends_with(kIndexEnding); }

std::vector<std::string> shards_of_index(const fs::path& index) {
    std::set<std::string> names;
    for (const auto& [tensor, shard] : weight_map(index)) names.insert(shard);
    if (names.size() > kMostShards) bad_index(index, "it lists more than " + std::to_string(kMostShards) + " files");
    return {names.begin(), names.end()};
}

TensorSource::TensorSource(const fs::path& path) : path_(path) {
    if (is_shard_index(path))
        read_index();
    else
        add_file(path);
}

void TensorSource::add_file(const fs::path& file) {
    auto header = read_safetensors_header(file);
    for (auto& [name, entry] : header.entries)
        if (!places_.emplace(name, Place{files_.size(), header.data_offset, std::move(entry)}).second)
            bad_index(path_, "tensor " + shown(name) + " is in two of its files");
    files_.push_back(file);
}

void TensorSource::read_index() {
    for (const auto& shard : shards_of_index(path_)) add_file(path_.parent_path() / shard);
    const auto map = weight_map(path_);
    for (const auto& [tensor, shard] : map) {
        const auto found = places_.find(tensor);
        if (found == places_.end() || files_[found->second.file].filename() != shard) bad_index(path_, "tensor " + shown(tensor) + " is not in " + shown(shard));
    }
    for (const auto& [tensor, place] : places_)
        if (!map.count(tensor)) bad_index(path_, "it does not name tensor " + shown(tensor) + " of " + shown(files_[place.file].filename().string()));
}

const TensorHeader::Entry& TensorSource::entry(const std::string& name) const {
    const auto found = places_.find(name);
    if (found == places_.end())
        throw Error(ErrorCode::Mismatch, "has no tensor " + shown(name) + "; these weights do not belong to the configuration beside them", path_);
    return found->second.entry;
}

std::int64_t TensorSource::parameters() const {
    std::int64_t total = 0;
    for (const auto& [name, place] : places_) {
        std::int64_t count = 1;
        for (const auto side : place.entry.shape) count *= side;
        total += count;
    }
    return total;
}

at::Tensor TensorSource::take(const std::string& name, at::IntArrayRef shape) {
    const auto& found = entry(name);
    if (without_ones(found.shape) != without_ones(shape.vec()))
        throw Error(ErrorCode::Mismatch, "tensor " + shown(name) + " is " + text_of(found.shape) + " where its configuration needs " + text_of(shape), path_);
    const auto& place = places_.at(name);
    const auto& file = files_[place.file];
    auto stored = at::empty(shape, type_of(found.dtype, name, path_));
    std::ifstream in(file, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(place.data_offset + found.begin));
    if (found.end > found.begin) in.read(static_cast<char*>(stored.data_ptr()), static_cast<std::streamsize>(found.end - found.begin));
    if (!in) throw Error(ErrorCode::Io, "cannot be read; check the disk and the permissions", file);
    used_.insert(name);
    return stored.to(c10::kFloat);
}

void TensorSource::check_all_used(const std::string& architecture) const {
    for (const auto& [name, place] : places_)
        if (!used_.count(name))
            throw Error(ErrorCode::Mismatch, "has tensor " + shown(name) + ", which " + architecture + " with this configuration does not; get the model's weights and configuration from one source", path_);
}

}  // namespace c2l::nn
