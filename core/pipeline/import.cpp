#include "pipeline/import.h"

#include <cmath>

#include "base/error.h"
#include "base/hash.h"
#include "dataset/pairing.h"
#include "pipeline/command_table.h"
#include "pipeline/params.h"
#include "pipeline/placement.h"
#include "pipeline/registration_file.h"
#include "pipeline/section.h"
#include "pipeline/summary.h"
#include "spatial/read.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr double kWorthPairing = 0.5;  // share of spots on tissue

// Takes a project away again unless it is kept: a failed import leaves nothing behind.
class NewProject {
public:
    NewProject(fs::path path, bool had_store) : path_(std::move(path)), had_store_(had_store) {}
    ~NewProject() {
        if (kept_) return;
        std::error_code ignored;
        for (const char* ending : {"", "-wal", "-shm"}) fs::remove(path_.string() + ending, ignored);
        if (!had_store_) fs::remove_all(path_.string() + ".d", ignored);
    }
    void keep() { kept_ = true; }

private:
    fs::path path_;
    bool had_store_;
    bool kept_ = false;
};

[[noreturn]] void refuse_without_scale(const fs::path& slide, const SpotData* data) {
    std::string advice = "does not say how many µm a pixel has; give it with --mpp";
    if (data && data->spots.um_per_px)
        advice += " (the spots' files say " + fixed(*data->spots.um_per_px, 4) + ")";
    else if (data)
        if (const auto pitch = nominal_pitch_um(data->spots); pitch && data->spots.pitch_px() > 0)
            advice += " (the distance of the spots suggests " + fixed(*pitch / data->spots.pitch_px(), 3) + ")";
    throw Error(ErrorCode::BadInput, advice, slide);
}

std::size_t count_on_slide(const SlideInfo& slide, const SpotData& data) {
    std::size_t inside = 0;
    for (std::size_t i = 0; i < data.spots.size(); ++i)
        inside += data.spots.x[i] >= 0 && data.spots.y[i] >= 0 && data.spots.x[i] < static_cast<double>(slide.width) && data.spots.y[i] < static_cast<double>(slide.height);
    return inside;
}

// Unless the fix is known.
void check_on_slide(const SlideInfo& slide, const SpotData& data, const Alignment& alignment) {
    const std::size_t inside = count_on_slide(slide, data);
    if (data.spots.size() == 0) throw Error(ErrorCode::BadInput, "holds no spots", slide.path);
    if (2 * inside < data.spots.size() && !alignment.proposal)
        throw Error(ErrorCode::Mismatch,
                    "only " + std::to_string(inside) + " of " + std::to_string(data.spots.size()) +
                        " spots lie on the slide; check that they belong together and that their positions are in full-resolution pixels",
                    slide.path);
}

void check_target(const fs::path& project) {
    if (project.extension() != ".c2l") throw Error(ErrorCode::BadInput, "a project's name must end in .c2l", project);
    if (fs::exists(project) && !Project::is_project(project)) throw Error(ErrorCode::BadInput, "is there already and is not a C2L Studio project; choose another name", project);
    const fs::path folder = fs::absolute(project).parent_path();
    if (!fs::is_directory(folder)) throw Error(ErrorCode::NotFound, "the folder of the project does not exist; make it first", folder);
}

}  // namespace

json to_json(const Issue& issue) {
    const char* severity = issue.severity == Severity::Info ? "info" : issue.severity == Severity::Error ? "error" : "warning";
    return {{"severity", severity}, {"text", issue.text}, {"location", issue.location}};
}

json import_section(const ImportRequest& request, const JobContext& given) {
    check_target(request.project);
    json issues = json::array();
    JobContext ctx = given;
    ctx.on_issue = [&](const Issue& issue) {
        issues.push_back(to_json(issue));
        given.issue(issue);
    };
    SlideInfo probe = probe_slide(request.slide);
    const bool with_spots = !request.spots.empty() || !request.counts.empty();
    std::optional<SpotData> data;
    Registration registration;
    if (with_spots) {
        data = read_spot_data({request.spots, request.counts}, ctx);
        for (const Issue& issue : data->issues) ctx.issue(issue);
        if (!request.mpp && !probe.mpp) refuse_without_scale(request.slide, &*data);
        if (!request.placement.is_null()) {
            registration = given_registration(request.placement, data->spots, static_cast<double>(probe.width), static_cast<double>(probe.height)).registration;
            register_spots(data->spots, registration);
        }
    }
    ctx.check_stop();

    const bool made = !fs::exists(request.project), had_store = fs::exists(request.project.string() + ".d");
    auto project = made ? Project::create(request.project) : Project::open(request.project, Project::Mode::Write);
    NewProject guard(request.project, had_store);  // only now: what another process has made meanwhile is not ours to take away
    if (!made) guard.keep();
    try {
        OpenOptions options;
        options.mpp = request.mpp;
        options.pyramid_cache = project->pyramids();
        const auto slide = Slide::open(request.slide, options, ctx);
        json out = {{"project", project->path().string()}, {"created", made}, {"slide", request.slide.filename().string()},
                    {"width", slide->info().width}, {"height", slide->info().height},
                    {"mpp", slide->info().mpp ? json(*slide->info().mpp) : json(nullptr)}};
        for (const Issue& issue : slide->info().issues) ctx.issue(issue);
        std::string alignment;
        if (data) {
            const TissueMask mask = find_tissue(*slide, ctx);
            const Placement placement = check_placement(slide->info(), mask, data->spots, read_array_hints(request.spots), registration);
            check_on_slide(slide->info(), *data, placement.alignment);
            if (placement.issue) ctx.issue(*placement.issue);
            alignment = placement.record.dump();
            out.update({{"format", data->format}, {"spots", data->spots.size()}, {"spots_usable", 0}, {"genes", data->expression.cols()}, {"unit", to_string(data->expression.unit)},
                        {"pitch_um", data->spots.pitch_px() * slide->info().mpp.value_or(0)}, {"alignment", placement.record}});
            // Spots that lie elsewhere pair with nothing; they wait in the project to be registered.
            if (!placement.alignment.proposal || placement.alignment.now.on_tissue >= kWorthPairing) {
                PairParams pairing;
                pairing.patient = request.patient;
                out["spots_usable"] = pair(slide, *data, pairing, ctx, &mask)->size();
            }
        }
        ProjectSlide record;
        record.path = request.slide;
        record.content_id = slide->info().id;
        record.mpp = request.mpp;
        record.patient = request.patient;
        const std::int64_t id = project->add_slide(record);
        if (data) {
            ProjectSpots spots;
            spots.slide = id;
            spots.spots = request.spots;
            spots.counts = request.counts;
            spots.content_id = content_id(*data);
            spots.format = data->format;
            set_registration(spots, registration);
            spots.alignment = alignment;
            project->add_spots(spots);
        }
        out["issues"] = issues;
        guard.keep();
        return out;
    } catch (...) {
        project.reset();  // closed before the guard removes it
        throw;
    }
}

Command import_command() {
    const auto path = [](std::string name, bool required, std::string help) {
        return Param{.name = std::move(name), .type = ParamType::Path, .default_value = nullptr, .help = std::move(help), .unit = {}, .choices = {}, .letter = {}, .required = required};
    };
    Param project = path("project", true, "the project file (*.c2l); made when it is not there");
    project.positional = true;
    return {"import",
            "add a slide and its spots to a project; formats are recognised by content",
            Params{project, path("slide", true, "whole-slide image, or plain JPEG, PNG or TIFF"),
             path("spots", false, "Space Ranger folder, h5ad, selection TSV, or CSV of positions"),
             path("counts", false, "counts, where they are in a file of their own: TSV(.gz), 10x h5, matrix folder"),
             {.name = "mpp", .type = ParamType::Number, .default_value = nullptr, .help = "µm per pixel of the slide, when it does not say or is wrong", .unit = "µm", .low = 0.01, .high = 100,
              .choices = {}, .letter = {}},
             {.name = "patient", .type = ParamType::Text, .default_value = "", .help = "an identifier, so that patients are kept apart", .unit = {}, .choices = {}, .letter = {}}} + registration_params(),
            [](const json& params, const JobContext& ctx) {
                return import_section({path_of(params, "project"), path_of(params, "slide"), path_of(params, "spots"), path_of(params, "counts"),
                                       number_of(params, "mpp"), params.at("patient"), says_registration(params) ? params : json()},
                                      ctx);
            },
            [](const json& r) {
                std::string text = (r.at("created").get<bool>() ? "Made " : "Extended ") + r.at("project").get<std::string>() + "\n  " +
                                   r.at("slide").get<std::string>() + ", " + r.at("width").dump() + " × " + r.at("height").dump() + " px\n";
                if (r.contains("spots"))
                    text += "  " + r.at("spots").dump() + " spots (" + r.at("spots_usable").dump() + " of use), " + r.at("genes").dump() + " genes, " +
                            r.at("format").get<std::string>() + "\n";
                return text;
            }};
}

}  // namespace c2l
