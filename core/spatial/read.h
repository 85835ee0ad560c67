// Readers of spot data. The format is recognised by content through one explicit table (formats.cpp). Files are hostile: sizes are
// checked before memory is taken. Throws c2l::Error with one clear sentence; never returns half a table.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/job.h"
#include "spatial/spots.h"

namespace c2l {

struct SpotSource {
    std::filesystem::path spots;   // Space Ranger folder, h5ad, ST selection TSV, CSV of positions
    std::filesystem::path counts;  // ST counts TSV(.gz), 10x h5, mtx folder; empty when `spots` holds both
};

// A plain table whose header begins with this holds values to be used as they are (ExpressionUnit::AsGiven).
inline constexpr std::string_view kAsGivenCorner = "as_given";

// Reads on several threads where the file allows it; blocks.
SpotData read_spot_data(const SpotSource& source, const JobContext& ctx);

enum class SpotRole { Both, Positions, Counts };

struct SpotFormat {
    const char* name;  // "visium_hd", "visium_hd_cells", "space_ranger", "mtx", "h5ad", "10x_h5", "parquet", "st_tsv_spots", "csv", "st_tsv_counts"
    SpotRole role;     // what a file of the format holds
};

// Cheap recognition for `c2l info` and for dropped files: nullptr when it is none of them. Static data, never to be freed.
const SpotFormat* recognise_spots(const std::filesystem::path& path);
std::string recognise_spot_file(const std::filesystem::path& path);  // the format's name, or ""

// True for HDF5 and Parquet, which no slide is kept in: read_spot_data says what is wrong with such a file when it is not recognised.
bool is_spot_container(const std::filesystem::path& path);

}  // namespace c2l
