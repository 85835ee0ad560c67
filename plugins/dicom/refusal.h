// What the reader throws inside; reader.cpp turns it into a status and a sentence at the C interface.
#pragma once

#include <stdexcept>
#include <string>

#include "c2l_reader.h"

namespace dicom {

struct Refusal : std::runtime_error {
    Refusal(c2l_status why, const std::string& sentence) : std::runtime_error(sentence), status(why) {}
    c2l_status status;
};

struct NoSlide : Refusal {  // DICOM of another kind
    NoSlide() : Refusal(C2L_UNSUPPORTED, "is a DICOM file, but no whole-slide image; export the slide itself") {}
};

[[noreturn]] inline void damaged() { throw Refusal(C2L_DAMAGED, "is a damaged or incomplete DICOM file; copy or export it again"); }
[[noreturn]] inline void unsupported(const std::string& sentence) { throw Refusal(C2L_UNSUPPORTED, sentence); }

}  // namespace dicom
