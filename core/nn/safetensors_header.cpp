#include "nn/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace c2l::nn {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Dtype {
    const char* name;
    std::uint64_t bytes;
};
constexpr Dtype kDtypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4}, {"I16", 2}, {"I8", 1}, {"U8", 1}, {"BOOL", 1}};
constexpr std::size_t kMostSides = 8, kLongestNameShown = 80;

[[noreturn]] void bad(const fs::path& path, const std::string& what) {
    throw Error(ErrorCode::BadInput, "is not a sound safetensors file: " + what + "; get the file again from its source", path);
}

// Builds the header while the JSON is read and refuses at the first word that does not belong there: neither deep nesting nor a
// long list costs memory, and a name given twice is seen (a document in memory would keep the last one and be silent).
class HeaderBuilder final : public nlohmann::json_sax<json> {
public:
    HeaderBuilder(TensorHeader& header, const fs::path& path) : header_(header), path_(path) {}

    bool null() override { bad_value(); }
    bool boolean(bool) override { bad_value(); }
    bool number_integer(number_integer_t) override { bad_value(); }  // a negative one
    bool number_float(number_float_t, const string_t&) override { bad_value(); }
    bool binary(binary_t&) override { bad_value(); }

    bool number_unsigned(number_unsigned_t value) override {
        if (at_ == At::Shape && entry_.shape.size() < kMostSides && value <= std::uint64_t{1} << 40)
            entry_.shape.push_back(static_cast<std::int64_t>(value));
        else if (at_ == At::Offsets && offsets_ < 2)
            (offsets_++ == 0 ? entry_.begin : entry_.end) = value;
        else
            bad_value();
        return true;
    }

    bool string(string_t& value) override {
        if (at_ == At::Metadata) {
            if (!header_.metadata.emplace(key_, std::move(value)).second) bad(path_, "its metadata give one name twice");
        } else if (at_ == At::Entry && key_ == "dtype") {
            entry_.dtype = std::move(value);
        } else {
            bad_value();
        }
        return true;
    }

    bool start_object(std::size_t) override {
        if (at_ == At::Outside) {
            at_ = At::Header;
        } else if (at_ == At::Header && name_ == "__metadata__") {
            if (std::exchange(has_metadata_, true)) bad(path_, "it has two tables of metadata");
            at_ = At::Metadata;
        } else if (at_ == At::Header) {
            at_ = At::Entry;
            entry_ = {};
            has_dtype_ = has_shape_ = has_offsets_ = false;
        } else {
            bad_value();
        }
        return true;
    }

    bool key(string_t& value) override {
        if (at_ == At::Header) {
            name_ = std::move(value);
            const auto control = [](unsigned char c) { return c < 0x20; };
            if (std::any_of(name_.begin(), name_.end(), control)) bad(path_, "a tensor's name has unprintable characters");
            if (header_.entries.count(name_)) bad(path_, tensor() + " is there twice");
            return true;
        }
        key_ = std::move(value);
        if (at_ == At::Metadata) return true;
        bool* seen = key_ == "dtype" ? &has_dtype_ : key_ == "shape" ? &has_shape_ : key_ == "data_offsets" ? &has_offsets_ : nullptr;
        if (!seen) bad(path_, tensor() + " has a field that the format does not know");
        if (std::exchange(*seen, true)) bad(path_, tensor() + " has one field twice");
        return true;
    }

    bool end_object() override {
        if (at_ == At::Entry) add_entry();
        at_ = at_ == At::Header ? At::Outside : At::Header;
        return true;
    }

    bool start_array(std::size_t) override {
        if (at_ != At::Entry || key_ == "dtype") bad_value();
        at_ = key_ == "shape" ? At::Shape : At::Offsets;
        offsets_ = 0;
        return true;
    }

    bool end_array() override {
        if (at_ == At::Offsets && offsets_ != 2) bad_value();
        at_ = At::Entry;
        return true;
    }

    bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

private:
    enum class At { Outside, Header, Metadata, Entry, Shape, Offsets };

    std::string tensor() const { return "tensor \"" + name_.substr(0, kLongestNameShown) + "\""; }

    [[noreturn]] void bad_value() const {
        if (at_ == At::Outside) bad(path_, "its header is not a table");
        if (at_ == At::Metadata || (at_ == At::Header && name_ == "__metadata__")) bad(path_, "its metadata are not a table of texts");
        if (at_ == At::Header) bad(path_, tensor() + " is not described by a table");
        bad(path_, tensor() + " has an unusable " + (key_ == "data_offsets" ? "pair of offsets" : key_));
    }

    void add_entry() {
        if (!has_dtype_ || !has_shape_ || !has_offsets_) bad(path_, tensor() + " lacks dtype, shape or data_offsets");
        const auto* dtype = std::find_if(std::begin(kDtypes), std::end(kDtypes), [&](const Dtype& d) { return entry_.dtype == d.name; });
        if (dtype == std::end(kDtypes)) bad(path_, tensor() + " has an unknown dtype");
        std::uint64_t bytes = dtype->bytes;
        for (const auto side : entry_.shape)
            if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(side), &bytes) || bytes > std::uint64_t{1} << 50)
                bad(path_, tensor() + " is impossibly large");
        if (entry_.end < entry_.begin || entry_.end - entry_.begin != bytes) bad(path_, tensor() + " has offsets that do not match its shape");
        header_.entries.emplace(name_, std::move(entry_));
    }

    TensorHeader& header_;
    const fs::path& path_;
    At at_ = At::Outside;
    std::string name_, key_;
    TensorHeader::Entry entry_;
    int offsets_ = 0;
    bool has_metadata_ = false, has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
};

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

bool starts_as_safetensors(const char* data, std::uint64_t available) { return available >= 9 && std::memcmp(data + 4, "\0\0\0\0", 4) == 0 && data[8] == '{'; }

void refuse_other_weight_formats(const char* data, std::uint64_t available, const fs::path& path) {
    const auto* b = reinterpret_cast<const unsigned char*>(data);
    // A header length such as 0x0480 begins with the same two bytes as a pickle; but then zeros and a brace follow.
    const bool pickle = available >= 2 && b[0] == 0x80 && b[1] >= 2 && b[1] <= 5 && !starts_as_safetensors(data, available);
    const bool zip = available >= 4 && std::memcmp(data, "PK\x03\x04", 4) == 0;
    if (pickle || zip)
        throw Error(ErrorCode::Unsupported,
                    "is a Python pickle or a zip archive, as pickled models are; such files can run code and are never opened: convert weights to "
                    "safetensors where they were made, unpack other archives",
                    path);
}

TensorHeader parse_safetensors_header(const char* data, std::uint64_t available, std::uint64_t file_size, const fs::path& path) {
    refuse_other_weight_formats(data, available, path);
    if (file_size < 10 || available < 8) bad(path, "it is too short");
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(data[i]);
    if (length > kMaxTensorHeader || length > file_size - 8 || length > available - 8) bad(path, "its header is longer than the file or above 100 MB");
    // The JSON library takes a NUL for the end and would not look at what follows.
    if (std::memchr(data + 8, 0, length)) bad(path, "its header is not JSON");
    TensorHeader header;
    header.data_offset = 8 + length;
    HeaderBuilder builder(header, path);
    if (!json::sax_parse(data + 8, data + 8 + length, &builder)) bad(path, "its header is not JSON");
    check_contiguous(header, file_size - header.data_offset, path);
    return header;
}

}  // namespace c2l::nn
