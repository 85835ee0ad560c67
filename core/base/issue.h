// A recoverable finding (spots off tissue, missing µm/px, a corrupt tile) that travels inside a result.
#pragma once

#include <string>

namespace c2l {

enum class Severity { Info, Warning, Error };

struct Issue {
    Severity severity = Severity::Warning;
    std::string text;      // for the user: what, and what to do
    std::string location;  // a barcode, a file, or "x,y" in level-0 pixels; empty when it concerns the whole
};

}  // namespace c2l
