// Adding a slide and its spots to a project; private to core/pipeline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/job.h"

namespace c2l {

struct ImportRequest {
    std::filesystem::path project, slide, spots, counts;
    std::optional<double> mpp;
    std::string patient;
    nlohmann::json placement;  // of the spots: the parameters of registration_params(); null: as their file has them
};

// Creates the project when it is not there. Everything is read and checked first; when anything fails, nothing is left behind.
nlohmann::json import_section(const ImportRequest& request, const JobContext& ctx);
nlohmann::json to_json(const Issue& issue);

}  // namespace c2l
