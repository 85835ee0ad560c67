#include "base/provenance.h"

#include "base/hash.h"

#ifndef C2L_VERSION
#define C2L_VERSION "0"
#endif

namespace c2l {

std::string Provenance::id() const {
    Sha256 hash;
    auto field = [&](const std::string& text) { hash.update(std::to_string(text.size()) + ":" + text); };
    field(step);
    field(params);
    for (const auto& input : inputs) field(input);
    field(std::to_string(seed));
    return hash.hex();
}

const char* program_version() { return C2L_VERSION; }

}  // namespace c2l
