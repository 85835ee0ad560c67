#include "base/png.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace c2l {
namespace {

std::uint32_t crc32(const std::string& data) {
    static const auto table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t n = 0; n < 256; ++n) {
            std::uint32_t c = n;
            for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1;
            t[n] = c;
        }
        return t;
    }();
    std::uint32_t c = 0xffffffffu;
    for (const unsigned char byte : data) c = table[(c ^ byte) & 255] ^ (c >> 8);
    return ~c;
}

std::string big_endian(std::uint32_t v) {
    return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}

void chunk(std::string& out, const std::string& type, const std::string& data) {
    out += big_endian(static_cast<std::uint32_t>(data.size())) + type + data + big_endian(crc32(type + data));
}

std::string stored_zlib(const std::string& raw) {
    std::string out("\x78\x01", 2);
    std::uint32_t a = 1, b = 0;  // Adler-32
    for (const unsigned char byte : raw) {
        a = (a + byte) % 65521;
        b = (b + a) % 65521;
    }
    std::size_t begin = 0;
    do {
        const std::size_t n = std::min<std::size_t>(65535, raw.size() - begin);
        const auto last = begin + n == raw.size();
        const char head[5] = {static_cast<char>(last), static_cast<char>(n), static_cast<char>(n >> 8), static_cast<char>(~n), static_cast<char>(~n >> 8)};
        out.append(head, 5).append(raw, begin, n);
        begin += n;
    } while (begin < raw.size());
    return out + big_endian(b << 16 | a);
}

}  // namespace

std::string encode_png(const Image& image) {
    std::string raw;
    const std::size_t row = static_cast<std::size_t>(image.width) * 3;
    raw.reserve((row + 1) * static_cast<std::size_t>(image.height));
    for (int y = 0; y < image.height; ++y) {
        raw += '\0';  // no filter
        raw.append(reinterpret_cast<const char*>(image.at(0, y)), row);
    }
    std::string out("\x89PNG\r\n\x1a\n", 8);
    chunk(out, "IHDR", big_endian(static_cast<std::uint32_t>(image.width)) + big_endian(static_cast<std::uint32_t>(image.height)) + std::string("\x08\x02\0\0\0", 5));
    chunk(out, "IDAT", stored_zlib(raw));
    chunk(out, "IEND", {});
    return out;
}

Image contact_sheet(const TileSet& tiles, int columns, int gap) {
    const int n = static_cast<int>(tiles.count()), rows = (n + columns - 1) / columns, step = tiles.size + gap;
    Image sheet(columns * step + gap, rows * step + gap);
    for (int i = 0; i < n; ++i)
        for (int y = 0; y < tiles.size; ++y)
            std::memcpy(sheet.at(gap + i % columns * step, gap + i / columns * step + y), tiles.tile(static_cast<std::size_t>(i)) + static_cast<std::size_t>(y) * tiles.size * 3,
                        static_cast<std::size_t>(tiles.size) * 3);
    return sheet;
}

}  // namespace c2l
