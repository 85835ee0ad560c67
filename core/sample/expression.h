// Counts that follow from the cells under each spot by a known model:
//   programme of a cell type → sum over the cells under the spot × a smooth spatial factor → library size → negative binomial.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sample/section.h"

namespace c2l {

struct SimulatedSpot {
    int column = 0, row = 0;  // place in the array, counted from 1
    double x = 0, y = 0;      // centre, µm
    std::array<int, kExpressingTypes> cells{};
};

// Spots of the array whose disc is mostly on tissue.
std::vector<SimulatedSpot> place_spots(const Section& section, double diameter_um, double pitch_um, std::uint64_t seed);

struct SimulatedCounts {
    std::vector<std::string> genes;  // GLA… SOL… STR… LYM… ADI…: programmes; HK…: in every cell; VAR…: spatial only; BG…: background
    std::vector<std::vector<std::int32_t>> counts;  // one row per spot
};

SimulatedCounts simulate_counts(const std::vector<SimulatedSpot>& spots, std::uint64_t seed);

}  // namespace c2l
