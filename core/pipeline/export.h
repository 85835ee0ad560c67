// Writing results for other programs; private to core/pipeline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/job.h"
#include "project/project.h"

namespace c2l {

// A map (by default the newest one of the section's own slide) as "h5ad", "csv" or "png" (a figure of params.gene, or of the map's first gene).
nlohmann::json export_map(Project& project, const nlohmann::json& params, const std::string& what, const std::filesystem::path& to,
                          const JobContext& ctx, const std::optional<Artifact>& map = {});

}  // namespace c2l
