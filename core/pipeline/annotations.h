// Annotation files and QuPath objects in the commands; private to core/pipeline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/job.h"
#include "project/project.h"

namespace c2l {

// What `c2l info` says of an annotation file: kind, format, objects, vertices, classes, geometries, types, bounds, issues.
nlohmann::json describe_annotations(const std::filesystem::path& file);

// The section's measured spots as QuPath detections at their true diameter (above 50,000 of them: as squares), with the label a person gave
// as their class, and the total and the named genes as measurements. Names of spots and genes leave the project; nothing of the patient does.
nlohmann::json export_spots(Project& project, const nlohmann::json& params, const std::vector<std::string>& genes, const std::filesystem::path& to,
                            const JobContext& ctx);

}  // namespace c2l
