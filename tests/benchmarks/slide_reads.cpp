// Tiles and regions of a slide per second, and the memory they take; tests/peers/slides.py makes the same reads with openslide-python.
//
//   slide_reads SLIDE [THREADS = 1] [READS = 1500]
//
// "tiles": tiles of 256 px on the grid of level 0 in a shuffled order, each once, then again. "regions": 224 px at any place of level 0.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "base/job.h"
#include "slide/slide.h"

namespace {

// Knuth's MMIX generator: the other program counts the same.
struct Sequence {
    std::uint64_t state = 1;
    std::int64_t below(std::int64_t n) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return static_cast<std::int64_t>((state >> 33) % static_cast<std::uint64_t>(n));
    }
};

struct Place {
    std::int64_t x, y;
};

std::vector<Place> tile_places(const c2l::SlideInfo& info, int reads) {
    const std::int64_t across = (info.width + 255) / 256, down = (info.height + 255) / 256;
    std::vector<Place> grid;
    Sequence sequence;
    if (across * down > 100000) {  // too many to shuffle: draw
        for (int i = 0; i < reads; ++i) grid.push_back({sequence.below(across), sequence.below(down)});
        return grid;
    }
    for (std::int64_t y = 0; y < down; ++y)
        for (std::int64_t x = 0; x < across; ++x) grid.push_back({x, y});
    for (std::size_t i = grid.size() - 1; i > 0; --i)
        std::swap(grid[i], grid[static_cast<std::size_t>(sequence.below(static_cast<std::int64_t>(i) + 1))]);
    std::vector<Place> places;
    for (int i = 0; i < reads; ++i) places.push_back(grid[static_cast<std::size_t>(i) % grid.size()]);
    return places;
}

std::vector<Place> region_places(const c2l::SlideInfo& info, int reads) {
    Sequence sequence;
    std::vector<Place> places;
    for (int i = 0; i < reads; ++i) {
        const auto x = sequence.below(std::max<std::int64_t>(1, info.width - 224));
        places.push_back({x, sequence.below(std::max<std::int64_t>(1, info.height - 224))});
    }
    return places;
}

double per_second(const std::vector<Place>& places, int threads, const std::function<c2l::Image(const Place&)>& read) {
    const auto start = std::chrono::steady_clock::now();
    std::atomic<std::size_t> next{0};
    {
        std::vector<std::jthread> workers;
        for (int t = 0; t < threads; ++t)
            workers.emplace_back([&] {
                for (std::size_t i; (i = next++) < places.size();) read(places[i]);
            });
    }
    return static_cast<double>(places.size()) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
    const int threads = argc > 2 ? std::atoi(argv[2]) : 1, reads = argc > 3 ? std::atoi(argv[3]) : 1500;
    if (argc < 2 || threads < 1 || reads < 1) {
        std::fprintf(stderr, "usage: slide_reads SLIDE [THREADS] [READS]\n");
        return 2;
    }
    try {
        const auto start = std::chrono::steady_clock::now();
        c2l::OpenOptions options;
        options.known_id = std::string(64, '0');  // reads are measured, not hashing
        const auto slide = c2l::Slide::open(argv[1], options, {});
        const double opened = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        const double tiles =
            per_second(tile_places(slide->info(), reads), threads, [&](const Place& p) { return slide->read_tile(0, p.x, p.y); });
        const double regions = per_second(region_places(slide->info(), reads), threads, [&](const Place& p) {
            return slide->read({static_cast<double>(p.x), static_cast<double>(p.y), 224, 224}, 224, 224);
        });
        std::printf("{\"threads\": %d, \"open_s\": %.4f, \"tiles_per_s\": %.1f, \"regions_per_s\": %.1f, \"peak_memory_mb\": %.1f}\n",
                    threads, opened, tiles, regions, static_cast<double>(c2l::peak_memory_bytes()) / 1e6);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "slide_reads: %s\n", error.what());
        return 1;
    }
    return 0;
}
