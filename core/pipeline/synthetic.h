// Drawing synthetic tiles into a folder and reading them back; private to core/pipeline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "generate/generate.h"
#include "nn/tile_encoder.h"
#include "pipeline/recipe.h"
#include "project/project.h"

namespace c2l {

// sampler, sampler_steps, guidance, guidance_against, guidance_from, guidance_to: what was asked for, else what suits the central model. Part of a step's identity.
nlohmann::json sampling_of(const nlohmann::json& params, const std::filesystem::path& central);
SampleParams sampler_of(const nlohmann::json& sampling, const ComputeParams& compute);
std::filesystem::path tile_name(std::size_t i);  // "000000.png"
// 000000.png … in `folder`, one for each row and seed; tiles that are there already (from a run that was stopped) are kept.
void draw_tiles(const std::filesystem::path& central, const std::filesystem::path& adapter, const Matrix& profiles,
                const std::vector<std::uint64_t>& seeds, const SampleParams& sampler, const std::filesystem::path& folder, const JobContext& ctx);
TileSet read_tile_folder(const std::filesystem::path& folder, std::size_t first, std::size_t count, const JobContext& ctx);
// Copies the tiles of a folder, one whole file after the other, and removes tiles of a longer earlier copy.
void copy_tiles(const std::filesystem::path& from, const std::filesystem::path& to);
std::size_t count_tiles(const std::filesystem::path& folder);
Matrix encode_tiles(const TileEncoder& encoder, const std::filesystem::path& folder, std::size_t n, const JobContext& ctx);
// As they were drawn, from the table of the tiles, without the seeds. Throws Error(Mismatch) where `train` are not the spots they were drawn from.
std::vector<TileRecipe> recipes_of(const Artifact& synthesized, const TrainTiles& train);

}  // namespace c2l
