#include "nn/safetensors.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace c2l::nn {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMaxHeader = 100u << 20;

struct Dtype {
    const char* name;
    c10::ScalarType type;
    std::uint64_t bytes;
};
constexpr Dtype kDtypes[] = {{"F64", c10::kDouble, 8}, {"F32", c10::kFloat, 4}, {"F16", c10::kHalf, 2}, {"BF16", c10::kBFloat16, 2},
                             {"I64", c10::kLong, 8},   {"I32", c10::kInt, 4},   {"I16", c10::kShort, 2}, {"I8", c10::kChar, 1},
                             {"U8", c10::kByte, 1},    {"BOOL", c10::kBool, 1}};

const Dtype* find_dtype(const std::string& name) {
    for (const auto& d : kDtypes)
        if (name == d.name) return &d;
    return nullptr;
}

[[noreturn]] void bad(const fs::path& path, const std::string& what) {
    throw Error(ErrorCode::BadInput, "is not a sound safetensors file: " + what + "; get the file again from its source", path);
}

void refuse_other_formats(const char* data, std::uint64_t available, const fs::path& path) {
    const auto* b = reinterpret_cast<const unsigned char*>(data);
    // A header length such as 0x0480 begins with the same two bytes as a pickle; but then zeros and a brace follow.
    const bool sound_start = available >= 9 && std::memcmp(b + 4, "\0\0\0\0", 4) == 0 && data[8] == '{';
    const bool pickle = available >= 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5 && !sound_start;
    const bool zip = available >= 4 && std::memcmp(data, "PK\x03\x04", 4) == 0;
    if (pickle || zip)
        throw Error(ErrorCode::Unsupported,
                    "is a Python pickle or archive, not safetensors; such files can run code and are never opened: convert it to safetensors where "
                    "it was made",
                    path);
}

TensorHeader::Entry parse_entry(const std::string& name, const json& value, const fs::path& path) {
    TensorHeader::Entry entry;
    if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets"))
        bad(path, "tensor \"" + name + "\" lacks dtype, shape or data_offsets");
    const auto &dtype = value["dtype"], &shape = value["shape"], &offsets = value["data_offsets"];
    if (!dtype.is_string() || !find_dtype(dtype.get<std::string>())) bad(path, "tensor \"" + name + "\" has an unknown dtype");
    entry.dtype = dtype.get<std::string>();
    if (!shape.is_array() || shape.size() > 8) bad(path, "tensor \"" + name + "\" has an unusable shape");
    std::uint64_t bytes = find_dtype(entry.dtype)->bytes;
    for (const auto& side : shape) {
        if (!side.is_number_unsigned()) bad(path, "tensor \"" + name + "\" has an unusable shape");
        const auto n = side.get<std::uint64_t>();
        if (n > (std::uint64_t{1} << 40) || (n != 0 && bytes > (std::uint64_t{1} << 50) / n)) bad(path, "tensor \"" + name + "\" is impossibly large");
        bytes *= n;
        entry.shape.push_back(static_cast<std::int64_t>(n));
    }
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
        bad(path, "tensor \"" + name + "\" has unusable offsets");
    entry.begin = offsets[0].get<std::uint64_t>();
    entry.end = offsets[1].get<std::uint64_t>();
    if (entry.end < entry.begin || entry.end - entry.begin != bytes) bad(path, "tensor \"" + name + "\" has offsets that do not match its shape");
    return entry;
}

void check_contiguous(const TensorHeader& header, std::uint64_t data_bytes, const fs::path& path) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;
    for (const auto& [name, entry] : header.entries) spans.emplace_back(entry.begin, entry.end);
    std::sort(spans.begin(), spans.end());
    std::uint64_t next = 0;
    for (const auto& [begin, end] : spans) {
        if (begin != next) bad(path, "its tensors overlap or leave holes");
        next = end;
    }
    if (next != data_bytes) bad(path, next > data_bytes ? "it is cut short" : "bytes follow the last tensor");
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

TensorHeader parse_safetensors_header(const char* data, std::uint64_t available, std::uint64_t file_size, const fs::path& path) {
    refuse_other_formats(data, available, path);
    if (file_size < 10 || available < 8) bad(path, "it is too short");
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(data[i]);
    if (length > kMaxHeader || length > file_size - 8 || length > available - 8) bad(path, "its header is longer than the file or above 100 MB");
    const json root = json::parse(data + 8, data + 8 + length, nullptr, false);
    if (!root.is_object()) bad(path, "its header is not JSON");
    TensorHeader header;
    header.data_offset = 8 + length;
    for (const auto& [name, value] : root.items()) {
        if (name != "__metadata__") {
            header.entries[name] = parse_entry(name, value, path);
            continue;
        }
        if (!value.is_object()) bad(path, "its metadata are not a table");
        for (const auto& [key, text] : value.items()) {
            if (!text.is_string()) bad(path, "its metadata hold something else than text");
            header.metadata[key] = text.get<std::string>();
        }
    }
    check_contiguous(header, file_size - header.data_offset, path);
    return header;
}

namespace {

std::string read_prefix(std::ifstream& in, std::uint64_t file_size, const fs::path& path) {
    std::string prefix(std::min<std::uint64_t>(9, file_size), '\0');
    in.read(prefix.data(), static_cast<std::streamsize>(prefix.size()));
    refuse_other_formats(prefix.data(), prefix.size(), path);
    if (prefix.size() < 9) bad(path, "it is too short");
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(prefix[static_cast<std::size_t>(i)]);
    if (length == 0 || length > kMaxHeader || length > file_size - 8) bad(path, "its header is empty, longer than the file or above 100 MB");
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
        out.flush();
        if (!out) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path);
    });
}

}  // namespace c2l::nn
