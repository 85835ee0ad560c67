// A registration as options and files give it; private to core/pipeline. Files: docs/formats.md.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/params.h"
#include "spatial/registration.h"

namespace c2l {

Params registration_params();  // orient, spot_scale, registration, landmarks, mirrored, matrix

struct GivenRegistration {
    Registration registration;
    std::vector<Landmark> landmarks;  // that it was fitted to; may be empty
};
// What the parameters say; identity when they say nothing. `spots` as the file has them; the slide's size in level-0 pixels.
// Throws Error(BadInput|NotFound) for a broken file, and for two ways of saying it at once.
GivenRegistration given_registration(const nlohmann::json& params, const SpotTable& spots, double slide_width, double slide_height);
bool says_registration(const nlohmann::json& params);

std::string matrix_text(const Registration& r);          // "a,b,c,d,e,f"
Registration parse_matrix(const std::string& text);      // Error(BadInput)
// JSON: {"matrix": [six numbers]} or {"landmarks": [{"spot": [x, y] or a barcode, "slide": [x, y]}, …], "mirrored": true or false}.
GivenRegistration read_registration(const std::filesystem::path& file, const SpotTable& spots);
// CSV or TSV with a header: spot_x, spot_y, slide_x, slide_y; or barcode, slide_x, slide_y.
std::vector<Landmark> read_landmarks(const std::filesystem::path& file, const SpotTable& spots);

}  // namespace c2l
