// The parts of the assess step: who judges, by what, and the steps it rests on; private to core/pipeline.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/section.h"

namespace c2l {

// The encoder that figures are measured with; loaded when first needed, so that finished steps need no weights.
struct Judge {
    std::string id;  // content hash of its weights
    std::function<const TileEncoder&()> encoder;
};
// The section's tile encoder, which must be the one of the yardstick. Its encoder() throws Error(Mismatch) when it is not.
Judge own_judge(Section& section, const Artifact& yardstick);
// The central model's own latents, for the copy gate alone.
Judge latent_judge(Section& section);
// One that was not trained here (see outside_encoder_weights); nothing when there is none, or when it is `own` again, with the reason.
std::optional<Judge> outside_judge(Section& section, const Judge& own, std::string& reason);

Artifact yardstick_step(Section& section, const Artifact& split, bool with_tissue, const Judge& judge);
// latent_yardstick: the same in the central model's own latents, see latent_judge. ← split, central model
Artifact latent_yardstick_step(Section& section, const Artifact& split, bool with_tissue, const Judge& latents);

// other_section: features of tiles of another slide of the project. ← that slide, encoder. Nothing when there is no other slide that can be read.
struct OtherSection {
    Artifact features;
    std::string name;
};
std::optional<OtherSection> other_section_step(Section& section, const Judge& judge);

// held_out_tiles: `per_spot` tiles generated from the profile of each held-out spot (some of them, where they are many). ← split, adapt
// `sampling`: see sampling_of() of synthetic.h.
Artifact held_out_tiles_step(Section& section, const Artifact& adapted, const nlohmann::json& sampling, int per_spot);
// follow: do those tiles follow the genes? ← split, held_out_tiles, yardstick
Artifact follow_step(Section& section, const Artifact& held_out_tiles, const Artifact& yardstick, const Judge& judge);

// Where the generator learns without genes and where it is measured, clear of each other.
struct Ground {
    Places tissue;     // among the spots, no nearer to a held-out one than a training spot may be; none unless asked for, or where too little would be left to measure by
    Places reference;  // a dense grid, thinned; clear of the training spots too, and of the held-out ones
    bool held_out_included = false;  // where next to nothing else is left, tiles of held-out spots are in the reference
};
Ground ground_of(Section& section, const Artifact& split, const Split& parts, bool with_tissue);
// Whether a generator learnt from such tissue; those made before there was any did not.
bool learnt_tissue(const Artifact& adapted);

Places places_of(const PairedTiles& pairs, const std::vector<std::int64_t>& rows);
Places some_of(const Places& places, std::size_t most, std::uint64_t seed);  // at random
// Of the central model's size and field.
TileSet read_tiles(const TileReader& reader, const CentralInfo& tile, const Places& places, const char* step, const char* message, const JobContext& ctx);
std::vector<std::int64_t> evenly(std::int64_t n, std::int64_t most);  // some of `n` things, evenly over all of them

}  // namespace c2l
