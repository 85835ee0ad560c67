// Seconds (wall and processor) and peak memory of opening spot data; tests/peers/spots.py reads the same files with Python's libraries.
//
//   spot_reads SPOTS [COUNTS]
#include <ctime>

#include <chrono>
#include <cstdio>
#include <exception>

#include "base/job.h"
#include "spatial/read.h"

namespace {

double processor_s() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        std::fprintf(stderr, "usage: spot_reads SPOTS [COUNTS]\n");
        return 2;
    }
    try {
        const auto start = std::chrono::steady_clock::now();
        const double processor = processor_s();
        const c2l::SpotData data = c2l::read_spot_data({argv[1], argc > 2 ? argv[2] : ""}, {});
        const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), used = processor_s() - processor;
        double total = 0;
        for (const float v : data.expression.values) total += v;
        for (const c2l::Issue& issue : data.issues) std::fprintf(stderr, "%s\n", issue.text.c_str());
        const auto before_pitch = std::chrono::steady_clock::now();
        const double pitch = data.spots.pitch_px(), pitch_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - before_pitch).count();
        std::printf("{\"format\": \"%s\", \"spots\": %zu, \"genes\": %lld, \"values\": %zu, \"total\": %.0f, \"pitch_px\": %.4f, \"wall_s\": %.4f, \"cpu_s\": %.4f, "
                    "\"pitch_s\": %.4f, \"peak_memory_mb\": %.1f}\n",
                    data.format.c_str(), data.spots.size(), static_cast<long long>(data.expression.cols()), data.expression.values.size(), total, pitch, wall, used, pitch_s,
                    static_cast<double>(c2l::peak_memory_bytes()) / 1e6);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "spot_reads: %s\n", error.what());
        return 1;
    }
    return 0;
}
