#include "annotation/annotation.h"

#include <array>
#include <nlohmann/json.hpp>
#include <random>

namespace c2l {

using nlohmann::json;

std::string_view to_string(ObjectType type) {
    switch (type) {
        case ObjectType::Annotation: return "annotation";
        case ObjectType::Detection: return "detection";
        case ObjectType::Cell: return "cell";
        case ObjectType::Tile: return "tile";
        case ObjectType::TmaCore: return "tmaCore";
        case ObjectType::Root: return "root";
        case ObjectType::Other: break;
    }
    return "other";
}

std::string new_annotation_id() {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::random_device source;
    std::array<std::uint32_t, 4> words{source(), source(), source(), source()};
    words[1] = (words[1] & 0xffff0fffu) | 0x00004000u;  // version 4
    words[2] = (words[2] & 0x3fffffffu) | 0x80000000u;  // variant 1
    std::string id;
    for (int digit = 0; digit < 32; ++digit) {
        if (digit == 8 || digit == 12 || digit == 16 || digit == 20) id += '-';
        id += kDigits[words[static_cast<std::size_t>(digit / 8)] >> (28 - 4 * (digit % 8)) & 15];
    }
    return id;
}

Annotation with_geometry(Annotation annotation, Geometry geometry) {
    annotation.geometry = std::move(geometry);
    if (annotation.source_json.empty()) return annotation;
    json source = json::parse(annotation.source_json);
    source.erase("bbox");
    if (const auto shape = source.find("geometry"); shape != source.end() && shape->is_object()) {
        json kept = json::object();
        for (const char* key : {"type", "plane"})
            if (shape->contains(key)) kept[key] = shape->at(key);
        *shape = std::move(kept);
    }
    annotation.source_json = source.dump();
    return annotation;
}

Annotation with_offset(Annotation annotation, double dx, double dy) {
    annotation.geometry = moved(std::move(annotation.geometry), dx, dy);
    if (annotation.nucleus) annotation.nucleus = moved(std::move(*annotation.nucleus), dx, dy);
    if (annotation.source_json.find("\"bbox\"") != std::string::npos) {
        json source = json::parse(annotation.source_json);
        source.erase("bbox");
        annotation.source_json = source.dump();
    }
    return annotation;
}

Rgb usual_colour(std::string_view class_name) {
    static const std::map<std::string_view, Rgb> kKnown = {{"Tumor", {200, 0, 0}},       {"Tumour", {200, 0, 0}},      {"Stroma", {150, 200, 150}},
                                                           {"Immune cells", {160, 90, 160}}, {"Necrosis", {50, 50, 50}},   {"Other", {255, 200, 0}},
                                                           {"Region*", {0, 0, 180}},     {"Ignore*", {180, 180, 180}}, {"Positive", {250, 62, 62}},
                                                           {"Negative", {112, 112, 225}}};
    if (const auto known = kKnown.find(class_name); known != kKnown.end()) return known->second;
    // Paul Tol's "bright" and "vibrant" schemes: told apart by the colour-blind too.
    static constexpr Rgb kDistinct[] = {{68, 119, 170}, {238, 102, 119}, {34, 136, 51}, {204, 187, 68}, {102, 204, 238}, {170, 51, 119}, {0, 119, 187}, {238, 119, 51}, {0, 153, 136}};
    std::uint32_t hash = 2166136261u;  // FNV-1a
    for (const char c : class_name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return kDistinct[hash % std::size(kDistinct)];
}

std::optional<Rgb> colour_of(const Annotation& annotation) {
    if (annotation.colour) return annotation.colour;
    return annotation.classification ? annotation.classification->colour : std::nullopt;
}

}  // namespace c2l
