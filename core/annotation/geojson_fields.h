// How the fields of an Annotation stand in a GeoJSON feature, in QuPath's newer and older spellings; shared by reader and writer, private
// to core/annotation.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "annotation/annotation.h"

namespace c2l::geojson {

// Told of a member that is there but not of the kind it should be: it is kept, and not used.
using Complain = std::function<void(const std::string& member, const std::string& should_be)>;

// Everything but the shapes.
Annotation fields_of(const nlohmann::json& feature, const Complain& complain);
// Brings the feature's members to the fields of `now` where these differ from `was`; all others are left as they are.
void put_fields(nlohmann::json& feature, const Annotation& was, const Annotation& now);

nlohmann::json measurements_json(const std::vector<Measurement>& measurements);  // QuPath's newer form, an object
nlohmann::json number_json(double value);                                        // whole numbers without a point

}  // namespace c2l::geojson
