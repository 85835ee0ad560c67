// Reads GeoJSON feature by feature: each becomes an Annotation as soon as its JSON ends and is dropped from the parse tree, so that memory
// follows the objects and not the text's tree.
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "annotation/geojson_fields.h"
#include "annotation/read.h"
#include "base/error.h"

namespace c2l {
namespace {

using nlohmann::json;
using Event = json::parse_event_t;

constexpr int kMostDepth = 64;
constexpr double kMostPx = 1e9;

struct Finding {
    std::string text;
    std::size_t count = 0, first = 0;
};

class FeatureReader {
public:
    explicit FeatureReader(const std::filesystem::path& path) : path_(path) {}

    [[noreturn]] void fail(const std::string& what) const {
        throw Error(ErrorCode::BadInput, "feature " + std::to_string(number_) + ": " + what, path_);
    }

    // Takes one feature or bare geometry.
    Annotation read(const json& value, bool geometry_allowed) {
        ++number_;
        if (!value.is_object()) fail("is not an object; export the file again from its program");
        const auto type = value.find("type");
        const std::string kind = type != value.end() && type->is_string() ? type->get<std::string>() : "";
        if (kind == "Feature") return from_feature(value);
        if (geometry_allowed && kind != "FeatureCollection") return from_geometry(value);
        fail(kind.empty() ? "has no type; each must be of type 'Feature'" : "is of type '" + kind.substr(0, 40) + "'; each must be of type 'Feature'");
    }

    std::vector<Issue> issues() const {
        std::vector<Issue> list;
        for (const auto& [key, finding] : findings_) {
            std::string text = finding.text;
            if (finding.count > 1) text += " (" + std::to_string(finding.count) + " times)";
            list.push_back({Severity::Warning, text, "feature " + std::to_string(finding.first)});
        }
        return list;
    }

private:
    void note(const std::string& text) {
        Finding& f = findings_[text];
        if (f.count++ == 0) f = {text, 1, number_};
    }

    Annotation from_feature(const json& feature) {
        Annotation a = geojson::fields_of(feature, [&](const std::string& member, const std::string& should_be) {
            note("'" + member + "' is not " + should_be + "; it is kept as it is and not used");
        });
        if (!feature.contains("geometry")) fail("has no geometry");
        a.geometry = geometry_of(feature.at("geometry"));
        if (const auto nucleus = feature.find("nucleusGeometry"); nucleus != feature.end() && !nucleus->is_null()) a.nucleus = geometry_of(*nucleus);
        if (feature.contains("childObjects")) note("child objects are kept in the file and not shown");
        json source = feature;
        strip(source, "geometry");
        if (a.nucleus) strip(source, "nucleusGeometry");
        if (auto p = source.find("properties"); p != source.end() && p->is_object())
            if (auto m = p->find("measurements"); m != p->end() && !m->empty() && *m == geojson::measurements_json(a.measurements)) p->erase("measurements");
        a.source_json = source.dump();
        return a;
    }

    Annotation from_geometry(const json& geometry) {
        Annotation a;
        a.geometry = geometry_of(geometry);
        json source = {{"geometry", geometry}};  // without a type: what tells a bare geometry when it is written back
        strip(source, "geometry");
        a.source_json = source.dump();
        return a;
    }

    static void strip(json& source, const char* key) {
        if (source.at(key).is_object()) source[key].erase("coordinates");
    }

    Point2 position(const json& value) {
        if (!value.is_array() || value.size() < 2) fail("a position is not a pair of numbers");
        std::array<double, 2> at{};
        for (std::size_t i = 0; i < 2; ++i) {
            if (!value[i].is_number()) fail("a coordinate is not a number");
            at[i] = value[i].get<double>();
            if (!(std::abs(at[i]) <= kMostPx)) fail("a coordinate lies outside any slide");
        }
        if (value.size() > 2) note("positions have more than x and y; the rest is not kept");
        return {at[0], at[1]};
    }

    Ring positions(const json& value) {
        if (!value.is_array()) fail("its coordinates are not a list of positions");
        Ring ring;
        ring.reserve(value.size());
        for (const json& each : value) ring.push_back(position(each));
        return ring;
    }

    Ring border(const json& value) {
        Ring ring = positions(value);
        if (ring.size() > 1 && ring.front() == ring.back()) ring.pop_back();
        else if (!ring.empty()) note("an area's border does not end where it began; it has been closed");
        if (ring.size() < 3) note("an area has fewer than three corners");
        return ring;
    }

    template <class Take>
    auto list(const json& value, Take take) -> std::vector<decltype(take(value))> {
        if (!value.is_array()) fail("its coordinates are nested too little for its type");
        std::vector<decltype(take(value))> out;
        for (const json& each : value) out.push_back(take(each));
        return out;
    }

    Geometry geometry_of(const json& value) {
        if (value.is_null()) return {};
        const auto type = value.is_object() ? value.find("type") : value.end();
        if (!value.is_object() || type == value.end() || !type->is_string()) fail("its geometry has no type");
        const auto kind = type->get<std::string>();
        if (kind == "GeometryCollection") fail("is a collection of geometries, which has no single shape; split it in the program it comes from");
        const auto coordinates = value.find("coordinates");
        if (coordinates == value.end()) fail("its geometry has no coordinates");
        const json& c = *coordinates;
        const auto ring = [this](const json& v) { return border(v); };
        const auto line = [this](const json& v) { return positions(v); };
        if (kind == "Point") return {GeometryType::Point, c.is_array() && c.empty() ? std::vector<Part>{{{}}} : std::vector<Part>{{{position(c)}}}};
        if (kind == "MultiPoint") return {GeometryType::MultiPoint, {{positions(c)}}};
        if (kind == "LineString") return {GeometryType::LineString, {{positions(c)}}};
        if (kind == "MultiLineString") return {GeometryType::MultiLineString, {list(c, line)}};
        if (kind == "Polygon") return {GeometryType::Polygon, {list(c, ring)}};
        if (kind == "MultiPolygon") return {GeometryType::MultiPolygon, list(c, [&](const json& v) { return list(v, ring); })};
        fail("its geometry is of the unknown type '" + kind.substr(0, 40) + "'");
    }

    const std::filesystem::path& path_;
    std::size_t number_ = 0;  // of the feature at hand, from 1
    std::map<std::string, Finding> findings_;
};

// QuPath before 0.4.4 wrote NaN and Infinity as bare words, which no JSON parser takes; newer versions write them as text, and so does this.
std::string with_quoted_non_numbers(std::string text, std::size_t& changed) {
    static constexpr std::string_view kWords[] = {"-Infinity", "Infinity", "NaN"};
    std::string out;
    std::size_t copied = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            else if (c == '"') in_string = false;
            continue;
        }
        if (c == '"') in_string = true;
        if (c != 'N' && c != 'I' && c != '-') continue;
        for (const auto word : kWords) {
            if (text.compare(i, word.size(), word) != 0) continue;
            out.append(text, copied, i - copied).append("\"").append(word).append("\"");
            i += word.size() - 1;
            copied = i + 1;
            ++changed;
            break;
        }
    }
    if (changed == 0) return text;
    return out.append(text, copied);
}

class Parser {
public:
    explicit Parser(const std::filesystem::path& path) : path_(path), reader_(path) {}

    AnnotationSet parse(const std::string& text) try {
        set_.format = "geojson";
        const json root = json::parse(text, [this](int depth, Event event, json& value) { return take(depth, event, value); });
        finish(root);
        set_.issues = reader_.issues();
        return std::move(set_);
    } catch (const json::parse_error& failed) {
        throw Error(ErrorCode::BadInput, where() + "is not valid JSON at byte " + std::to_string(failed.byte) + "; export it again from its program", path_);
    } catch (const json::out_of_range&) {
        throw Error(ErrorCode::BadInput, where() + "holds a number that is too large for any slide", path_);
    }

private:
    std::string where() const { return set_.annotations.empty() ? "" : "after feature " + std::to_string(set_.annotations.size()) + ": "; }

    bool take(int depth, Event event, json& value) {
        if (depth > kMostDepth) throw Error(ErrorCode::BadInput, where() + "is nested deeper than any annotation file", path_);
        if (depth == 0 && event == Event::array_start) root_is_array_ = true;
        if (depth == 1 && event == Event::key) in_features_ = value == "features";
        const bool feature = root_is_array_ ? depth == 1 : in_features_ && depth == 2;
        if (!feature) return true;
        if (event == Event::array_end || event == Event::value) reader_.read(value, false);  // throws: it is no object
        if (event != Event::object_end) return true;
        set_.annotations.push_back(reader_.read(value, root_is_array_));
        return false;
    }

    void finish(const json& root) {
        if (root.is_array()) {
            set_.form = GeoJsonForm::Array;
            return;
        }
        const std::string type = root.is_object() && root.contains("type") && root["type"].is_string() ? root["type"].get<std::string>() : "";
        if (type == "FeatureCollection") {
            if (!root.contains("features") || !root["features"].is_array()) throw Error(ErrorCode::BadInput, "is a feature collection without a list of features", path_);
            json rest = root;
            rest.erase("type");
            rest.erase("features");
            if (!rest.empty()) set_.source_json = rest.dump();
            return;
        }
        if (type.empty() || !set_.annotations.empty())
            throw Error(ErrorCode::Unsupported, "is JSON, but not GeoJSON; give what QuPath exports as objects", path_);
        set_.form = type == "Feature" ? GeoJsonForm::Feature : GeoJsonForm::Geometry;
        set_.annotations.push_back(reader_.read(root, true));
    }

    const std::filesystem::path& path_;
    FeatureReader reader_;
    AnnotationSet set_;
    bool root_is_array_ = false, in_features_ = false;
};

}  // namespace

AnnotationSet parse_geojson(std::string text, const std::filesystem::path& path) {
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    std::size_t non_numbers = 0;
    text = with_quoted_non_numbers(std::move(text), non_numbers);
    AnnotationSet set = Parser(path).parse(text);
    if (non_numbers > 0)
        set.issues.push_back({Severity::Info, std::to_string(non_numbers) + " values are not numbers (NaN or Infinity, as older QuPath writes them); they are written as text", ""});
    return set;
}

}  // namespace c2l
