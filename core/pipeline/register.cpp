// Placing the spots of a project anew. What was made from them before stays and belongs to the former positions: their ids differ.
#include "base/error.h"
#include "pipeline/command_table.h"
#include "pipeline/import.h"
#include "pipeline/placement.h"
#include "pipeline/registration_file.h"
#include "pipeline/section.h"
#include "pipeline/summary.h"
#include "spatial/read.h"

namespace c2l {

using nlohmann::json;

namespace {

json describe(const Registration& r) { return {{"matrix", r.m}, {"scale", r.scale()}, {"angle", r.angle()}, {"mirrored", r.mirrored()}}; }

json register_section(const json& params, const JobContext& given) {
    const bool reset = params.at("reset");
    if (reset == says_registration(params))
        throw Error(ErrorCode::BadInput, reset ? "--reset takes no other registration" : "say how the spots lie: --orient, --spot-scale, --landmarks, --registration, --matrix or --reset");
    json issues = json::array();
    JobContext ctx = given;
    ctx.on_issue = [&](const Issue& issue) {
        issues.push_back(to_json(issue));
        given.issue(issue);
    };
    const auto project = Project::open(path_of(params, "project"), Project::Mode::Write);
    Section section(*project, params, ctx);
    ProjectSpots record = section.spots_record();
    if (record.missing) throw Error(ErrorCode::NotFound, "the spot data was moved; put it back, or beside the project, or import it again", record.spots);
    SpotData data = read_spot_data({record.spots, record.counts}, ctx);
    const auto slide = section.slide();
    const SlideInfo& info = slide->info();
    const GivenRegistration wanted = given_registration(params, data.spots, static_cast<double>(info.width), static_cast<double>(info.height));
    register_spots(data.spots, wanted.registration);
    const Placement placement = check_placement(info, section.mask(), data.spots, read_array_hints(record.spots), wanted.registration);
    if (placement.issue) ctx.issue(*placement.issue);
    ctx.check_stop();
    set_registration(record, wanted.registration);
    record.content_id = content_id(data);
    record.alignment = placement.record.dump();
    project->add_spots(record);

    json out = {{"project", project->path().string()}, {"slide", section.slide_record().path.filename().string()}, {"spots", data.spots.size()}, {"registration", describe(wanted.registration)},
                {"alignment", placement.record}, {"residuals_um", nullptr}, {"rms_um", nullptr}, {"issues", issues}};
    if (!wanted.landmarks.empty() && info.mpp) {
        auto residuals = residuals_px(wanted.registration, wanted.landmarks);
        for (double& r : residuals) r *= *info.mpp;
        out["residuals_um"] = residuals;
        out["rms_um"] = root_mean_square(residuals);
    }
    return out;
}

std::string summary(const json& r) {
    const json& registration = r.at("registration");
    std::string text = "Registered " + r.at("spots").dump() + " spots on " + r.at("slide").get<std::string>() + ": scale " + fixed(registration.at("scale"), 5) + ", turned by " +
                       fixed(registration.at("angle"), 2) + "°" + (registration.at("mirrored").get<bool>() ? ", mirrored" : "") + "\n";
    if (!r.at("rms_um").is_null()) {
        text += "  residuals";
        for (const json& each : r.at("residuals_um")) text += " " + fixed(each, 1);
        text += " µm, root mean square " + fixed(r.at("rms_um"), 1) + " µm\n";
    }
    return text + "  " + fixed(100 * r.at("alignment").at("on_tissue").get<double>(), 0) + " % of the spots lie on tissue; results of other positions stay, but are not used with these\n";
}

}  // namespace

Command register_command() {
    const Param reset{.name = "reset", .type = ParamType::Flag, .default_value = false, .help = "takes the positions as their file has them", .unit = {}, .choices = {}, .letter = {}};
    return {"register", "place the spots of a project: by orientation and scale, landmarks, or a matrix", project_params() + registration_params() + Params{reset}, register_section, summary};
}

}  // namespace c2l
