#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "annotation/geojson_fields.h"
#include "annotation/read.h"
#include "base/error.h"
#include "base/file.h"

namespace c2l {
namespace {

using nlohmann::json;

json position(Point2 p) { return json::array({geojson::number_json(p.x), geojson::number_json(p.y)}); }

json positions(const Ring& ring, bool closed) {
    json list = json::array();
    for (const Point2& p : ring) list.push_back(position(p));
    if (closed && !ring.empty()) list.push_back(position(ring.front()));
    return list;
}

json rings(const Part& part, bool closed) {
    json list = json::array();
    for (const Ring& ring : part) list.push_back(positions(ring, closed));
    return list;
}

json coordinates(const Geometry& g) {
    static const Part kNone;
    const Part& first = g.parts.empty() ? kNone : g.parts.front();
    const Ring& ring = first.empty() ? Ring{} : first.front();
    switch (g.type) {
        case GeometryType::Point: return ring.empty() ? json::array() : position(ring.front());
        case GeometryType::MultiPoint:
        case GeometryType::LineString: return positions(ring, false);
        case GeometryType::MultiLineString: return rings(first, false);
        case GeometryType::Polygon: return rings(first, true);
        case GeometryType::MultiPolygon: {
            json list = json::array();
            for (const Part& part : g.parts) list.push_back(rings(part, true));
            return list;
        }
        case GeometryType::None: break;
    }
    return nullptr;
}

// Keeps the further members of the geometry that is there (QuPath's plane).
void put_geometry(json& feature, const char* key, const Geometry& g) {
    json& object = feature[key];
    if (g.type == GeometryType::None) {
        object = nullptr;
        return;
    }
    if (!object.is_object()) object = json::object();
    object["type"] = to_string(g.type);
    object["coordinates"] = coordinates(g);
}

json feature_json(const Annotation& a) {
    const bool drawn = a.source_json.empty();
    json feature = drawn ? json{{"type", "Feature"}, {"properties", {{"objectType", to_string(a.type)}}}} : json::parse(a.source_json);
    Annotation was = geojson::fields_of(feature, [](const std::string&, const std::string&) {});
    const json* properties = feature.contains("properties") && feature["properties"].is_object() ? &feature["properties"] : nullptr;
    // Ordinary measurements were left out of the source: they are always written.
    if (!properties || !properties->contains("measurements")) was.measurements.clear();
    geojson::put_fields(feature, was, a);
    put_geometry(feature, "geometry", a.geometry);
    if (a.nucleus) put_geometry(feature, "nucleusGeometry", *a.nucleus);
    else if (feature.contains("nucleusGeometry") && !feature["nucleusGeometry"].is_null()) feature.erase("nucleusGeometry");
    const bool bare = !feature.contains("type");
    if (bare && feature.size() > 1) {
        feature["type"] = "Feature";
        if (!feature.contains("properties")) feature["properties"] = json::object();
    }
    return feature;
}

bool is_bare(const json& feature) { return !feature.contains("type"); }

json as_feature(json feature) {
    if (!is_bare(feature)) return feature;
    feature["type"] = "Feature";
    feature["properties"] = json::object();
    return feature;
}

std::string text_of(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

void write_all(std::ostream& out, const AnnotationSet& set) {
    const bool single = set.annotations.size() == 1 && (set.form == GeoJsonForm::Feature || set.form == GeoJsonForm::Geometry);
    if (single) {
        const json feature = feature_json(set.annotations.front());
        out << text_of(is_bare(feature) ? feature.at("geometry") : feature) << '\n';
        return;
    }
    const bool array = set.form == GeoJsonForm::Array;
    out << (array ? "[" : "{\"type\":\"FeatureCollection\",\"features\":[");
    for (std::size_t i = 0; i < set.annotations.size(); ++i) {
        const json feature = feature_json(set.annotations[i]);
        out << (i ? ",\n" : "\n") << text_of(array && is_bare(feature) ? feature.at("geometry") : as_feature(feature));
    }
    out << "\n]";
    if (!array) {
        const json rest = set.source_json.empty() ? json::object() : json::parse(set.source_json);
        for (const auto& [key, value] : rest.items()) out << ",\n" << text_of(json(key)) << ':' << text_of(value);
        out << '}';
    }
    out << '\n';
}

}  // namespace

std::string to_geojson(const AnnotationSet& set) {
    std::ostringstream out;
    write_all(out, set);
    return out.str();
}

void write_geojson(const std::filesystem::path& path, const AnnotationSet& set) {
    replace_file(path, [&](const std::filesystem::path& temporary) {
        std::ofstream out(temporary, std::ios::binary);
        write_all(out, set);
        out.flush();
        if (!out) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path);
    });
}

}  // namespace c2l
