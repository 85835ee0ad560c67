// The options of c2l, made from the declarations of the commands.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "c2l/reporter.h"
#include "pipeline/command.h"

namespace c2l {

struct CommandLine {
    const Command* command = nullptr;  // null: "worker", or nothing to do
    bool worker = false;
    nlohmann::json params = nlohmann::json::object();  // those that were given
    bool json_output = false;
    ProgressStyle progress = ProgressStyle::None;
    int exit_code = -1;                // ≥ 0: help or a usage error was printed; end with it
};

CommandLine parse_command_line(int argc, char** argv);

}  // namespace c2l
