// Genes that go along with a turned one; private to core/pipeline.
//
// One gene alone hardly ever changes in tissue, and the generator has never seen it do so. What the others are expected to be, given the turned ones, is
// the conditional mean of a normal model of the training spots: x + C_TD C_DD⁻¹ (d − x_D), with their correlations C. Correlations that so few
// spots cannot tell from none are taken as none: below Fisher's 3.5 standard errors, which one unrelated gene in two thousand passes. A gene
// never moves below no expression. Correlation is of expression per 10,000 counts; whatever depth still leaves in it moves along.
#pragma once

#include <vector>

#include "base/matrix.h"
#include "dataset/tiles.h"
#include "pipeline/dial.h"

namespace c2l {

class Companions {
public:
    // Standardised profiles of the training spots; `lowest`: the standardised value of no expression for each gene, no bound when empty.
    explicit Companions(Matrix train, std::vector<float> lowest = {});

    // Sets the turned genes of a standardised profile and moves those that go along; tells how many did.
    std::int64_t turn(float* profile, const std::vector<DialSetting>& dial) const;

private:
    std::vector<double> correlations(std::int64_t gene) const;  // with every gene

    Matrix train_;  // centred, each column of length 1 (0 where it does not vary)
    std::vector<float> lowest_;
};

// The standardised value of no expression for each gene of a panel.
std::vector<float> lowest_of(const GenePanel& panel);

// The turned genes alone.
void turn_alone(float* profile, const std::vector<DialSetting>& dial);

}  // namespace c2l
