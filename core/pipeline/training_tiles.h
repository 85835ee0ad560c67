// Tiles for the central model, cut from slides and from folders of images; private to core/pipeline.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/job.h"
#include "dataset/tile_pack.h"
#include "pipeline/params.h"

namespace c2l {

struct TileSources {
    std::vector<std::filesystem::path> slides, folders;
    std::vector<std::string> exclude;          // file names, or groups of a folder's groups.csv
    double slide_mpp = 0, folder_mpp = 0.5;    // µm per pixel where a slide does not say, and of the images in folders
    int tile_px = 160;                         // see training_tile() of the generator
    double tile_um = 110;
    std::int64_t count = 12000;
    std::uint64_t seed = 0;
    std::filesystem::path pyramid_cache;
};

// What the commands that cut tiles share: slides, tiles, exclude, slide_mpp, tiles_mpp, tile_count, preset.
Params tile_source_params();
TileSources tile_sources_of(const nlohmann::json& params);
std::vector<std::filesystem::path> paths_of(const nlohmann::json& params, const char* name);

// What tells one choice of sources and settings from another, by their paths: a SHA-256.
std::string key_of(const TileSources& sources);
// All that `exclude` may name: slides, images and groups.
std::set<std::string> names_of(const TileSources& sources);

// Random places over tissue; each source gives tiles in proportion to its area. Writes them to a pack as they are cut (no more than one
// is in memory), goes on where an earlier call stopped, and returns at once when the pack is there. Blocks.
// Throws Error(BadInput) for sources without tissue, Error(Io) when the disk is too small, before anything is cut.
void cut_training_tiles(const TileSources& sources, const std::filesystem::path& pack, const JobContext& ctx);

// [{name, tiles}] of what is in the packs, for a model card; sums where there are more than a few hundred sources.
nlohmann::json origin_of(const std::vector<std::shared_ptr<const TilePack>>& packs, const std::vector<std::string>& exclude);

}  // namespace c2l
