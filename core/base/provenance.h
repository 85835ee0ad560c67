// Where a result comes from. Its id is a hash of step, inputs, parameters and seed: equal ids mean equal results (on one
// device kind), which gives caching, resume and reproducibility.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace c2l {

struct Provenance {
    std::string step;                 // "adapt", "synthesize", …
    std::string params;               // canonical JSON object (sorted keys, no blanks)
    std::vector<std::string> inputs;  // content ids, in a fixed order
    std::uint64_t seed = 0;
    std::string program_version;      // not part of the id
    std::string device;               // "cpu", "cuda:0 NVIDIA H200"; not part of the id

    std::string id() const;  // 64 hexadecimal digits
};

const char* program_version();  // "0.1.0"

}  // namespace c2l
