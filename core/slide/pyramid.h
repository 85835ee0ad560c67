// Writes a tiled pyramid TIFF from rows that arrive from top to bottom; OpenSlide opens it as "generic-tiff".
//
// Tiles of 256 px, JPEG quality 95 without chroma subsampling; each level is the 2 × 2 box mean of the one before
// (its size rounded up), down to the first with both sides under 1024 px. BigTIFF when the file could pass 4 GB.
// Memory: one row of tiles a level, whatever the height.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/job.h"

namespace c2l {

// Fills `rgb` with rows [row, row + rows), each width × 3 bytes. Called in order, on the caller's thread.
using RowReader = std::function<void(std::int64_t row, int rows, std::uint8_t* rgb)>;

// Blocks; reports progress as step "convert" and checks for a stop at every row of tiles. `out` is replaced at the end
// only: when anything throws, no part of a file stays behind. µm per pixel go to the TIFF's resolution tags.
void write_pyramid(const std::filesystem::path& out, std::int64_t width, std::int64_t height, std::optional<double> mpp,
                   const RowReader& read_rows, const JobContext& ctx);

// Images above this are refused: one row of tiles would no longer fit in memory beside its levels.
constexpr std::int64_t kMaxSlideSide = 300000;

}  // namespace c2l
