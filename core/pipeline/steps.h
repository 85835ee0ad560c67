// The steps of the main job. Each one asks the project for its artifact and makes it when it is not there; private to core/pipeline.
#pragma once

#include <optional>

#include "pipeline/section.h"

namespace c2l {

// Of how held-out figures and the predictor are computed, part of the identity of those steps: raised when the same inputs give other figures, so that
// projects that were finished before are measured anew.
constexpr int kFiguresRevision = 2;

// split: which spots are learnt from. ← slide, spots
Artifact split_step(Section& section);
Split load_split(Section& section, const Artifact& split);
// All spots that may be learnt from beside the same held-out ones, however few of them the split chose.
TrainTiles all_that_may_be_learnt(Section& section, const Artifact& split);

// adapt: the local generator. ← split, central model
Artifact adapt_step(Section& section, const Artifact& split);

// yardstick: encoder features of the training tiles, of 8 orientations of all tiles learnt from (with_tissue: those without genes too), and of other real
// tiles of the slide. ← split, encoder
Artifact yardstick_step(Section& section, const Artifact& split, bool with_tissue);

// synthesize: tiles with their profiles, gated for copies. ← split, adapt, yardstick, latent_yardstick, central model
Artifact synthesize_step(Section& section, const Artifact& adapt);
TileSet load_tiles(const Artifact& synthesized, const JobContext& ctx);
// imported_tiles: tiles of the profiles of a file. dial_tiles: paired series with genes turned (see profiles.h). Neither takes part in what follows.
// ← split, adapt, yardstick, latent_yardstick, central model [, the file]
Artifact imported_tiles_step(Section& section, const Artifact& adapt, const std::filesystem::path& file);
Artifact dial_tiles_step(Section& section, const Artifact& adapt, const std::string& dial);
// foreign_tiles: tiles of an adapter from another institution, of this section's training spots or of the profiles of a file; takes no part in what follows
// either. ← split, the adapter's file, yardstick, latent_yardstick, central model [, the file of profiles]
Artifact foreign_tiles_step(Section& section, const Artifact& split, const std::filesystem::path& adapter, const std::filesystem::path& profiles);

// assess: quality report. ← split, synthesize, yardstick, follow [, other_section] (see assessment.h)
Artifact assess_step(Section& section, const Artifact& synthesized);

// places: features of all spots' surroundings. ← slide, spots, encoder
Artifact places_step(Section& section);
// synthetic_places: the same of the synthetic tiles. ← split, synthesize, places, encoder
Artifact synthetic_places_step(Section& section, const Artifact& synthesized, const Artifact& places);
// augmented_places: the same of as many augmented views of the training spots' own tiles, a control. ← split, synthesize, places, encoder
Artifact augmented_places_step(Section& section, const Artifact& synthesized, const Artifact& places);

// fit: the predictor. ← split, places [, synthesize, synthetic_places, augmented_places]
Artifact fit_step(Section& section, const Artifact& split, const std::optional<Artifact>& synthesized);
// evaluate: held-out figures of the predictor and of its controls. ← split, fit
Artifact evaluate_step(Section& section, const Artifact& fit);

// map_places: features on a grid over the tissue of a slide. ← slide, encoder
Artifact map_places_step(Section& section, const std::shared_ptr<const Slide>& slide, double pitch_um);
// predict: the dense map. ← split, fit, map_places
Artifact predict_step(Section& section, const Artifact& fit, const std::filesystem::path& other_slide);

nlohmann::json read_report(const Artifact& artifact);                 // report.json
void write_report(const std::filesystem::path& folder, const nlohmann::json& report);

}  // namespace c2l
