// Tiles for the central model, cut from slides and from folders of images; private to core/pipeline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/image.h"
#include "base/job.h"

namespace c2l {

constexpr int kTrainingTilePx = 160;           // larger than the generator's tile, so that crops can move
constexpr double kTrainingTileUm = 110.0;      // 0.6875 µm per pixel

struct TileSources {
    std::vector<std::filesystem::path> slides, folders;
    std::vector<std::string> exclude;          // file names, or groups of a folder's groups.csv
    double slide_mpp = 0, folder_mpp = 0.5;    // µm per pixel where a slide does not say, and of the images in folders
    std::int64_t count = 12000;
    std::uint64_t seed = 0;
    std::filesystem::path pyramid_cache;
};

struct TrainingTiles {
    TileSet tiles;
    nlohmann::json origin;  // [{name, tiles}]: what the model card records
};

// Random places over tissue; each source gives tiles in proportion to its area. Blocks.
TrainingTiles cut_training_tiles(const TileSources& sources, const JobContext& ctx);

}  // namespace c2l
