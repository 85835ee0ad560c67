// Spots where the project has them: as registered, and how they were found to lie on the tissue; private to core/pipeline.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "base/job.h"
#include "dataset/alignment.h"
#include "project/project.h"
#include "spatial/spots.h"

namespace c2l {

// Reads a project's spots and moves them by its registration.
SpotData read_spots(const ProjectSpots& record, const JobContext& ctx);

Registration registration_of(const ProjectSpots& record);               // identity when it has none
void set_registration(ProjectSpots& record, const Registration& r);     // identity: none

struct Placement {
    Alignment alignment;
    nlohmann::json record;       // for the project and for the result of the command: {verdict, score, …, proposal}, see docs/formats.md
    std::optional<Issue> issue;  // names the options that take the proposal up
};

// `registration` is what has been applied to the spots already, not yet to the hints: a proposal is told on top of it.
Placement check_placement(const SlideInfo& slide, const TissueMask& mask, const SpotTable& spots, ArrayHints hints, const Registration& registration);

}  // namespace c2l
