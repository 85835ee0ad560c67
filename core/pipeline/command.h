// One declaration of every command: the options of `c2l`, the methods of the worker and the help texts come from it.
//
// Parameters travel as JSON (nlohmann/json is header-only, the one third-party type in this module's headers: it is what the command
// line, the worker and the provenance records have in common). Keys use '_' where the command line uses '-'.
#pragma once

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/job.h"

namespace c2l {

enum class ParamType { Flag, Integer, Number, Text, Path, Paths, Choice };
const char* to_string(ParamType type);  // "flag", "integer", …

struct Param {
    std::string name;              // "synthetic_weight"; "--synthetic-weight" on the command line
    ParamType type = ParamType::Text;
    nlohmann::json default_value;  // null: not given (the step decides)
    std::string help;
    std::string unit;              // "µm", "spots"; empty: none
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    std::vector<std::string> choices;
    std::string letter;            // short option, e.g. "o"
    bool positional = false;
    bool required = false;
};

struct Command {
    std::string name;
    std::string help;
    std::vector<Param> params;
    // Blocks. `params` are complete and checked. Throws c2l::Error.
    std::function<nlohmann::json(const nlohmann::json& params, const JobContext& ctx)> run;
    // What a person reads on a terminal; the JSON itself when empty.
    std::function<std::string(const nlohmann::json& result)> summary;
    bool worker_only = false;
};

const std::vector<Command>& commands();
const Command* find_command(const std::string& name);  // null when there is none

// The given parameters with the defaults filled in. Throws Error(BadInput) for an unknown name, a wrong type, a value out of range, or a
// required parameter that is missing.
nlohmann::json complete_params(const Command& command, const nlohmann::json& given);
nlohmann::json run_command(const Command& command, const nlohmann::json& given, const JobContext& ctx);
// {program, version, protocol, commands: [{name, help, params: [...]}]}
nlohmann::json describe_commands();

}  // namespace c2l
