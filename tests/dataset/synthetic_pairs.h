// A section of spots on a square grid, 200 µm apart, with Poisson counts that vary over the tissue.
#pragma once

#include <cmath>
#include <memory>

#include "base/random.h"
#include "dataset/tiles.h"

namespace c2l::test {

inline std::shared_ptr<PairedTiles> synthetic_pairs(int side, int genes, std::uint64_t seed) {
    auto p = std::make_shared<PairedTiles>();
    p->mpp = 0.5;
    p->pitch_um = 200;
    Random random(seed);
    for (int g = 0; g < genes; ++g) p->expression.genes.push_back("G" + std::to_string(g));
    for (int row = 0; row < side; ++row)
        for (int col = 0; col < side; ++col) {
            p->barcodes.push_back(std::to_string(col) + "x" + std::to_string(row));
            p->x.push_back(400.0 * col + random.uniform(-5, 5));
            p->y.push_back(400.0 * row + random.uniform(-5, 5));
            for (int g = 0; g < genes; ++g) {  // every tenth gene follows the tissue
                const double trend = g % 10 == 0 ? std::exp(1.5 * std::sin(col * 6.0 / side + g)) : 1.0;
                const auto n = random.poisson((1 + g % 7) * trend);
                if (n == 0) continue;
                p->expression.indices.push_back(g);
                p->expression.values.push_back(static_cast<float>(n));
            }
            p->expression.indptr.push_back(static_cast<std::int64_t>(p->expression.indices.size()));
        }
    p->depth = p->expression.row_sums();
    return p;
}

}  // namespace c2l::test
