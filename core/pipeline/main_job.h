// The whole main job on one section; private to core/pipeline.
#pragma once

#include "pipeline/section.h"

namespace c2l {

// adapt → synthesise → assess → fit → evaluate → predict, skipping what is already there. Returns the evaluation with the report
// of the tiles (quality), the map (map) and what each step took (steps).
nlohmann::json main_job(Project& project, const nlohmann::json& params, const JobContext& ctx);
std::vector<Param> main_job_params();
std::string main_job_summary(const nlohmann::json& result);

}  // namespace c2l
