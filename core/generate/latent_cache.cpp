#include "generate/latent_cache.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/file.h"

namespace c2l::generate {
namespace {

namespace fs = std::filesystem;

constexpr int kMostChannels = 64;

// First page of each file; the latents follow.
struct Header {
    char magic[8];
    char fingerprint[64];
    std::int64_t rows, row_bytes;
    double sum[kMostChannels], squares[kMostChannels];  // of the stored values
};
constexpr std::uint64_t kHeader = 4096;
static_assert(sizeof(Header) <= kHeader);
constexpr char kMagic[8] = {'C', '2', 'L', 'L', 'A', 'T', 'E', '1'};

bool read_header(const fs::path& path, Header& header) {
    std::ifstream in(path, std::ios::binary);
    return in && in.read(reinterpret_cast<char*>(&header), sizeof header) && std::memcmp(header.magic, kMagic, sizeof kMagic) == 0;
}

}  // namespace

fs::path LatentCache::path(std::int64_t chunk) const {
    char name[32];
    std::snprintf(name, sizeof name, "%06lld.latents", static_cast<long long>(chunk));
    return plan_.folder / name;
}

std::int64_t LatentCache::rows_of(std::int64_t chunk) const { return std::min(kChunk, plan_.count - chunk * kChunk); }

bool LatentCache::is_there(std::int64_t chunk) const {
    Header header;
    std::error_code failed;
    return read_header(path(chunk), header) && plan_.fingerprint.compare(0, 64, header.fingerprint, 64) == 0 && header.rows == rows_of(chunk) &&
           header.row_bytes == plan_.row_bytes() &&
           fs::file_size(path(chunk), failed) == kHeader + static_cast<std::uint64_t>(header.rows) * static_cast<std::uint64_t>(header.row_bytes);
}

void LatentCache::make(std::int64_t chunk, const std::function<at::Tensor(std::int64_t, std::int64_t)>& encode, const JobContext& ctx) const {
    c10::NoGradGuard no_grad;
    Header header{};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    std::memcpy(header.fingerprint, plan_.fingerprint.data(), 64);
    header.rows = rows_of(chunk);
    header.row_bytes = plan_.row_bytes();
    replace_file(path(chunk), [&](const fs::path& temporary) {
        std::ofstream out(temporary, std::ios::binary);
        const std::string room(kHeader, '\0');
        out.write(room.data(), static_cast<std::streamsize>(room.size()));
        for (std::int64_t begin = 0; begin < header.rows; begin += kBatch) {
            ctx.check_stop();
            const auto n = std::min(kBatch, header.rows - begin);
            const auto half = encode(chunk * kChunk + begin, n).to(c10::kCPU).to(c10::kHalf).contiguous();
            const auto exact = half.to(c10::kDouble);
            const auto sum = exact.sum({0, 2, 3}), squares = exact.square().sum({0, 2, 3});
            for (int c = 0; c < plan_.channels; ++c) {
                header.sum[c] += sum.data_ptr<double>()[c];
                header.squares[c] += squares.data_ptr<double>()[c];
            }
            out.write(static_cast<const char*>(half.data_ptr()), static_cast<std::streamsize>(half.nbytes()));
        }
        out.seekp(0);
        out.write(reinterpret_cast<const char*>(&header), sizeof header);
        out.close();
        if (!out) throw Error(ErrorCode::Io, "cannot be written; check the space on the disk, then start again: it goes on from here", path(chunk));
    });
}

LatentCache::LatentCache(const LatentPlan& plan, const std::function<at::Tensor(std::int64_t, std::int64_t)>& encode, const Processes& processes,
                         const JobContext& ctx)
    : plan_(plan) {
    if (plan.count < 1 || plan.channels < 1 || plan.channels > kMostChannels || plan.fingerprint.size() != 64)
        throw Error(ErrorCode::Internal, "a latent cache of this form cannot be made");
    const auto chunks = (plan.count + kChunk - 1) / kChunk;
    std::vector<std::uint8_t> there(static_cast<std::size_t>(chunks));
    std::uint64_t missing = 0;
    for (std::int64_t i = 0; i < chunks; ++i) {
        there[static_cast<std::size_t>(i)] = is_there(i);
        if (!there[static_cast<std::size_t>(i)]) missing += static_cast<std::uint64_t>(rows_of(i) * plan.row_bytes());
    }
    if (processes.first()) require_space(plan.folder, missing, "the latent cache");
    const EtaClock clock;
    // In rounds of one file for each process: a stop, or the end of a process, reaches all at the end of a round.
    const std::int64_t together = processes.count();
    for (std::int64_t round = 0; round < chunks; round += together) {
        const auto mine = round + processes.rank();
        bool stopped = ctx.stop.stop_requested();
        if (mine < chunks && !there[static_cast<std::size_t>(mine)] && !stopped) {
            try {
                make(mine, encode, ctx);
            } catch (const Error& error) {
                if (error.code() != ErrorCode::Stopped) throw;
                stopped = true;
            }
        }
        if (processes.any(stopped)) throw Error(ErrorCode::Stopped, "stopped by the user; run the command again to go on");
        Progress progress;
        progress.step = "latents";
        progress.done = std::min(plan.count, (round + together) * kChunk);
        progress.total = plan.count;
        progress.eta_s = clock.eta_s(progress.done, progress.total);
        progress.memory_bytes = peak_memory_bytes();
        ctx.progress(progress);
    }
    chunks_.resize(static_cast<std::size_t>(chunks));
    for (std::int64_t i = 0; i < chunks; ++i) map(i);
    find_statistics();
}

LatentCache::~LatentCache() {
    for (const auto& chunk : chunks_)
        if (chunk.map) ::munmap(const_cast<std::uint8_t*>(chunk.map), chunk.bytes);
}

void LatentCache::map(std::int64_t i) {
    if (!is_there(i)) throw Error(ErrorCode::Io, "is missing; all processes of a training need the same work folder", path(i));
    auto& chunk = chunks_[static_cast<std::size_t>(i)];
    chunk.bytes = kHeader + static_cast<std::uint64_t>(rows_of(i) * plan_.row_bytes());
    const int file = ::open(path(i).c_str(), O_RDONLY | O_CLOEXEC);
    void* map = file < 0 ? MAP_FAILED : ::mmap(nullptr, chunk.bytes, PROT_READ, MAP_SHARED, file, 0);
    if (file >= 0) ::close(file);
    if (map == MAP_FAILED) throw Error(ErrorCode::Io, "cannot be mapped into memory", path(i), std::strerror(errno));
    ::madvise(map, chunk.bytes, MADV_RANDOM);
    chunk.map = static_cast<const std::uint8_t*>(map);
}

void LatentCache::find_statistics() {
    mean_ = at::empty({plan_.channels}, c10::kFloat);
    sd_ = at::empty({plan_.channels}, c10::kFloat);
    const double n = static_cast<double>(plan_.count) * plan_.side * plan_.side;
    for (int c = 0; c < plan_.channels; ++c) {
        double sum = 0, squares = 0;
        for (const auto& chunk : chunks_) {
            Header header;
            std::memcpy(&header, chunk.map, sizeof header);
            sum += header.sum[c];
            squares += header.squares[c];
        }
        const double mean = sum / n;
        mean_.data_ptr<float>()[c] = static_cast<float>(mean);
        sd_.data_ptr<float>()[c] = static_cast<float>(std::max(1e-3, std::sqrt(std::max(0.0, (squares - n * mean * mean) / std::max(1.0, n - 1)))));
    }
}

at::Tensor LatentCache::rows(const std::vector<std::int64_t>& which) const {
    auto half = at::empty({static_cast<std::int64_t>(which.size()), plan_.channels, plan_.side, plan_.side}, c10::kHalf);
    auto* out = static_cast<std::uint8_t*>(half.data_ptr());
    const auto bytes = static_cast<std::size_t>(plan_.row_bytes());
    for (const auto row : which) {
        std::memcpy(out, chunks_[static_cast<std::size_t>(row / kChunk)].map + kHeader + static_cast<std::size_t>(row % kChunk) * bytes, bytes);
        out += bytes;
    }
    return half.to(c10::kFloat);
}

void LatentCache::release() const {
    for (const auto& chunk : chunks_) ::madvise(const_cast<std::uint8_t*>(chunk.map), chunk.bytes, MADV_DONTNEED);
}

}  // namespace c2l::generate
