// Licence and attribution of a central model's weights, carried into everything that rests on them; private to core/pipeline.
//
// The record is {architecture, licence, attribution} (Section::central_record). The steps that use the weights put it in their report as "central";
// Section::obtain hands it on to the report of whatever is made from those.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "generate/generate.h"
#include "project/project.h"

namespace c2l {

nlohmann::json record_of(const CentralInfo& central);
// The record of the central model that the inputs of a step rest on, however indirectly; null when they rest on none.
nlohmann::json central_of(const Project& project, const Provenance& provenance);
// Adds the record to report.json of the folder, where there is such a report and it has none yet.
void carry_central(const std::filesystem::path& folder, const nlohmann::json& central);

// "Central model c2l-central-tiny under CC BY 4.0 (Andersson et al. 2021)"; empty for null.
std::string credits(const nlohmann::json& central);
// The same after a sentence: ". Central model …", or nothing.
std::string and_credits(const nlohmann::json& central);

// The same as a line of a summary, of a result that has a "central"; else nothing.
std::string credits_line(const nlohmann::json& result);

}  // namespace c2l
