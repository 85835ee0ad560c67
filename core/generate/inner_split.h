// Which of the training spots decide when the adaptation stops, and when weights are good enough to be kept. Private to core/generate.
#pragma once

#include <cstdint>
#include <vector>

#include "base/job.h"
#include "dataset/tiles.h"

namespace c2l::generate {

// Positions among the training spots.
struct InnerSplit {
    std::vector<std::int64_t> learn, check;
};

// A tenth of the spots, at random (2 to 64), decides; spots within `clear_px` (level-0 pixels, in x and in y) of one of these are not learnt from, or the early
// stop would judge what it has seen. Where spots lie so close that this costs more than a quarter of them, the deciding ones are neighbours instead; where that
// does not help either, they are learnt from all the same, and an Issue says so.
InnerSplit inner_split(const TrainTiles& train, double clear_px, std::uint64_t seed, const JobContext& ctx);

// Whether the losses of the deciding spots are within one standard error of `least`, paired. Of weights that the few spots cannot tell apart the later ones are kept: they
// have learnt more of the genes, of which the flow loss sees little (docs/benchmarks.md).
bool as_good_as(const std::vector<double>& losses, const std::vector<double>& least);

}  // namespace c2l::generate
