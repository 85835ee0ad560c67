#include "pipeline/registration_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json_depth.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::uint64_t kMostBytes = 4u << 20;
constexpr std::size_t kMostLandmarks = 10'000;

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::string trimmed(std::string text) {
    constexpr const char* kBlank = " \t\r\"";
    text.erase(0, text.find_first_not_of(kBlank));
    text.erase(text.find_last_not_of(kBlank) + 1);
    return text;
}

std::vector<std::string> fields_of(const std::string& line, char delimiter) {
    std::vector<std::string> out;
    std::istringstream in(line);
    for (std::string field; std::getline(in, field, delimiter);) out.push_back(trimmed(field));
    return out;
}

Position spot_named(const std::string& barcode, const SpotTable& spots, const fs::path& file) {
    const auto found = std::find(spots.barcodes.begin(), spots.barcodes.end(), barcode);
    if (found == spots.barcodes.end()) throw Error(ErrorCode::NotFound, "names the spot '" + barcode + "', which the spot data has not", file);
    const auto i = static_cast<std::size_t>(found - spots.barcodes.begin());
    return {spots.x[i], spots.y[i]};
}

Position position_of(const json& value, const char* what, const fs::path& file) {
    if (!value.is_array() || value.size() != 2 || !value[0].is_number() || !value[1].is_number())
        throw Error(ErrorCode::BadInput, std::string("has a landmark whose '") + what + "' is not [x, y]", file);
    return {value[0].get<double>(), value[1].get<double>()};
}

std::vector<Landmark> landmarks_of(const json& list, const SpotTable& spots, const fs::path& file) {
    if (!list.is_array() || list.size() > kMostLandmarks) throw Error(ErrorCode::BadInput, "has no list of landmarks, or far too long a one", file);
    std::vector<Landmark> out;
    for (const json& each : list) {
        if (!each.is_object() || !each.contains("spot") || !each.contains("slide")) throw Error(ErrorCode::BadInput, "has a landmark without 'spot' or 'slide'", file);
        const json& spot = each.at("spot");
        out.push_back({spot.is_string() ? spot_named(spot.get<std::string>(), spots, file) : position_of(spot, "spot", file), position_of(each.at("slide"), "slide", file)});
    }
    return out;
}

Registration usable(const Registration& r, const fs::path& file) {
    if (!r.is_usable()) throw Error(ErrorCode::BadInput, "a registration that maps all spots to a line or out of reach; check its six numbers", file);
    return r;
}

Handedness handedness_of(bool mirrored) { return mirrored ? Handedness::Mirrored : Handedness::Either; }

}  // namespace

std::string matrix_text(const Registration& r) {
    std::string out;
    for (const double v : r.m) {
        char number[40];
        std::snprintf(number, sizeof number, "%.12g", v);
        out += (out.empty() ? "" : ",") + std::string(number);
    }
    return out;
}

Registration parse_matrix(const std::string& text) {
    std::vector<double> values;
    for (const std::string& field : fields_of(text, ',')) {
        const auto value = parse_number(field);
        if (!value) throw Error(ErrorCode::BadInput, "a matrix is six numbers separated by commas: a,b,c,d,e,f with x' = a x + b y + c and y' = d x + e y + f");
        values.push_back(*value);
    }
    if (values.size() != 6) throw Error(ErrorCode::BadInput, "a matrix is six numbers separated by commas: a,b,c,d,e,f with x' = a x + b y + c and y' = d x + e y + f");
    Registration r;
    std::copy(values.begin(), values.end(), r.m.begin());
    return usable(r, {});
}

GivenRegistration read_registration(const fs::path& file, const SpotTable& spots) {
    const std::string text = read_file(file, kMostBytes);
    if (is_nested_deeper(text)) throw Error(ErrorCode::BadInput, "is nested too deep for a registration", file);
    const json value = json::parse(text, nullptr, false);
    if (!value.is_object()) throw Error(ErrorCode::BadInput, "is not a registration: a JSON object with 'matrix' or 'landmarks'", file);
    if (const auto matrix = value.find("matrix"); matrix != value.end()) {
        Registration r;
        if (!matrix->is_array() || matrix->size() != r.m.size() || !std::all_of(matrix->begin(), matrix->end(), [](const json& v) { return v.is_number(); }))
            throw Error(ErrorCode::BadInput, "has a 'matrix' that is not six numbers", file);
        for (std::size_t i = 0; i < r.m.size(); ++i) r.m[i] = (*matrix)[i].get<double>();
        return {usable(r, file), {}};
    }
    if (!value.contains("landmarks")) throw Error(ErrorCode::BadInput, "is not a registration: a JSON object with 'matrix' or 'landmarks'", file);
    GivenRegistration out;
    out.landmarks = landmarks_of(value.at("landmarks"), spots, file);
    const auto mirrored = value.find("mirrored");
    const bool told = mirrored != value.end() && mirrored->is_boolean();
    out.registration = fit_similarity(out.landmarks, !told ? Handedness::Either : mirrored->get<bool>() ? Handedness::Mirrored : Handedness::Kept);
    return out;
}

std::vector<Landmark> read_landmarks(const fs::path& file, const SpotTable& spots) {
    std::istringstream in(read_file(file, kMostBytes));
    std::string line;
    std::getline(in, line);
    const char delimiter = line.find('\t') != std::string::npos ? '\t' : ',';
    const auto header = fields_of(line, delimiter);
    const auto column = [&](const char* name) { return static_cast<std::size_t>(std::find(header.begin(), header.end(), name) - header.begin()); };
    const std::size_t barcode = column("barcode"), spot_x = column("spot_x"), spot_y = column("spot_y"), slide_x = column("slide_x"), slide_y = column("slide_y"), none = header.size();
    if (slide_x == none || slide_y == none || (barcode == none && (spot_x == none || spot_y == none)))
        throw Error(ErrorCode::BadInput, "is not a table of landmarks; its header must name slide_x, slide_y, and spot_x, spot_y or barcode", file);
    std::vector<Landmark> out;
    for (int row = 2; std::getline(in, line); ++row) {
        if (trimmed(line).empty()) continue;
        const auto fields = fields_of(line, delimiter);
        const auto at = [&](std::size_t c) {
            const auto value = c < fields.size() ? parse_number(fields[c]) : std::nullopt;
            if (!value) throw Error(ErrorCode::BadInput, "line " + std::to_string(row) + " has no number in the column " + header[c], file);
            return *value;
        };
        const Position spot = spot_x != none && spot_y != none ? Position{at(spot_x), at(spot_y)} : spot_named(barcode < fields.size() ? fields[barcode] : "", spots, file);
        out.push_back({spot, {at(slide_x), at(slide_y)}});
        if (out.size() > kMostLandmarks) throw Error(ErrorCode::BadInput, "has more landmarks than anyone sets", file);
    }
    return out;
}

Params registration_params() {
    const auto make = [](const char* name, ParamType type, json fallback, const char* help) {
        return Param{.name = name, .type = type, .default_value = std::move(fallback), .help = help, .unit = {}, .choices = {}, .letter = {}};
    };
    Param orient = make("orient", ParamType::Choice, "identity", "how the picture that the positions were taken from is turned to lie as the slide does; rotations are clockwise");
    for (const Orientation o : kOrientations) orient.choices.emplace_back(to_string(o));
    Param scale = make("spot_scale", ParamType::Number, 1.0, "level-0 pixels of the slide for one unit of the positions");
    scale.low = 1e-6;
    scale.high = 1e6;
    return {orient, scale, make("registration", ParamType::Path, nullptr, "JSON with the six numbers or with landmarks that lead from the positions to the slide"),
            make("landmarks", ParamType::Path, nullptr, "CSV of two or more landmark pairs: spot_x, spot_y (or barcode), slide_x, slide_y"),
            make("mirrored", ParamType::Flag, false, "with --landmarks: the positions are a mirror image; told by itself from three pairs on"),
            make("matrix", ParamType::Text, "", "the six numbers a,b,c,d,e,f of x' = a x + b y + c, y' = d x + e y + f")};
}

bool says_registration(const json& params) {
    return params.at("orient") != "identity" || params.at("spot_scale").get<double>() != 1 || !path_of(params, "registration").empty() || !path_of(params, "landmarks").empty() ||
           !params.at("matrix").get<std::string>().empty();
}

GivenRegistration given_registration(const json& params, const SpotTable& spots, double width, double height) {
    const fs::path file = path_of(params, "registration"), landmarks = path_of(params, "landmarks");
    const std::string matrix = params.at("matrix");
    const double scale = params.at("spot_scale");
    const Orientation orientation = *orientation_from(params.at("orient"));
    const bool simple = orientation != Orientation::Identity || scale != 1;
    if (simple + !file.empty() + !landmarks.empty() + !matrix.empty() > 1)
        throw Error(ErrorCode::BadInput, "give the registration in one way only: --orient and --spot-scale, --registration, --landmarks or --matrix");
    if (!file.empty()) return read_registration(file, spots);
    if (!matrix.empty()) return {parse_matrix(matrix), {}};
    if (landmarks.empty()) return {oriented(orientation, scale, width, height), {}};
    GivenRegistration out;
    out.landmarks = read_landmarks(landmarks, spots);
    out.registration = usable(fit_similarity(out.landmarks, handedness_of(params.at("mirrored"))), landmarks);
    return out;
}

}  // namespace c2l
