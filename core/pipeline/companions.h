// Genes that go along with a turned one; private to core/pipeline.
//
// One gene alone hardly ever changes in tissue, and the generator has never seen it do so. What the others are expected to be, given the turned ones, is
// the conditional mean of a normal model of the training spots: x + C_TD C_DD⁻¹ (d − x_D), with their correlations C. Correlations that
// so few spots cannot tell from none (|r| < 2/√n) are taken as none.
#pragma once

#include <vector>

#include "base/matrix.h"
#include "pipeline/dial.h"

namespace c2l {

class Companions {
public:
    explicit Companions(Matrix train);  // standardised profiles of the training spots

    // Sets the turned genes of a standardised profile and moves those that go along.
    void turn(float* profile, const std::vector<DialSetting>& dial) const;

private:
    std::vector<double> correlations(std::int64_t gene) const;  // with every gene

    Matrix train_;  // centred, each column of length 1 (0 where it does not vary)
};

// The turned genes alone.
void turn_alone(float* profile, const std::vector<DialSetting>& dial);

}  // namespace c2l
