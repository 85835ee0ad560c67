// Encoded views of tiles on disk, memory-mapped: what the denoiser learns from. Half precision (its step of 2⁻¹¹ is far below the noise
// that training adds), in files of kChunk latents that several processes make side by side; each is whole or not there, so that an
// interrupted encoding goes on where it was. Holds none of the latents in memory of its own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/job.h"
#include "generate/distributed.h"

namespace c2l::generate {

struct LatentPlan {
    std::filesystem::path folder;
    std::string fingerprint;  // what the latents follow from (64 hexadecimal digits); files of others are replaced
    std::int64_t count = 0;
    int channels = 0, side = 0;
    std::int64_t row_bytes() const { return std::int64_t{2} * channels * side * side; }
};

class LatentCache {
public:
    static constexpr std::int64_t kChunk = 4096;
    static constexpr std::int64_t kBatch = 32;  // latents encoded at once

    // `encode(first, n)` gives latents first … first+n-1 as n×channels×side×side. Every process makes its share; all have all when
    // it returns. Throws Error(Io) when the disk is too small, before anything is encoded.
    LatentCache(const LatentPlan& plan, const std::function<at::Tensor(std::int64_t first, std::int64_t n)>& encode, const Processes& processes,
                const JobContext& ctx);
    ~LatentCache();
    LatentCache(const LatentCache&) = delete;
    LatentCache& operator=(const LatentCache&) = delete;

    std::int64_t count() const { return plan_.count; }
    at::Tensor mean() const { return mean_; }  // per channel
    at::Tensor sd() const { return sd_; }      // per channel, at least 1e-3
    at::Tensor rows(const std::vector<std::int64_t>& which) const;  // fp32, CPU, as they were encoded
    void release() const;                                          // lets go of pages that were read

private:
    struct Chunk {
        const std::uint8_t* map = nullptr;
        std::uint64_t bytes = 0;
    };
    std::filesystem::path path(std::int64_t chunk) const;
    std::int64_t rows_of(std::int64_t chunk) const;
    bool is_there(std::int64_t chunk) const;
    void make(std::int64_t chunk, const std::function<at::Tensor(std::int64_t, std::int64_t)>& encode, const JobContext& ctx) const;
    void map(std::int64_t chunk);
    void find_statistics();

    LatentPlan plan_;
    std::vector<Chunk> chunks_;
    at::Tensor mean_, sd_;
};

}  // namespace c2l::generate
