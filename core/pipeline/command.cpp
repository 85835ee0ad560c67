#include "pipeline/command.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.h"
#include "base/provenance.h"

namespace c2l {

using nlohmann::json;

namespace {

[[noreturn]] void refuse(const Command& command, const Param& param, const std::string& what) {
    throw Error(ErrorCode::BadInput, command.name + ": '" + param.name + "' " + what);
}

bool right_type(const Param& param, const json& value) {
    switch (param.type) {
        case ParamType::Flag: return value.is_boolean();
        case ParamType::Integer: return value.is_number_integer();
        case ParamType::Number: return value.is_number();
        case ParamType::Paths:
            return value.is_array() && std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_string(); });
        case ParamType::Text:
        case ParamType::Path:
        case ParamType::Choice: return value.is_string();
    }
    return false;
}

void check_value(const Command& command, const Param& param, const json& value) {
    if (!right_type(param, value)) refuse(command, param, std::string("must be of type ") + to_string(param.type));
    if (param.type == ParamType::Choice && std::find(param.choices.begin(), param.choices.end(), value.get<std::string>()) == param.choices.end()) {
        std::string known;
        for (const auto& choice : param.choices) known += (known.empty() ? "" : ", ") + choice;
        refuse(command, param, "must be one of: " + known);
    }
    if (value.is_number()) {
        const double number = value.get<double>();
        if (!std::isfinite(number) || number < param.low || number > param.high) refuse(command, param, "is out of range: " + value.dump());
    }
}

// One spelling of a number, since a step's identity is the hash of its parameters: -1 and -1.0 are the same.
json canonical(const Param& param, const json& value) {
    if (!value.is_number()) return value;
    return param.type == ParamType::Number ? json(value.get<double>()) : json(value.get<std::int64_t>());
}

json describe(const Param& param) {
    json out = {{"name", param.name}, {"type", to_string(param.type)}, {"default", param.default_value}, {"help", param.help}};
    if (!param.unit.empty()) out["unit"] = param.unit;
    if (!param.choices.empty()) out["choices"] = param.choices;
    if (std::isfinite(param.low)) out["low"] = param.low;
    if (std::isfinite(param.high)) out["high"] = param.high;
    if (param.positional) out["positional"] = true;
    if (param.required) out["required"] = true;
    return out;
}

}  // namespace

const char* to_string(ParamType type) {
    switch (type) {
        case ParamType::Flag: return "flag";
        case ParamType::Integer: return "integer";
        case ParamType::Number: return "number";
        case ParamType::Text: return "text";
        case ParamType::Path: return "path";
        case ParamType::Paths: return "paths";
        case ParamType::Choice: return "choice";
    }
    return "text";
}

const Command* find_command(const std::string& name) {
    for (const Command& command : commands())
        if (command.name == name) return &command;
    return nullptr;
}

json complete_params(const Command& command, const json& given) {
    if (!given.is_object()) throw Error(ErrorCode::BadInput, command.name + ": the parameters must be an object");
    for (const auto& [key, value] : given.items())
        if (std::none_of(command.params.begin(), command.params.end(), [&, &name = key](const Param& p) { return p.name == name; }))
            throw Error(ErrorCode::BadInput, command.name + ": there is no parameter '" + key + "'");
    json complete = json::object();
    for (const Param& param : command.params) {
        const auto found = given.find(param.name);
        const bool present = found != given.end() && !found->is_null();
        if (present) check_value(command, param, *found);
        if (!present && param.required) refuse(command, param, "is missing");
        complete[param.name] = canonical(param, present ? *found : param.default_value);
    }
    return complete;
}

json run_command(const Command& command, const json& given, const JobContext& ctx) { return command.run(complete_params(command, given), ctx); }

json describe_commands() {
    json list = json::array();
    for (const Command& command : commands()) {
        json params = json::array();
        for (const Param& param : command.params) params.push_back(describe(param));
        list.push_back({{"name", command.name}, {"help", command.help}, {"params", params}});
    }
    return {{"program", "c2l"}, {"version", program_version()}, {"protocol", 1}, {"commands", list}};
}

}  // namespace c2l
