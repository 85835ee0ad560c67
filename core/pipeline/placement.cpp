#include "pipeline/placement.h"

#include <cstdio>

#include "pipeline/registration_file.h"
#include "spatial/read.h"

namespace c2l {

using nlohmann::json;

namespace {

// The options of `c2l import` and `c2l register` that place the spots so; every registration can be said by its six numbers.
std::string options_for(const AlignmentCandidate& c, const Registration& total, bool on_top) {
    if (on_top) return "--matrix=" + matrix_text(total);
    std::string out;
    if (c.orientation != Orientation::Identity) out = std::string("--orient ") + to_string(c.orientation);
    if (c.scale == 1) return out;
    char scale[40];
    std::snprintf(scale, sizeof scale, "%.10g", c.scale);
    return out + (out.empty() ? "" : " ") + "--spot-scale " + scale;
}

json fit_record(const TissueFit& fit) {
    return {{"score", fit.score()}, {"on_tissue", fit.on_tissue}, {"off_glass", fit.off_glass ? json(*fit.off_glass) : json(nullptr)}, {"covered", fit.covered}};
}

}  // namespace

SpotData read_spots(const ProjectSpots& record, const JobContext& ctx) {
    SpotData data = read_spot_data({record.spots, record.counts}, ctx);
    register_spots(data.spots, registration_of(record));
    return data;
}

Registration registration_of(const ProjectSpots& record) { return record.registration ? Registration{*record.registration} : Registration(); }

void set_registration(ProjectSpots& record, const Registration& r) {
    record.registration.reset();
    if (!r.is_identity()) record.registration = r.m;
}

Placement check_placement(const SlideInfo& slide, const TissueMask& mask, const SpotTable& spots, ArrayHints hints, const Registration& registration) {
    Placement out;
    register_positions(hints.empty_x, hints.empty_y, registration);
    out.alignment = check_alignment(slide, mask, spots, hints);
    const Alignment& a = out.alignment;
    std::string advice;
    out.record = fit_record(a.now);
    out.record["verdict"] = to_string(a.verdict);
    out.record["proposal"] = nullptr;
    if (const auto& p = a.proposal) {
        const Registration total = after(oriented(p->orientation, p->scale, static_cast<double>(slide.width), static_cast<double>(slide.height)), registration);
        const std::string options = options_for(*p, total, !registration.is_identity());
        json proposal = fit_record(p->fit);
        proposal.update({{"orient", to_string(p->orientation)}, {"spot_scale", p->scale}, {"words", words_for(*p)}, {"matrix", total.m}, {"options", options}, {"sure", !a.second}});
        out.record["proposal"] = proposal;
        advice = "Import again with " + options + ", or use 'c2l register' with it.";
    }
    out.issue = issue_of(a, advice);
    const auto plain = issue_of(a, "");
    out.record["text"] = plain ? plain->text : "";
    return out;
}

}  // namespace c2l
