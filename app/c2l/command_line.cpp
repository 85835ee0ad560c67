#include "c2l/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "base/provenance.h"
#include "rpc/message.h"

namespace c2l {

using nlohmann::json;

namespace {

std::string option_name(const Param& param) {
    std::string name = param.name;
    std::replace(name.begin(), name.end(), '_', '-');
    if (param.positional) return name;
    return (param.letter.empty() ? "" : "-" + param.letter + ",") + "--" + name;
}

std::string help_of(const Param& param) {
    std::string help = param.help;
    if (!param.unit.empty()) help += " (" + param.unit + ")";
    const json& standard = param.default_value;
    const bool said = standard.is_null() || param.type == ParamType::Flag || (standard.is_string() && standard.get<std::string>().empty()) || standard.is_array();
    if (!said) help += " [" + (standard.is_string() ? standard.get<std::string>() : standard.dump()) + "]";
    return help;
}

template <class T>
CLI::Option* add_number(CLI::App& app, const Param& param, json& params) {
    CLI::Option* option = app.add_option_function<T>(option_name(param), [&params, name = param.name](const T& value) { params[name] = value; }, help_of(param));
    if (std::isfinite(param.low) && std::isfinite(param.high)) option->check(CLI::Range(static_cast<T>(param.low), static_cast<T>(param.high)));
    return option;
}

void add_option(CLI::App& app, const Param& param, json& params) {
    const auto set_text = [&params, name = param.name](const std::string& value) { params[name] = value; };
    CLI::Option* option = nullptr;
    switch (param.type) {
        case ParamType::Flag:
            option = app.add_flag_callback(option_name(param), [&params, name = param.name] { params[name] = true; }, help_of(param));
            break;
        case ParamType::Integer: option = add_number<std::int64_t>(app, param, params); break;
        case ParamType::Number: option = add_number<double>(app, param, params); break;
        case ParamType::Paths:
            option = app.add_option_function<std::vector<std::string>>(
                option_name(param), [&params, name = param.name](const std::vector<std::string>& values) { params[name] = values; }, help_of(param));
            option->type_name("PATH…");
            break;
        case ParamType::Choice:
            option = app.add_option_function<std::string>(option_name(param), set_text, help_of(param));
            option->check(CLI::IsMember(param.choices));
            break;
        case ParamType::Text: option = app.add_option_function<std::string>(option_name(param), set_text, help_of(param))->type_name("TEXT"); break;
        case ParamType::Path: option = app.add_option_function<std::string>(option_name(param), set_text, help_of(param))->type_name("PATH"); break;
    }
    if (param.required) option->required();
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
    CommandLine line;
    CLI::App app("C2L Studio: gene-conditioned tissue synthesis and expression prediction from few spots", "c2l");
    app.set_version_flag("--version", std::string("c2l ") + program_version());
    app.require_subcommand(1);
    std::string progress = "auto";
    const auto common = [&](CLI::App& sub) {
        sub.add_flag("--json", line.json_output, "print one JSON object on stdout");
        sub.add_option("--progress", progress, "auto: a bar on a terminal; jsonl: one JSON event a line on stderr; none")->check(CLI::IsMember({"auto", "jsonl", "none"}));
    };
    for (const Command& command : commands()) {
        if (command.worker_only) continue;
        CLI::App* sub = app.add_subcommand(command.name, command.help);
        for (const Param& param : command.params) add_option(*sub, param, line.params);
        common(*sub);
        sub->callback([&line, &command] { line.command = &command; });
    }
    app.add_subcommand("worker", "serve JSON-RPC on stdin and stdout, for the window or for another machine")->callback([&line] { line.worker = true; });
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        line.exit_code = app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2;
        // The options were not taken over, so whether JSON was asked for is seen from the words themselves.
        if (line.exit_code != 0 && std::any_of(argv + 1, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; }))
            std::cout << rpc::dump({{"error", {{"code", std::string(to_string(ErrorCode::BadInput))}, {"message", error.what()}, {"path", ""}}}}) << '\n';
        return line;
    }
    line.progress = progress == "jsonl" ? ProgressStyle::JsonLines : progress == "auto" && isatty(STDERR_FILENO) ? ProgressStyle::Bar : ProgressStyle::None;
    return line;
}

}  // namespace c2l
