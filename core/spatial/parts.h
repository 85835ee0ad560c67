// The pieces that the readers share: positions and counts as files give them, and their join. Private to core/spatial.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/job.h"
#include "spatial/spots.h"

namespace c2l {

// Spots of a position file that are selected or in tissue.
struct PositionTable {
    std::filesystem::path path;
    SpotTable spots;
    std::size_t left_out = 0;  // spots the file marks as not selected or not in tissue
    std::vector<double> empty_x, empty_y;  // where those lie; of text files
};

// A table of counts, rows named as in its file; unordered against the positions.
struct CountTable {
    std::filesystem::path path;
    std::vector<std::string> spots;
    ExpressionMatrix matrix;
    bool either_way = false;  // a plain table: its rows may be genes and its columns spots
};

PositionTable read_positions(const std::filesystem::path& path);  // text or Parquet, told by content
PositionTable read_text_positions(const std::filesystem::path& path);
PositionTable read_parquet_positions(const std::filesystem::path& path);  // parquet_arrow.cpp, or parquet_absent.cpp: a sentence
bool is_position_table(const std::filesystem::path& path);  // by its first line
inline constexpr std::size_t kMostSpots = 50'000'000;
CountTable read_delimited_counts(const std::filesystem::path& path, const JobContext& ctx);
CountTable read_10x_h5(const std::filesystem::path& path, const JobContext& ctx);
CountTable read_mtx_folder(const std::filesystem::path& folder, const JobContext& ctx);

// Space Ranger's outputs, Visium HD among them: of a folder with bins of several sizes those of 8 µm are read, and the others named in an
// Issue; the folder of one size is taken as such.
SpotData read_space_ranger(const std::filesystem::path& folder, const std::filesystem::path& counts, const JobContext& ctx);
bool is_space_ranger(const std::filesystem::path& folder);
bool is_visium_hd(const std::filesystem::path& folder);
bool is_visium_hd_cells(const std::filesystem::path& folder);  // Space Ranger 4's segmented_outputs
SpotData refuse_visium_hd_cells(const std::filesystem::path& folder, const std::filesystem::path& counts, const JobContext& ctx);

// Spots that have both; every kind of loss becomes one Issue, and none in common Error(BadInput).
SpotData join(PositionTable positions, CountTable counts);

// "A", "A" becomes "A", "A-1", as scanpy does.
void make_unique(std::vector<std::string>& names);
// Counts where all are whole, log1p where all are small and some are not.
ExpressionUnit unit_of(const std::vector<float>& values);
// Sorts each row by column. Throws Error(BadInput) for values that no expression has, and for a gene named twice in a spot.
void tidy(ExpressionMatrix& matrix, const std::filesystem::path& path);
ExpressionMatrix transposed(const ExpressionMatrix& matrix, std::vector<std::string> new_columns);
bool looks_like_array_position(std::string_view name, int& x, int& y);  // "10x13", also "X10.1x12.9" (rounded)
// Leaves the columns whose new number is not -1, under that number; new numbers ascend. In place.
void keep_columns(ExpressionMatrix& matrix, const std::vector<std::int32_t>& new_number, std::vector<std::string> genes);

}  // namespace c2l
