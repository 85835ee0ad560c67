// What a file is, and what this machine offers.
#include <cstdlib>
#include <fstream>
#include <numeric>

#include "annotation/read.h"
#include "base/error.h"
#include "generate/generate.h"
#include "nn/safetensors_header.h"
#include "pipeline/annotations.h"
#include "pipeline/command_table.h"
#include "pipeline/import.h"
#include "pipeline/params.h"
#include "pipeline/resources.h"
#include "project/project.h"
#include "slide/identifying.h"
#include "slide/readers.h"
#include "slide/slide.h"
#include "spatial/read.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json issues_of(const std::vector<Issue>& issues) {
    json list = json::array();
    for (const Issue& issue : issues) list.push_back(to_json(issue));
    return list;
}

template <class T>
json or_null(const std::optional<T>& value) {
    return value ? json(*value) : json(nullptr);
}

json describe_slide(const fs::path& file) {
    const SlideInfo slide = probe_slide(file);
    json levels = json::array();
    for (const Level& level : slide.levels) levels.push_back({{"width", level.width}, {"height", level.height}, {"downsample", level.downsample}});
    return {{"kind", "slide"}, {"vendor", slide.vendor}, {"width", slide.width}, {"height", slide.height}, {"levels", levels},
            {"mpp", or_null(slide.mpp)}, {"objective", or_null(slide.objective)}, {"associated", slide.associated}, {"issues", issues_of(slide.issues)}};
}

json describe_spots(const fs::path& file, const JobContext& ctx) {
    const SpotData data = read_spot_data({file, {}}, ctx);
    const auto sums = data.expression.row_sums();
    return {{"kind", "spots"}, {"format", data.format}, {"spots", data.spots.size()}, {"genes", data.expression.cols()},
            {"unit", to_string(data.expression.unit)}, {"total_counts", std::accumulate(sums.begin(), sums.end(), 0.0)}, {"issues", issues_of(data.issues)}};
}

json describe_project(const fs::path& file) {
    const auto project = Project::open(file, Project::Mode::Read);
    json slides = json::array(), spots = json::array(), artifacts = json::array();
    for (const auto& slide : project->slides())
        slides.push_back({{"id", slide.id}, {"path", slide.path.string()}, {"content_id", slide.content_id}, {"mpp", or_null(slide.mpp)}, {"patient", slide.patient}, {"missing", slide.missing}});
    for (const auto& s : project->spots())
        spots.push_back({{"id", s.id}, {"slide", s.slide}, {"spots", s.spots.string()}, {"counts", s.counts.string()}, {"format", s.format}, {"missing", s.missing},
                         {"registration", or_null(s.registration)}, {"alignment", json::parse(s.alignment.empty() ? "null" : s.alignment, nullptr, false)}});
    for (const auto& a : project->artifacts())
        artifacts.push_back({{"step", a.step}, {"id", a.id}, {"folder", a.folder.string()}, {"created", a.created}, {"seconds", a.seconds}, {"peak_memory_bytes", a.peak_memory_bytes}});
    return {{"kind", "project"}, {"slides", slides}, {"spots", spots}, {"artifacts", artifacts}};
}

// Weights are known by what they are, whatever they are called, and pickled ones refused. What is called safetensors and is nothing of the
// kind is left to its reader, which says what is wrong with it.
bool are_weights(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    char head[9] = {};
    in.read(head, sizeof head);
    const auto available = static_cast<std::uint64_t>(in.gcount());
    nn::refuse_other_weight_formats(head, available, file);
    return nn::starts_as_safetensors(head, available) || file.extension() == ".safetensors";
}

json describe_file(const fs::path& file, const JobContext& ctx) {
    std::error_code failed;
    if (!fs::exists(file, failed)) throw Error(ErrorCode::NotFound, "there is no such file; check the path", file);
    if (fs::is_regular_file(file, failed)) {
        if (Project::is_project(file)) return describe_project(file);
        if (are_weights(file)) return json::parse(describe_weights(file));
        if (!recognise_annotation_file(file).empty()) return describe_annotations(file);
        if (file.filename() == "manifest.json") return json::parse(describe_weights(file));  // of a model pack
    }
    if (fs::is_regular_file(file / "manifest.json", failed)) return json::parse(describe_weights(file));
    const SpotFormat* format = recognise_spots(file);
    // Half of a pair: what it is can be told, what it holds only together with the other half.
    if (format && format->role != SpotRole::Both)
        return {{"kind", "spots"}, {"format", format->name}, {"spots", nullptr}, {"genes", nullptr}, {"unit", nullptr}, {"total_counts", nullptr},
                {"issues", json::array({to_json({Severity::Info, "positions and counts are in two files; give both to 'c2l import'", ""})})}};
    if (format || is_spot_container(file)) return describe_spots(file, ctx);  // or says what is wrong with it
    return describe_slide(file);
}

json describe_identifying(const fs::path& file) {
    json found = json::array();
    for (const Identifying& each : list_identifying(file)) found.push_back({{"where", each.where}, {"key", each.key}, {"value", each.value}});
    return {{"kind", "identifying"}, {"found", found}};
}

std::string identifying_summary(const json& result) {
    std::string text;
    for (const json& each : result.at("found"))
        text += each.at("where").get<std::string>() + " · " + each.at("key").get<std::string>() + ": " + each.at("value").get<std::string>() + "\n";
    return text + "Free text and the pixels themselves are not understood; look at them too before the file is passed on.";
}

json doctor(const json& params) {
    json out = json::parse(describe_compute());
    json warnings = out.value("warnings", json::array());
    const fs::path resources = resources_folder();
    out["display"] = std::getenv("WAYLAND_DISPLAY") || std::getenv("DISPLAY");
    out["available_memory_bytes"] = available_memory_bytes();
    out["versions"]["c2l"] = program_version();
    try {
        out["central_model"] = central_weights({}).string();
    } catch (const Error& error) {
        out["central_model"] = nullptr;
        warnings.push_back(error.line());
    }
    out["resources"] = resources.string();
    out["readers"] = json::array();
    for (const ReaderPlugin& reader : list_reader_plugins()) {
        out["readers"].push_back({{"file", reader.file.string()}, {"name", reader.name}, {"version", reader.version}, {"problem", reader.problem}});
        if (!reader.problem.empty()) warnings.push_back(reader.file.string() + ": " + reader.problem);
    }
    out["device"] = use_device(compute_of(params));
    out["warnings"] = warnings;
    return out;
}

}  // namespace

Command doctor_command() {
    return {"doctor", "what this machine offers: devices, BLAS, library versions; warns of slow set-ups", compute_params(),
            [](const json& params, const JobContext&) { return doctor(params); }, {}};
}

Command info_command() {
    Param file{.name = "file", .type = ParamType::Path, .default_value = nullptr, .help = "slide, spot data, annotations, weights or project", .unit = {}, .choices = {}, .letter = {}};
    file.positional = file.required = true;
    Param phi{.name = "phi", .type = ParamType::Flag, .default_value = false, .help = "what a slide file would give away: dates, names, serial numbers, label pictures", .unit = {}, .choices = {}, .letter = {}};
    return {"info", "what a slide, spot data, annotations, weights or a project hold", {file, phi},
            [](const json& params, const JobContext& ctx) {
                return params.value("phi", false) ? describe_identifying(path_of(params, "file")) : describe_file(path_of(params, "file"), ctx);
            },
            [](const json& result) { return result.value("kind", "") == "identifying" ? identifying_summary(result) : result.dump(2, ' ', false, json::error_handler_t::replace); }};
}

}  // namespace c2l
