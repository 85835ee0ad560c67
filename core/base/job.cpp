#include "base/job.h"

#include <chrono>
#include <fstream>
#include <string>

#include "base/error.h"

namespace c2l {
namespace {

std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Value in kB of a "Name:   123 kB" line, as bytes.
std::uint64_t kernel_value(const char* file, const std::string& name) {
    std::ifstream in(file);
    std::string line;
    while (std::getline(in, line))
        if (line.rfind(name, 0) == 0) return std::stoull(line.substr(name.size() + 1)) * 1024;
    return 0;
}

}  // namespace

void JobContext::check_stop() const {
    if (stop.stop_requested()) throw Error(ErrorCode::Stopped, "stopped by the user; run the command again to go on");
}

EtaClock::EtaClock() : start_ns_(now_ns()) {}

double EtaClock::elapsed_s() const { return static_cast<double>(now_ns() - start_ns_) * 1e-9; }

double EtaClock::eta_s(std::int64_t done, std::int64_t total) const {
    if (done <= 0 || total <= 0) return std::numeric_limits<double>::quiet_NaN();
    return elapsed_s() / static_cast<double>(done) * static_cast<double>(total - done);
}

std::uint64_t peak_memory_bytes() { return kernel_value("/proc/self/status", "VmHWM:"); }

void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

std::uint64_t available_memory_bytes() { return kernel_value("/proc/meminfo", "MemAvailable:"); }

}  // namespace c2l
