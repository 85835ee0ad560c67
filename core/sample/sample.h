// The built-in sample: a simulated section, made by the program itself, so that the main job can be tried and tested without any data.
//
// A procedural haematoxylin-and-eosin picture (glands, solid nests, stroma, lymphocytes, fat; every nucleus drawn as a cell of the model),
// written as a tiled pyramid that OpenSlide opens, with Spatial-Transcriptomics-like spots whose counts follow from the cells under each
// spot by a known model with negative-binomial noise. Wherever it is shown it must be called a simulated section: it is no patient's tissue
// and evidence of nothing but that the program works.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/job.h"

namespace c2l {

inline constexpr double kSampleMpp = 0.6875;   // µm per pixel
inline constexpr double kSampleWidthMm = 5.2;  // width of the picture; its height is 0.84 of that
inline constexpr double kSampleSpotUm = 100;   // spot diameter
inline constexpr double kSamplePitchUm = 200;  // distance of neighbouring spots
inline constexpr const char* kSampleName = "simulated section";

struct SampleFiles {
    std::filesystem::path slide;   // simulated-section.tiff: generic tiled pyramid with µm/px
    std::filesystem::path counts;  // simulated-counts.tsv.gz: spots ("XxY") × genes
    std::filesystem::path spots;   // simulated-spots.tsv: x y new_x new_y pixel_x pixel_y selected
    std::filesystem::path truth;   // simulated-truth.json: what was simulated, with the cells of each type under each spot
};

// Writes the sample into `folder` (made when missing); the same seed and size give the same files. Blocks for some ten
// seconds at the default size; reports progress as step "sample". Throws Error(BadInput) for a width outside 0.5–20 mm.
SampleFiles write_sample(const std::filesystem::path& folder, std::uint64_t seed, const JobContext& ctx, double size_mm = kSampleWidthMm);

}  // namespace c2l
