// Do the spots lie on the tissue? Compares the positions as they are with the eight orientations of the slide's frame and with the scale
// factors that go wrong in practice. Finds and says; changes nothing. Of the part of core/dataset that needs OpenSlide underneath.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/issue.h"
#include "slide/slide.h"
#include "slide/tissue.h"
#include "spatial/array_hints.h"
#include "spatial/registration.h"

namespace c2l {

// How well spots and tissue cover each other, shares of 1.
struct TissueFit {
    double on_tissue = 0;             // of the spots, the share that has tissue under it
    std::optional<double> off_glass;  // of the array's places without tissue, the share that lies on glass; none when the file lists none
    double covered = 0;               // of the slide's tissue, the share within reach of a spot
    double score() const;             // mean of on_tissue and off_glass, or the F-measure (β = 1/2) of on_tissue and covered
};

enum class AlignmentVerdict {
    Aligned,      // nothing better was found
    Misplaced,    // `proposal` fits clearly better
    NoFit,        // few spots lie on tissue and no candidate puts them there: another section's slide, or shifted spots
    CannotTell,   // no tissue, tissue everywhere, or too few spots to tell
};
const char* to_string(AlignmentVerdict v);  // "aligned", "misplaced", "no_fit", "cannot_tell"

struct AlignmentCandidate {
    Orientation orientation = Orientation::Identity;
    double scale = 1;
    std::string scale_reason;  // "positions in µm", …; empty for scale 1
    bool fitted = false;       // the scale was taken from the spots' distance or the tissue's extent: not a factor of any file, and less exact
    TissueFit fit;
    double rank() const;       // candidates are compared by it
};

struct Alignment {
    AlignmentVerdict verdict = AlignmentVerdict::CannotTell;
    TissueFit now;
    std::optional<AlignmentCandidate> proposal;  // when misplaced
    std::optional<AlignmentCandidate> second;    // the best of another orientation or scale, when it fits about as well as the proposal
};

// `spots` and the places of `hints` in level-0 pixels of the slide, as they are now. Scores at most some thousand spots, evenly drawn; blocks for milliseconds.
Alignment check_alignment(const SlideInfo& slide, const TissueMask& mask, const SpotTable& spots, const ArrayHints& hints = {});
// Every candidate, best first: for tests and for judging the rule.
std::vector<AlignmentCandidate> alignment_candidates(const SlideInfo& slide, const TissueMask& mask, const SpotTable& spots, const ArrayHints& hints = {});

// What the verdict means for the user; none when aligned. `advice` says how the proposal is taken up.
std::optional<Issue> issue_of(const Alignment& alignment, const std::string& advice);
std::string words_for(const AlignmentCandidate& candidate);  // "x and y swapped, positions × 5.81 (those of the hires picture)"

// The distance of neighbouring spots that the makers of an array give, µm, by the diameter of its spots: ST 200, Visium 100, bins their side.
std::optional<double> nominal_pitch_um(const SpotTable& spots);

}  // namespace c2l
