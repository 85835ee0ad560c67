#include "spatial/h5_heap.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <unordered_map>

namespace c2l::h5 {
namespace {

// Layouts of the HDF5 file format, version 3: III.D "Global Heap", with 8-byte offsets and lengths, little-endian.
constexpr std::uint64_t kReferenceBytes = 16, kCollectionHead = 16, kObjectHead = 16, kLargestCollection = std::uint64_t{1} << 30;

template <class T>
T number(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

using Objects = std::unordered_map<std::uint32_t, std::uint64_t>;  // sizes by number

bool read_at(std::ifstream& in, std::uint64_t file_bytes, std::uint64_t at, std::uint64_t bytes, std::string& out) {
    if (at > file_bytes || bytes > file_bytes - at) return false;
    out.resize(bytes);
    in.clear();
    in.seekg(static_cast<std::streamoff>(at));
    in.read(out.data(), static_cast<std::streamsize>(bytes));
    return static_cast<bool>(in);
}

bool read_collection(std::ifstream& in, std::uint64_t file_bytes, std::uint64_t at, Objects& objects) {
    std::string data;
    if (!read_at(in, file_bytes, at, kCollectionHead, data) || data.compare(0, 5, std::string("GCOL\1", 5)) != 0) return false;
    const auto bytes = number<std::uint64_t>(data.data() + 8);
    if (bytes < kCollectionHead || bytes > kLargestCollection || !read_at(in, file_bytes, at, bytes, data)) return false;
    for (std::uint64_t i = kCollectionHead; i + kObjectHead <= bytes;) {
        const auto index = number<std::uint16_t>(data.data() + i);
        const auto size = number<std::uint64_t>(data.data() + i + 8);
        // The free space ends the collection and its size counts its head; with less, HDF5 would never come to the end.
        if (index == 0) return size >= kObjectHead && size == bytes - i;
        if (size > bytes - i - kObjectHead || !objects.emplace(index, size).second) return false;
        i += kObjectHead + (size + 7) / 8 * 8;
    }
    return true;
}

}  // namespace

bool references_are_sound(const std::filesystem::path& path, std::uint64_t offset, std::uint64_t count, std::uint64_t stride) {
    std::ifstream in(path, std::ios::binary);
    std::error_code failed;
    const auto file_bytes = std::filesystem::file_size(path, failed);
    std::string references;
    if (count == 0) return true;
    if (failed || stride < kReferenceBytes || count > file_bytes / stride || !read_at(in, file_bytes, offset, (count - 1) * stride + kReferenceBytes, references)) return false;
    std::map<std::uint64_t, Objects> collections;
    for (std::uint64_t i = 0; i < count; ++i) {
        const char* reference = references.data() + i * stride;
        const auto length = number<std::uint32_t>(reference);
        const auto address = number<std::uint64_t>(reference + 4);
        const auto index = number<std::uint32_t>(reference + 12);
        if (address == 0 && length == 0) continue;  // an empty string that was never written
        const auto [found, is_new] = collections.try_emplace(address);
        if (is_new && !read_collection(in, file_bytes, address, found->second)) return false;
        const auto object = found->second.find(index);
        if (object == found->second.end() || object->second < length) return false;
    }
    return true;
}

bool heaps_are_sound(const std::filesystem::path& path) {
    static const std::string kSignature("GCOL\1", 5);
    constexpr std::size_t kBlock = std::size_t{1} << 20;
    std::ifstream scan(path, std::ios::binary), in(path, std::ios::binary);
    std::error_code failed;
    const auto file_bytes = std::filesystem::file_size(path, failed);
    if (failed || !scan) return false;
    std::string block, head;
    for (std::uint64_t start = 0; start < file_bytes; start += kBlock) {
        // Blocks overlap, so that no signature is cut in two.
        if (!read_at(scan, file_bytes, start, std::min<std::uint64_t>(kBlock + kSignature.size() - 1, file_bytes - start), block)) return false;
        for (auto at = block.find(kSignature); at != std::string::npos; at = block.find(kSignature, at + 1)) {
            const std::uint64_t heap = start + at;
            // One that claims to reach beyond the end is no heap, and HDF5 refuses it.
            if (!read_at(in, file_bytes, heap, kCollectionHead, head) || number<std::uint64_t>(head.data() + 8) > file_bytes - heap) continue;
            Objects objects;
            if (!read_collection(in, file_bytes, heap, objects)) return false;
        }
    }
    return true;
}

}  // namespace c2l::h5
