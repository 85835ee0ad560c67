#include "annotation/geojson_fields.h"

#include <cmath>
#include <limits>

namespace c2l::geojson {
namespace {

using nlohmann::json;

const json* member(const json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const json& object, const char* key, const Complain& complain) {
    const json* value = member(object, key);
    if (!value) return {};
    if (value->is_string()) return value->get<std::string>();
    complain(key, "text");
    return {};
}

Rgb unpack(std::int64_t argb) {
    return {static_cast<std::uint8_t>(argb >> 16 & 255), static_cast<std::uint8_t>(argb >> 8 & 255), static_cast<std::uint8_t>(argb & 255)};
}

// `color` as [r, g, b] (QuPath ≥ 0.4), or as a packed whole number, which older files call `colorRGB`.
std::optional<Rgb> colour_in(const json& object, const Complain& complain) {
    const json* value = member(object, "color");
    if (!value) value = member(object, "colorRGB");
    if (!value) return std::nullopt;
    if (value->is_number_integer()) return unpack(value->is_number_unsigned() ? static_cast<std::int64_t>(value->get<std::uint64_t>() & 0xffffffffu) : value->get<std::int64_t>());
    if (value->is_array() && (value->size() == 3 || value->size() == 4)) {
        std::array<std::uint8_t, 3> rgb{};
        bool good = true;
        for (std::size_t i = 0; i < 3; ++i) {
            const json& c = (*value)[i];
            good = good && c.is_number() && c.get<double>() >= 0 && c.get<double>() <= 255;
            if (good) rgb[i] = static_cast<std::uint8_t>(c.get<double>());
        }
        if (good) return Rgb{rgb[0], rgb[1], rgb[2]};
    }
    complain("color", "three numbers from 0 to 255");
    return std::nullopt;
}

std::optional<Classification> classification_in(const json& properties, const Complain& complain) {
    const json* value = member(properties, "classification");
    if (!value) return std::nullopt;
    if (value->is_string()) return Classification{value->get<std::string>(), std::nullopt};  // as other programs write it
    if (!value->is_object()) {
        complain("classification", "an object with a name and a colour");
        return std::nullopt;
    }
    Classification c;
    c.colour = colour_in(*value, complain);
    if (const json* names = member(*value, "names"); names && names->is_array()) {
        for (const json& name : *names) {
            if (!name.is_string()) {
                complain("classification.names", "a list of texts");
                continue;
            }
            c.name += (c.name.empty() ? "" : ": ") + name.get<std::string>();
        }
    } else {
        c.name = text_of(*value, "name", complain);
    }
    if (c.name.empty() && !c.colour) return std::nullopt;
    return c;
}

// Type names of QuPath ≥ 0.3, their older spelling, and the ids in which 0.2 kept them.
ObjectType type_in(const json& feature, const json& properties) {
    std::string text;
    for (const char* key : {"objectType", "object_type", "type"})
        if (const json* value = member(properties, key); text.empty() && value && value->is_string()) text = value->get<std::string>();
    if (const json* id = member(feature, "id"); text.empty() && id && id->is_string()) text = id->get<std::string>();
    if (text == "detection" || text == "PathDetectionObject") return ObjectType::Detection;
    if (text == "cell" || text == "PathCellObject") return ObjectType::Cell;
    if (text == "tile" || text == "PathTileObject") return ObjectType::Tile;
    if (text == "tmaCore" || text == "tma_core" || text == "TMACoreObject") return ObjectType::TmaCore;
    if (text == "root" || text == "PathRootObject") return ObjectType::Root;
    if (text == "annotation" || text == "PathAnnotationObject" || text == "unknown") return ObjectType::Annotation;
    return member(properties, "objectType") ? ObjectType::Other : ObjectType::Annotation;
}

// JSON has no word for these; QuPath writes them as text.
std::optional<double> measured(const json& value) {
    if (value.is_number()) return value.get<double>();
    if (value.is_null() || value == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (value == "Infinity") return std::numeric_limits<double>::infinity();
    if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
    return std::nullopt;
}

std::vector<Measurement> measurements_in(const json& properties, const Complain& complain) {
    std::vector<Measurement> list;
    const json* value = member(properties, "measurements");
    if (!value) return list;
    const auto add = [&](const std::string& name, const json& number) {
        if (const auto v = measured(number)) list.push_back({name, *v});
        else complain("measurements", "names with numbers");
    };
    if (value->is_object()) {
        for (const auto& [name, number] : value->items()) add(name, number);
    } else if (value->is_array()) {
        for (const json& each : *value) {
            const json *name = member(each, "name"), *number = each.is_object() && each.contains("value") ? &each.at("value") : nullptr;
            if (name && name->is_string() && number) add(name->get<std::string>(), *number);
            else complain("measurements", "names with numbers");
        }
    } else {
        complain("measurements", "names with numbers");
    }
    return list;
}

json colour_json(Rgb c) { return json::array({c.r, c.g, c.b}); }

void put_colour(json& object, const std::optional<Rgb>& colour) {
    object.erase("colorRGB");
    object.erase("color");
    if (colour) object["color"] = colour_json(*colour);
}

void put_classification(json& properties, const std::optional<Classification>& was, const std::optional<Classification>& now) {
    if (!now) {
        properties.erase("classification");
        return;
    }
    json& object = properties["classification"];
    if (!object.is_object()) object = json::object();
    if (!was || was->name != now->name || !(object.contains("name") || object.contains("names"))) {
        object.erase("name");
        object.erase("names");
        if (now->name.find(": ") == std::string::npos) {
            object["name"] = now->name;
        } else {
            json names = json::array();
            for (std::size_t at = 0; at <= now->name.size();) {
                const auto end = std::min(now->name.find(": ", at), now->name.size());
                names.push_back(now->name.substr(at, end - at));
                at = end + 2;
            }
            object["names"] = std::move(names);
        }
    }
    if (!was || was->colour != now->colour) put_colour(object, now->colour);
}

}  // namespace

json number_json(double value) {
    constexpr double kWhole = 9007199254740992;  // 2^53
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    if (std::abs(value) < kWhole && value == std::floor(value)) return static_cast<std::int64_t>(value);
    return value;
}

json measurements_json(const std::vector<Measurement>& measurements) {
    json object = json::object();
    for (const Measurement& m : measurements) object[m.name] = number_json(m.value);
    return object;
}

Annotation fields_of(const json& feature, const Complain& complain) {
    Annotation a;
    if (const json* id = member(feature, "id")) a.id = id->is_string() ? id->get<std::string>() : id->dump();
    static const json kNone = json::object();
    const json* given = member(feature, "properties");
    if (given && !given->is_object()) complain("properties", "an object");
    const json& properties = given && given->is_object() ? *given : kNone;
    a.type = type_in(feature, properties);
    a.name = text_of(properties, "name", complain);
    a.colour = colour_in(properties, complain);
    a.classification = classification_in(properties, complain);
    if (const json* locked = member(properties, "isLocked")) {
        if (locked->is_boolean()) a.locked = locked->get<bool>();
        else complain("isLocked", "true or false");
    }
    a.measurements = measurements_in(properties, complain);
    if (const json* metadata = member(properties, "metadata")) {
        if (!metadata->is_object()) complain("metadata", "names with texts");
        else
            for (const auto& [key, value] : metadata->items())
                if (value.is_string()) a.metadata[key] = value.get<std::string>();
    }
    return a;
}

void put_fields(json& feature, const Annotation& was, const Annotation& now) {
    if (was.id != now.id) {
        feature.erase("id");
        if (!now.id.empty()) feature["id"] = now.id;
    }
    const auto properties = [&]() -> json& {
        json& p = feature["properties"];
        if (!p.is_object()) p = json::object();
        return p;
    };
    if (was.type != now.type && now.type != ObjectType::Other) {
        properties().erase("object_type");
        properties()["objectType"] = to_string(now.type);
    }
    if (was.name != now.name) {
        properties().erase("name");
        if (!now.name.empty()) properties()["name"] = now.name;
    }
    if (was.colour != now.colour) put_colour(properties(), now.colour);
    if (was.classification != now.classification) put_classification(properties(), was.classification, now.classification);
    if (was.locked != now.locked) {
        properties().erase("isLocked");
        if (now.locked) properties()["isLocked"] = true;
    }
    if (was.measurements != now.measurements) {
        properties().erase("measurements");
        if (!now.measurements.empty()) properties()["measurements"] = measurements_json(now.measurements);
    }
    if (was.metadata != now.metadata) {
        json& metadata = properties()["metadata"];
        if (!metadata.is_object()) metadata = json::object();
        for (const auto& [key, value] : was.metadata) metadata.erase(key);
        for (const auto& [key, value] : now.metadata) metadata[key] = value;
        if (metadata.empty()) properties().erase("metadata");
    }
}

}  // namespace c2l::geojson
