#include "spatial/h5.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "spatial/h5_heap.h"

namespace c2l::h5 {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 30;   // of one dataset in memory
constexpr std::uint64_t kMostChunk = std::uint64_t{1} << 30;
constexpr std::uint64_t kLargestExpansion = 1100;  // a little above what deflate can reach

Handle open_file(const std::filesystem::path& path) {
    Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_file_locking(access, false, true);  // read-only, also on shared folders that cannot lock
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
    return Handle(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), H5Fclose);
}

// False for a link that leaves the file: what it leads to was not given by the user.
bool stays_inside(hid_t file, const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const std::string part = path.substr(0, end);
        if (part.empty() || part == "/") return true;
        H5L_info_t info;
        if (H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0 || H5Lget_info(file, part.c_str(), &info, H5P_DEFAULT) < 0) return false;
        if (info.type != H5L_TYPE_HARD) return false;
        if (end == std::string::npos) return true;
    }
}

}  // namespace

Kind kind_of_type(hid_t type) {
    switch (H5Tget_class(type)) {
        case H5T_INTEGER: return Kind::Integer;
        case H5T_FLOAT: return Kind::Float;
        case H5T_STRING: return Kind::String;
        case H5T_COMPOUND: return Kind::Records;
        case H5T_ENUM: return H5Tget_nmembers(type) == 2 ? Kind::Boolean : Kind::Other;  // how h5py stores bool
        default: return Kind::Other;
    }
}

// The letters of a variable-length text take one byte each; a damaged file claims gigabytes, which HDF5 would clear for every text.
bool has_sound_letters(hid_t text_type) {
    const Handle letter(H5Tget_super(text_type), H5Tclose);
    return letter.valid() && H5Tget_size(letter) == 1;
}

// Numbers whose bits all lie in their bytes: HDF5 copies those of a damaged type from beyond its buffers.
bool is_sound_number(hid_t type) {
    const std::size_t bytes = H5Tget_size(type), bits = 8 * bytes;
    if (H5Tget_class(type) == H5T_ENUM) return bytes >= 1 && bytes <= 8;
    if (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8) return false;
    if (H5Tget_class(type) == H5T_INTEGER) return H5Tget_precision(type) == bits && H5Tget_offset(type) == 0;
    std::size_t sign = 0, exponent = 0, exponent_bits = 0, mantissa = 0, mantissa_bits = 0;
    if (H5Tget_precision(type) != bits || H5Tget_offset(type) != 0 || H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0) return false;
    return sign < bits && exponent_bits >= 1 && exponent_bits < 32 && mantissa_bits >= 1 && exponent <= bits && exponent_bits <= bits - exponent &&
           mantissa <= bits && mantissa_bits <= bits - mantissa;
}

std::string trimmed(const char* text, std::size_t most) {
    std::string out(text, strnlen(text, most));
    while (!out.empty() && out.back() == ' ') out.pop_back();
    return out;
}

void* TextBudget::take(std::size_t bytes, void* self) {
    auto& budget = *static_cast<TextBudget*>(self);
    if (bytes > budget.left) return nullptr;
    budget.left -= bytes;
    return std::malloc(bytes);
}

void TextBudget::give(void* memory, void*) { std::free(memory); }

Handle TextBudget::transfer() {
    Handle properties(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    H5Pset_vlen_mem_manager(properties, take, this, give, nullptr);
    return properties;
}

std::unique_lock<std::recursive_mutex> lock() {
    static std::recursive_mutex mutex;
    std::unique_lock<std::recursive_mutex> held(mutex);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return held;
}

Reader::Reader(std::filesystem::path path, std::stop_token stop) : path_(std::move(path)), stop_(std::move(stop)), lock_(lock()), file_(open_file(path_)) {
    if (file_.valid()) return;
    if (!std::filesystem::is_regular_file(path_)) throw Error(ErrorCode::NotFound, "is not there or not a file; check the path", path_);
    throw Error(ErrorCode::BadInput, "is not an HDF5 file, or is damaged or cut short; fetch it again", path_);
}

void Reader::fail(const std::string& text) const { throw Error(ErrorCode::BadInput, text, path_); }

Kind Reader::kind(const std::string& at) const {
    if (!stays_inside(file_, at)) return Kind::None;
    const Handle object(H5Oopen(file_, at.c_str(), H5P_DEFAULT), H5Oclose);
    if (!object.valid()) return Kind::None;
    if (H5Iget_type(object) == H5I_GROUP) return Kind::Group;
    if (H5Iget_type(object) != H5I_DATASET) return Kind::Other;
    const Handle type(H5Dget_type(object), H5Tclose);
    return kind_of_type(type);
}

std::vector<std::string> Reader::children(const std::string& at) const {
    std::vector<std::string> names;
    if (kind(at) != Kind::Group) return names;
    const Handle group(H5Gopen2(file_, at.c_str(), H5P_DEFAULT), H5Gclose);
    H5G_info_t info;
    if (!group.valid() || H5Gget_info(group, &info) < 0) fail("cannot be read at '" + at + "'; the file is damaged");
    constexpr hsize_t kMostChildren = 1'000'000;
    if (info.nlinks > kMostChildren) fail("has too many entries at '" + at + "'");
    const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    };
    hsize_t index = 0;
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &index, add, &names) < 0) fail("cannot be read at '" + at + "'; the file is damaged");
    return names;
}

Handle Reader::dataset(const std::string& at) const {
    if (!stays_inside(file_, at)) fail("lacks '" + at + "', or keeps it in another file");
    Handle set(H5Dopen2(file_, at.c_str(), H5P_DEFAULT), H5Dclose);
    if (!set.valid()) fail("cannot be read at '" + at + "'; the file is damaged");
    const Handle properties(H5Dget_create_plist(set), H5Pclose);
    if (H5Pget_layout(properties) == H5D_VIRTUAL || H5Pget_external_count(properties) != 0)
        fail("keeps '" + at + "' in another file, which is not followed; export it as one file");
    return set;
}

std::vector<std::uint64_t> Reader::shape(const std::string& at) const {
    const Handle set = dataset(at);
    const Handle space(H5Dget_space(set), H5Sclose);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || rank > 8) fail("has an odd shape at '" + at + "'");
    hsize_t sizes[8] = {};
    if (H5Sget_simple_extent_dims(space, sizes, nullptr) < 0) fail("cannot be read at '" + at + "'; the file is damaged");
    return {sizes, sizes + rank};
}

std::uint64_t Reader::size(const std::string& at) const {
    std::uint64_t product = 1;
    for (const auto n : shape(at))
        if (__builtin_mul_overflow(product, n, &product)) fail("claims an impossible size at '" + at + "'");
    return product;
}

void Reader::check_storage(hid_t set, const std::string& at, std::uint64_t count, std::size_t bytes, std::size_t bytes_in_file) const {
    std::uint64_t total = 0;
    if (__builtin_mul_overflow(count, static_cast<std::uint64_t>(bytes), &total) || total > kMostBytes)
        fail("claims " + std::to_string(count) + " values at '" + at + "', more than this program reads");
    const std::uint64_t stored = H5Dget_storage_size(set);
    if (total > (std::uint64_t{1} << 20) && total / kLargestExpansion > stored)
        fail("claims " + std::to_string(count) + " values at '" + at + "' but stores only " + std::to_string(stored) + " bytes; the file is damaged");
    const Handle properties(H5Dget_create_plist(set), H5Pclose);
    const auto layout = H5Pget_layout(properties);
    if (layout != H5D_CHUNKED) {
        // In one piece: HDF5 copies as much as the shape says from a buffer of the size that is stored. Contiguous data that were never
        // written have no storage and read as zeros.
        const bool unwritten = stored == 0 && layout == H5D_CONTIGUOUS;
        if (!unwritten && bytes_in_file != 0 && stored / bytes_in_file < count) fail("claims " + std::to_string(count) + " values at '" + at + "' but stores fewer; the file is damaged");
        return;
    }
    hsize_t chunk[H5S_MAX_RANK];
    const int rank = H5Pget_chunk(properties, H5S_MAX_RANK, chunk);
    std::uint64_t chunk_bytes = bytes;
    for (int i = 0; i < rank; ++i)
        if (__builtin_mul_overflow(chunk_bytes, static_cast<std::uint64_t>(chunk[i]), &chunk_bytes) || chunk_bytes > kMostChunk)
            fail("is stored in pieces too large to read at '" + at + "'; write it again with smaller chunks");
}

void Reader::check_numbers(hid_t set, hid_t stored, const std::string& at, std::uint64_t count, std::size_t bytes) const {
    if (!is_sound_number(stored)) fail("has numbers of a kind that is not read at '" + at + "'");
    check_storage(set, at, count, std::max(bytes, H5Tget_size(stored)), H5Tget_size(stored));
}

template <class T>
std::vector<T> Reader::numbers(const std::string& at, hid_t type) const {
    const Kind what = kind(at);
    if (what == Kind::None) fail("lacks '" + at + "'");
    if (what != Kind::Integer && what != Kind::Float && what != Kind::Boolean) fail("has something other than numbers at '" + at + "'");
    const Handle set = dataset(at);
    const Handle stored(H5Dget_type(set), H5Tclose);
    const auto count = size(at);
    check_numbers(set, stored, at, count, sizeof(T));
    std::vector<T> values(count);
    if (count == 0) return values;
    if (what != Kind::Boolean) {
        if (read_numbers_by_chunk(set, stored, values, stop_)) return values;
        if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) fail("cannot be read at '" + at + "'; the file is damaged");
        return values;
    }
    if (H5Tget_size(stored) != 1) fail("has something other than numbers at '" + at + "'");
    std::vector<std::int8_t> flags(count);
    if (H5Dread(set, stored, H5S_ALL, H5S_ALL, H5P_DEFAULT, flags.data()) < 0) fail("cannot be read at '" + at + "'; the file is damaged");
    std::copy(flags.begin(), flags.end(), values.begin());
    return values;
}

std::vector<float> Reader::floats(const std::string& at) const { return numbers<float>(at, H5T_NATIVE_FLOAT); }
std::vector<double> Reader::doubles(const std::string& at) const { return numbers<double>(at, H5T_NATIVE_DOUBLE); }
std::vector<std::int64_t> Reader::integers(const std::string& at) const {
    if (kind(at) == Kind::Float) fail("has fractions at '" + at + "' where whole numbers are needed");
    return numbers<std::int64_t>(at, H5T_NATIVE_INT64);
}

void Reader::check_heaps() const {
    if (!heaps_checked_ && !heaps_are_sound(path_)) fail("has damaged text; fetch the file again");
    heaps_checked_ = true;
}

// Only where the references lie in one piece, which is how anndata and 10x write them.
void Reader::check_text_references(hid_t set, const std::string& at, std::uint64_t count, std::uint64_t begin, std::uint64_t stride) const {
    const Handle made(H5Fget_create_plist(file_), H5Pclose);
    std::size_t address_bytes = 0, length_bytes = 0;
    hsize_t user_block = 0;
    if (H5Pget_sizes(made, &address_bytes, &length_bytes) < 0 || H5Pget_userblock(made, &user_block) < 0) fail("cannot be read at '" + at + "'; the file is damaged");
    const haddr_t offset = H5Dget_offset(set);
    if (count == 0 || offset == HADDR_UNDEF || address_bytes != 8 || length_bytes != 8 || user_block != 0) return;
    if (!references_are_sound(path_, offset + begin, count, stride)) fail("has damaged text at '" + at + "'; fetch the file again");
}

std::vector<std::string> Reader::strings(const std::string& at) const {
    if (kind(at) != Kind::String) fail("has no text at '" + at + "'");
    const Handle set = dataset(at);
    const Handle stored(H5Dget_type(set), H5Tclose);
    const auto count = size(at);
    std::vector<std::string> out;
    if (H5Tis_variable_str(stored) <= 0) {
        const std::size_t width = H5Tget_size(stored);
        check_storage(set, at, count, width, width);
        std::vector<char> text(count * width);
        if (count > 0 && H5Dread(set, stored, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()) < 0) fail("cannot be read at '" + at + "'; the file is damaged");
        for (std::uint64_t i = 0; i < count; ++i) out.push_back(trimmed(text.data() + i * width, width));
        return out;
    }
    if (!has_sound_letters(stored)) fail("has damaged text at '" + at + "'; fetch the file again");
    check_storage(set, at, count, sizeof(char*), 12);  // a reference: length, address (4 or 8 bytes) and number
    check_heaps();
    check_text_references(set, at, count);
    TextBudget budget;
    const Handle transfer = budget.transfer();
    const Handle memory_type(H5Tcopy(stored), H5Tclose);
    std::vector<char*> text(count, nullptr);
    const bool read = count == 0 || H5Dread(set, memory_type, H5S_ALL, H5S_ALL, transfer, text.data()) >= 0;
    for (char* t : text) {
        if (read) out.emplace_back(t ? t : "");
        std::free(t);
    }
    if (!read) fail("cannot be read at '" + at + "'; the file is damaged or its text is too large");
    return out;
}

std::optional<std::string> Reader::text_attribute(const std::string& at, const std::string& name) const {
    if (at != "/" && !stays_inside(file_, at)) return std::nullopt;
    if (H5Aexists_by_name(file_, at.c_str(), name.c_str(), H5P_DEFAULT) <= 0) return std::nullopt;
    const Handle attribute(H5Aopen_by_name(file_, at.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    if (!attribute.valid()) return std::nullopt;
    const Handle type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
    if (H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_npoints(space) != 1) return std::nullopt;
    if (H5Tis_variable_str(type) > 0) {
        if (!has_sound_letters(type)) return std::nullopt;
        check_heaps();
        char* text = nullptr;
        if (H5Aread(attribute, type, &text) < 0 || !text) return std::nullopt;
        std::string out(text);
        H5free_memory(text);
        return out;
    }
    const std::size_t width = H5Tget_size(type);
    if (width > 65536) return std::nullopt;
    std::vector<char> text(width);
    if (H5Aread(attribute, type, text.data()) < 0) return std::nullopt;
    return trimmed(text.data(), width);
}

std::vector<std::int64_t> Reader::integer_attribute(const std::string& at, const std::string& name) const {
    if (!stays_inside(file_, at) || H5Aexists_by_name(file_, at.c_str(), name.c_str(), H5P_DEFAULT) <= 0) return {};
    const Handle attribute(H5Aopen_by_name(file_, at.c_str(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    if (!attribute.valid()) return {};
    const Handle type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
    const auto count = H5Sget_simple_extent_npoints(space);
    if (H5Tget_class(type) != H5T_INTEGER || count < 1 || count > 8) return {};
    std::vector<std::int64_t> values(static_cast<std::size_t>(count));
    if (H5Aread(attribute, H5T_NATIVE_INT64, values.data()) < 0) return {};
    return values;
}

}  // namespace c2l::h5
