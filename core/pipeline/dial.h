// Genes turned to other values; private to core/pipeline.
#pragma once

#include <string>
#include <vector>

#include "dataset/tiles.h"

namespace c2l {

struct DialSetting {
    std::string gene;
    std::int64_t column = 0;  // in the panel
    float sd = 0;             // standard deviations from the mean of the training spots
};

// "ERBB2=-1,0,2.5,KRT8=1": every value of every gene, in the order given. Throws Error(BadInput) for other text and Error(NotFound) for a gene that
// is not in the panel or does not vary in it.
std::vector<DialSetting> parse_dial(const std::string& text, const GenePanel& panel);

}  // namespace c2l
