// The one table of spot formats: how each is told by its content, and what reads it. Private to core/spatial.
#pragma once

#include <span>

#include "spatial/parts.h"
#include "spatial/read.h"

namespace c2l {

enum class Container { None, Folder, Hdf5, Parquet, Text };  // Text: plain or gzip

Container container_of(const std::filesystem::path& path);  // by the first bytes; None when nothing is there

// The readers that a format lacks are null. `both` takes counts kept elsewhere, or an empty path.
struct ReadableFormat : SpotFormat {
    Container container;
    bool (*matches)(const std::filesystem::path& path);  // of that container; may throw Error, which means no
    SpotData (*both)(const std::filesystem::path& path, const std::filesystem::path& counts, const JobContext& ctx);
    PositionTable (*positions)(const std::filesystem::path& path);
    CountTable (*counts)(const std::filesystem::path& path, const JobContext& ctx);
};

std::span<const ReadableFormat> spot_formats();
const ReadableFormat* find_format(const std::filesystem::path& path);  // the first that matches, or nullptr

}  // namespace c2l
