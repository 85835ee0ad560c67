// Results in the words of a terminal; private to core/pipeline.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace c2l {

double number(const nlohmann::json& object, const char* key);  // NaN when there is none
std::string fixed(double value, int digits);
// ".312 [.281, .344]" of {mean|value, lower, upper}; "–" when it is absent.
std::string interval(const nlohmann::json& figures);
std::string duration(double seconds);  // "1 min 20 s"
std::string memory(double bytes);      // "1.2 GB"

std::string evaluation_summary(const nlohmann::json& report);
std::string quality_summary(const nlohmann::json& report);
std::string steps_summary(const nlohmann::json& steps);

}  // namespace c2l
