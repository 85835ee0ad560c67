#include "nn/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace c2l::nn {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Dtype {
    const char* name;
    c10::ScalarType type;
    std::uint64_t bytes;
};
constexpr Dtype kDtypes[] = {{"F64", c10::kDouble, 8}, {"F32", c10::kFloat, 4}, {"F16", c10::kHalf, 2}, {"BF16", c10::kBFloat16, 2},
                             {"I64", c10::kLong, 8},   {"I32", c10::kInt, 4},   {"I16", c10::kShort, 2}, {"I8", c10::kChar, 1},
                             {"U8", c10::kByte, 1},    {"BOOL", c10::kBool, 1}};

constexpr std::size_t kLongestNameShown = 80;

std::string shown(const std::string& name) { return "\"" + name.substr(0, kLongestNameShown) + "\""; }

const Dtype* find_dtype(const std::string& name) {
    for (const auto& d : kDtypes)
        if (name == d.name) return &d;
    return nullptr;
}

[[noreturn]] void bad(const fs::path& path, const std::string& what) {
    throw Error(ErrorCode::BadInput, "is not a sound safetensors file: " + what + "; get the file again from its source", path);
}

}  // namespace

const at::Tensor& TensorFile::at(const std::string& name) const {
    const auto found = tensors.find(name);
    if (found == tensors.end())
        throw Error(ErrorCode::Mismatch, "has no tensor \"" + name + "\"; these weights belong to another architecture or version", path);
    return found->second;
}

at::Tensor TensorFile::at(const std::string& name, at::IntArrayRef shape) const {
    const auto& tensor = at(name);
    if (tensor.sizes() != shape)
        throw Error(ErrorCode::Mismatch, "tensor \"" + name + "\" has another shape than this architecture needs", path);
    return tensor;
}

std::string TensorFile::meta(const std::string& key, const std::string& fallback) const {
    const auto found = metadata.find(key);
    return found == metadata.end() ? fallback : found->second;
}

void TensorFile::only(std::initializer_list<const char*> names) const {
    for (const auto& [found, tensor] : tensors) {
        const auto covers = [&, f = std::string_view(found)](std::string_view name) { return name.ends_with('.') ? f.starts_with(name) : f == name; };
        if (std::none_of(names.begin(), names.end(), covers))
            throw Error(ErrorCode::Mismatch, "has a tensor " + shown(found) + " that this architecture lacks; these weights belong to another one", path);
    }
}

void TensorFile::require_finite(const std::string& prefix) const {
    for (auto found = tensors.lower_bound(prefix); found != tensors.end() && found->first.starts_with(prefix); ++found) {
        if (!found->second.is_floating_point()) throw Error(ErrorCode::Mismatch, "tensor " + shown(found->first) + " does not hold real numbers", path);
        if (!all_finite(found->second))
            throw Error(ErrorCode::BadInput, "tensor " + shown(found->first) + " holds numbers that are not finite; get the file again from its source", path);
    }
}

// The least and the greatest of numbers among which one is NaN are NaN.
bool all_finite(const at::Tensor& numbers) {
    if (numbers.numel() == 0) return true;
    const auto [least, greatest] = at::aminmax(numbers.detach().to(c10::kFloat));
    return std::isfinite(least.item<float>()) && std::isfinite(greatest.item<float>());
}

namespace {

std::string read_prefix(std::ifstream& in, std::uint64_t file_size, const fs::path& path) {
    std::string prefix(std::min<std::uint64_t>(9, file_size), '\0');
    in.read(prefix.data(), static_cast<std::streamsize>(prefix.size()));
    refuse_other_weight_formats(prefix.data(), prefix.size(), path);
    if (prefix.size() < 9) bad(path, "it is too short");
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(prefix[static_cast<std::size_t>(i)]);
    if (length == 0 || length > kMaxTensorHeader || length > file_size - 8) bad(path, "its header is empty, longer than the file or above 100 MB");
    prefix.resize(8 + length);
    in.read(prefix.data() + 9, static_cast<std::streamsize>(length - 1));
    if (!in) throw Error(ErrorCode::Io, "cannot be read; check the disk and the permissions", path);
    return prefix;
}

std::ifstream open_file(const fs::path& path, std::uint64_t& size) {
    std::error_code failed;
    if (!fs::is_regular_file(path, failed)) throw Error(ErrorCode::NotFound, "is not a file; check the path of the weights", path);
    size = fs::file_size(path);
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Error(ErrorCode::NotFound, "cannot be opened; check the path and the permissions", path);
    return in;
}

}  // namespace

TensorHeader read_safetensors_header(const fs::path& path) {
    std::uint64_t size = 0;
    auto in = open_file(path, size);
    const auto prefix = read_prefix(in, size, path);
    return parse_safetensors_header(prefix.data(), prefix.size(), size, path);
}

TensorFile read_safetensors(const fs::path& path) {
    std::uint64_t size = 0;
    auto in = open_file(path, size);
    const auto prefix = read_prefix(in, size, path);
    const auto header = parse_safetensors_header(prefix.data(), prefix.size(), size, path);
    TensorFile file;
    file.path = path;
    file.metadata = header.metadata;
    for (const auto& [name, entry] : header.entries) {
        auto tensor = at::empty(entry.shape, find_dtype(entry.dtype)->type);
        in.seekg(static_cast<std::streamoff>(header.data_offset + entry.begin));
        if (entry.end > entry.begin) in.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(entry.end - entry.begin));
        if (!in) throw Error(ErrorCode::Io, "cannot be read; check the disk and the permissions", path);
        file.tensors.emplace(name, std::move(tensor));
    }
    return file;
}

void write_safetensors(const fs::path& path, const std::map<std::string, at::Tensor>& tensors, const std::map<std::string, std::string>& metadata) {
    std::map<std::string, at::Tensor> plain;
    json root = json::object();
    if (!metadata.empty()) root["__metadata__"] = metadata;
    std::uint64_t offset = 0;
    for (const auto& [name, tensor] : tensors) {
        auto cpu = tensor.detach().to(c10::kCPU).contiguous();
        const auto* dtype = std::find_if(std::begin(kDtypes), std::end(kDtypes), [&](const Dtype& d) { return d.type == cpu.scalar_type(); });
        if (dtype == std::end(kDtypes)) throw Error(ErrorCode::Internal, "tensor \"" + name + "\" has a dtype that safetensors lacks", path);
        const std::uint64_t bytes = static_cast<std::uint64_t>(cpu.numel()) * dtype->bytes;
        root[name] = {{"dtype", dtype->name}, {"shape", cpu.sizes().vec()}, {"data_offsets", {offset, offset + bytes}}};
        offset += bytes;
        plain.emplace(name, std::move(cpu));
    }
    std::string text = root.dump();
    text.append((8 - text.size() % 8) % 8, ' ');
    replace_file(path, [&](const fs::path& temporary) {
        std::ofstream out(temporary, std::ios::binary);
        char length[8];
        for (int i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i) & 255);
        out.write(length, 8);
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
        for (const auto& [name, tensor] : plain)
            out.write(static_cast<const char*>(tensor.data_ptr()), static_cast<std::streamsize>(tensor.numel() * tensor.element_size()));
        out.close();
        if (!out) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path);
    });
}

}  // namespace c2l::nn
