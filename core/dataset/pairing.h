// Pairs the spots of a slide with its pixels. The part of core/dataset that needs OpenSlide underneath.
#pragma once

#include "base/job.h"
#include "dataset/tiles.h"
#include "slide/slide.h"
#include "slide/tissue.h"

namespace c2l {

std::shared_ptr<const TileReader> make_tile_reader(std::shared_ptr<const Slide> slide);  // needs µm/px, else Error(BadInput)

struct PairParams {
    std::string patient;
    std::optional<double> min_counts;  // spots below are dropped, and counted in an issue; not given: least_counts
    double min_tissue = 0.25;          // share of tissue under the spot
};

// What suits the spots when the user says nothing: 200 for those of 25 µm and more, 20 for bins, beads and cells, which cover a fortieth of a spot's area.
double least_counts(const SpotTable& spots, double mpp);

// Drops spots off tissue, outside the slide or too shallow; each kind of loss becomes one Issue. Expression that is not
// counts is refused with Error(Unsupported) unless counts can be recovered exactly.
std::shared_ptr<const PairedTiles> pair(std::shared_ptr<const Slide> slide, const SpotData& data, const PairParams& params,
                                        const JobContext& ctx, const TissueMask* mask = nullptr);  // found when not given

// Centres (level-0 pixels) of a square grid of the given pitch over tissue.
struct TissueGrid {
    std::vector<double> x, y;
    std::vector<int> row, col;
    double pitch_um = 0;
};
TissueGrid tissue_grid(const Slide& slide, const TissueMask& mask, double pitch_um, double min_tissue = 0.5);

}  // namespace c2l
