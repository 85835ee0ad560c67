// What a person or a program has marked on a slide: a shape with a name, a class, a colour and measurements. QuPath's object model
// (qupath-core, PathObject), so that its files pass through without loss.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "annotation/geometry.h"
#include "base/issue.h"

namespace c2l {

struct Rgb {
    std::uint8_t r = 0, g = 0, b = 0;
    bool operator==(const Rgb&) const = default;
};

struct Classification {
    std::string name;           // a derived class is "parent: child", as QuPath shows it
    std::optional<Rgb> colour;
    bool operator==(const Classification&) const = default;
};

enum class ObjectType { Annotation, Detection, Cell, Tile, TmaCore, Root, Other };
std::string_view to_string(ObjectType type);  // QuPath's names: "annotation", …; "other" for what it does not know

struct Measurement {
    std::string name;
    double value = 0;  // NaN and infinities are possible
    bool operator==(const Measurement& o) const { return name == o.name && (value == o.value || (value != value && o.value != o.value)); }
};

struct Annotation {
    std::string id;              // the feature's id, a UUID in newer files; empty: none
    Geometry geometry;           // level-0 pixels
    std::optional<Geometry> nucleus;  // of a cell
    ObjectType type = ObjectType::Annotation;
    std::string name;
    std::optional<Classification> classification;
    std::optional<Rgb> colour;   // of this object, stronger than its class's
    bool locked = false;         // not to be changed by hand
    std::vector<Measurement> measurements;
    std::map<std::string, std::string> metadata;
    // JSON of the feature as it was read, without coordinates and ordinary measurements: what the fields above do not carry, or carry in an
    // older spelling, is written back from here. Fields that were changed win. Empty for what was drawn here.
    std::string source_json;

    bool operator==(const Annotation&) const = default;
};

// How the features stood in their file.
enum class GeoJsonForm { FeatureCollection, Feature, Array, Geometry };

struct AnnotationSet {
    std::string format;  // "geojson", "asap_xml"
    std::vector<Annotation> annotations;
    GeoJsonForm form = GeoJsonForm::FeatureCollection;
    std::string source_json;  // further members of the collection, a JSON object; empty: none
    std::vector<Issue> issues;
};

std::string new_annotation_id();  // a random UUID (version 4), as QuPath wants ids to be
// The same object with another shape; what its source said of the old shape alone (an ellipse's flag, a bounding box) is dropped.
Annotation with_geometry(Annotation annotation, Geometry geometry);
// The same object elsewhere, with its nucleus: an ellipse stays one.
Annotation with_offset(Annotation annotation, double dx, double dy);
// QuPath's colours for the classes it starts with; for other names one of a fixed set of distinct colours, the same for the same name.
Rgb usual_colour(std::string_view class_name);
// Colour to draw with: the object's own, its class's, else nothing.
std::optional<Rgb> colour_of(const Annotation& annotation);

}  // namespace c2l
