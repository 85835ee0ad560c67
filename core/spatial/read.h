// Readers of spot data. The format is recognised by content through one explicit table. Files are hostile: sizes are
// checked before memory is taken. Throws c2l::Error with one clear sentence; never returns half a table.
#pragma once

#include <filesystem>

#include "base/job.h"
#include "spatial/spots.h"

namespace c2l {

struct SpotSource {
    std::filesystem::path spots;   // Space Ranger folder, h5ad, ST selection TSV, CSV of positions
    std::filesystem::path counts;  // ST counts TSV(.gz), 10x h5, mtx folder; empty when `spots` holds both
};

SpotData read_spot_data(const SpotSource& source, const JobContext& ctx);

// Cheap recognition for `c2l info` and for dropped files: "st_tsv_counts", "st_tsv_spots", "space_ranger", "10x_h5",
// "mtx", "h5ad", "csv", or "" when it is none of them.
std::string recognise_spot_file(const std::filesystem::path& path);

}  // namespace c2l
