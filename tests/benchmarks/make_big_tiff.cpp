// Writes a pyramidal BigTIFF of any size in a few MB: all tiles of all levels are a handful of JPEG streams, to which the tile tables
// point again and again. libtiff cannot write such a file, so that it is written by hand here; any reader sees an ordinary slide.
//
//   make_big_tiff OUT.tif [SIDE = 100000]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "slide/tile_encoder.h"

namespace {

constexpr int kTile = 256, kKinds = 12;

// Pink ground with dark round nuclei and grain: as costly to decode as tissue.
std::vector<std::uint8_t> tissue_tile(std::uint64_t seed) {
    c2l::Random random(seed);
    std::vector<double> nuclei;
    for (int i = 0; i < 40; ++i) nuclei.insert(nuclei.end(), {random.uniform(0, kTile), random.uniform(0, kTile), random.uniform(4, 9)});
    std::vector<std::uint8_t> rgb;
    for (int y = 0; y < kTile; ++y)
        for (int x = 0; x < kTile; ++x) {
            double dark = 0;
            for (std::size_t i = 0; i < nuclei.size(); i += 3)
                dark = std::max(dark, std::exp(-std::pow(std::hypot(x - nuclei[i], y - nuclei[i + 1]) / nuclei[i + 2], 4)));
            const double grain = random.uniform(-9, 9);
            const double colour[3] = {226 - 120 * dark, 168 - 90 * dark, 204 - 50 * dark};
            for (const double c : colour) rgb.push_back(static_cast<std::uint8_t>(c + grain));
        }
    return c2l::encode_jpeg_tile(rgb.data(), kTile, kTile, kTile * 3, 80);
}

class Writer {
public:
    std::string data;

    template <class T>
    void put(T value) {
        data.append(reinterpret_cast<const char*>(&value), sizeof value);  // little-endian, as the header says
    }
    template <class T>
    void put_at(std::size_t at, T value) {
        std::memcpy(data.data() + at, &value, sizeof value);
    }
    void align() { data.resize((data.size() + 7) / 8 * 8); }
    void entry(int tag, int type, std::uint64_t count, std::uint64_t value) {
        put<std::uint16_t>(static_cast<std::uint16_t>(tag));
        put<std::uint16_t>(static_cast<std::uint16_t>(type));
        put(count);
        put(value);
    }
};

constexpr int kShort = 3, kLong = 4, kRational = 5, kLong8 = 16;

void write_level(Writer& w, std::size_t link, std::uint64_t width, std::uint64_t height, int level,
                 const std::vector<std::pair<std::uint64_t, std::uint64_t>>& tiles) {
    const std::uint64_t across = (width + kTile - 1) / kTile, down = (height + kTile - 1) / kTile, count = across * down;
    const auto kind = [&](std::uint64_t i) { return (i * 2654435761u + static_cast<std::uint64_t>(level) * 40503u) >> 7; };
    w.align();
    const std::uint64_t offsets = w.data.size();
    for (std::uint64_t i = 0; i < count; ++i) w.put<std::uint64_t>(tiles[kind(i) % tiles.size()].first);
    const std::uint64_t bytes = w.data.size();
    for (std::uint64_t i = 0; i < count; ++i) w.put<std::uint32_t>(static_cast<std::uint32_t>(tiles[kind(i) % tiles.size()].second));
    w.align();
    const std::uint64_t directory = w.data.size();
    w.put_at<std::uint64_t>(link, directory);
    w.put<std::uint64_t>(16);
    w.entry(254, kLong, 1, level > 0);
    w.entry(256, kLong, 1, width);
    w.entry(257, kLong, 1, height);
    w.entry(258, kShort, 3, 8 | 8ull << 16 | 8ull << 32);
    w.entry(259, kShort, 1, 7);  // JPEG
    w.entry(262, kShort, 1, 6);  // YCbCr
    w.entry(274, kShort, 1, 1);
    w.entry(277, kShort, 1, 3);
    w.entry(282, kRational, 1, 40000ull >> level | 1ull << 32);  // 0.25 µm
    w.entry(283, kRational, 1, 40000ull >> level | 1ull << 32);
    w.entry(284, kShort, 1, 1);
    w.entry(296, kShort, 1, 3);  // per centimetre
    w.entry(322, kShort, 1, kTile);
    w.entry(323, kShort, 1, kTile);
    // One or two entries would have to stand in the directory itself; the coarsest level has more than that.
    w.entry(324, kLong8, count, offsets);
    w.entry(325, kLong, count, bytes);
    w.put<std::uint64_t>(0);
}

}  // namespace

int main(int argc, char** argv) {
    const long long side = argc > 2 ? std::atoll(argv[2]) : 100000;
    if (argc < 2 || side < 1024 || side > 4000000) {
        std::fprintf(stderr, "usage: make_big_tiff OUT.tif [SIDE between 1024 and 4000000]\n");
        return 2;
    }
    Writer w;
    w.data = std::string("II+\0\x08\0\0\0", 8);
    w.put<std::uint64_t>(0);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> tiles;
    for (int i = 0; i < kKinds; ++i) {
        const auto jpeg = tissue_tile(static_cast<std::uint64_t>(i) + 1);
        tiles.emplace_back(w.data.size(), jpeg.size());
        w.data.append(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
    }
    std::size_t link = 8;
    int level = 0;
    for (auto s = static_cast<std::uint64_t>(side);; s = (s + 1) / 2, ++level) {
        write_level(w, link, s, s, level, tiles);
        link = w.data.size() - 8;
        if (s < 1024) break;
    }
    try {
        c2l::write_file(argv[1], w.data);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "make_big_tiff: %s\n", error.what());
        return 1;
    }
    std::printf("%lld x %lld, %d levels, %.1f MB\n", side, side, level + 1, static_cast<double>(w.data.size()) / 1e6);
    return 0;
}
