// How fluent the viewer is: a scripted path over a slide, offscreen, in a view of 1920 × 1080 pixels.
#pragma once

#include "options.h"

namespace c2l::ui {

// Blocks (about 20 s); prints the figures, as JSON if asked. Returns the program's exit code. What is measured:
//  - frame: all that the GUI thread does between two ticks of 60 Hz: tiles that arrived, the move, the painting;
//  - first sharp: from opening the file (converting or hashing included) until the whole slide is shown at its proper level;
//  - sharp after stop: from the end of a movement until nothing coarse is left;
//  - tiles per second: tiles read and made ready while the view jumps from place to place at full resolution.
//  - recolour: from another gene's values of spots or bins over it until they are painted.
int benchmark_view(const StudioOptions& options);

}  // namespace c2l::ui
