#include "slide/tiff_directories.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <set>
#include <vector>

#include "base/error.h"

namespace c2l {
namespace {

constexpr std::size_t kMostDirectories = 4096;
constexpr std::uint64_t kMostTilePixels = 1 << 26;
constexpr std::uint64_t kTileWidth = 322, kTileLength = 323;  // tags
constexpr std::array<std::uint64_t, 19> kTypeBytes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};  // by the number of the type

class Directories {
public:
    explicit Directories(const std::filesystem::path& path) : path_(path), in_(path, std::ios::binary) {
        std::error_code failed;
        size_ = std::filesystem::file_size(path, failed);
        if (failed) size_ = 0;
    }

    void check() {
        std::uint64_t at = first();
        std::set<std::uint64_t> seen;
        while (at != 0 && seen.size() < kMostDirectories && seen.insert(at).second) {
            at = check_one(at);
            if (!big_ && size_ > UINT32_MAX) return;
        }
    }

private:
    // The offset of the first directory; 0 when this is no TIFF.
    std::uint64_t first() {
        const auto head = bytes(0, 16);
        if (head.size() < 8 || head[0] != head[1] || (head[0] != 'I' && head[0] != 'M')) return 0;
        swapped_ = head[0] == 'M';
        const auto version = number(head.data() + 2, 2);
        big_ = version == 43 && head.size() == 16;
        return big_ ? number(head.data() + 8, 8) : version == 42 ? number(head.data() + 4, 4) : 0;
    }

    // The offset of the next one; 0 after the last, or where the file ends.
    std::uint64_t check_one(std::uint64_t at) {
        const std::size_t count_bytes = big_ ? 8 : 2, entry_bytes = big_ ? 20 : 12, word = big_ ? 8 : 4;
        const auto head = bytes(at, count_bytes);
        if (head.size() < count_bytes) return 0;
        const std::uint64_t entries = number(head.data(), count_bytes);
        if (entries > (size_ - at) / entry_bytes) return 0;
        const auto table = bytes(at + count_bytes, entries * entry_bytes + word);
        if (table.size() < entries * entry_bytes + word) return 0;
        std::uint64_t tile_width = 0, tile_height = 0;
        for (std::uint64_t i = 0; i < entries; ++i) {
            const unsigned char* entry = table.data() + i * entry_bytes;
            const std::uint64_t tag = number(entry, 2), type = number(entry + 2, 2), count = number(entry + 4, word);
            if (type >= kTypeBytes.size() || kTypeBytes[type] == 0) continue;
            if (count > size_ / kTypeBytes[type])
                throw Error(ErrorCode::BadInput, "is damaged: tag " + std::to_string(tag) + " claims more than the file holds; get the file again", path_);
            if (tag == kTileWidth) tile_width = number(entry + 4 + word, std::min<std::size_t>(kTypeBytes[type], word));
            if (tag == kTileLength) tile_height = number(entry + 4 + word, std::min<std::size_t>(kTypeBytes[type], word));
        }
        if (tile_width != 0 && tile_height > kMostTilePixels / tile_width)
            throw Error(ErrorCode::BadInput, "has tiles of " + std::to_string(tile_width) + " × " + std::to_string(tile_height) + " pixels, which no slide has; it is damaged, get the file again", path_);
        return number(table.data() + entries * entry_bytes, word);
    }

    std::vector<unsigned char> bytes(std::uint64_t at, std::uint64_t n) {
        if (at >= size_) return {};
        std::vector<unsigned char> out(std::min(n, size_ - at));
        in_.clear();
        in_.seekg(static_cast<std::streamoff>(at));
        in_.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size()));
        out.resize(static_cast<std::size_t>(std::max<std::streamsize>(in_.gcount(), 0)));
        return out;
    }

    std::uint64_t number(const unsigned char* p, std::size_t n) const {
        std::uint64_t v = 0;
        for (std::size_t i = 0; i < n; ++i) v = v << 8 | p[swapped_ ? i : n - 1 - i];
        return v;
    }

    std::filesystem::path path_;
    std::ifstream in_;
    std::uint64_t size_ = 0;
    bool swapped_ = false, big_ = false;
};

}  // namespace

void check_tiff_directories(const std::filesystem::path& path) { Directories(path).check(); }

}  // namespace c2l
