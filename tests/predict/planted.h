// A section with a known relation between looks and expression.
#pragma once

#include <cmath>
#include <vector>

#include "base/random.h"
#include "predict/predict.h"

namespace c2l::test {

struct Planted {
    PlaceFeatures places;
    Matrix targets;  // what a measurement shows: signal + noise
    Matrix signal;
    std::vector<float> depth;
};

// Spots on a square grid of 200 µm; each feature is a smooth field plus its own noise; every gene mixes a few features.
inline Planted plant(int side, int genes, double noise, std::uint64_t seed, int dims = 6) {
    Random random(seed);
    const std::int64_t n = std::int64_t{side} * side;
    Planted p;
    p.places.names = {"tile", "context", "position"};
    p.places.blocks = {Matrix(n, dims), Matrix(n, 3), Matrix(n, 2)};
    p.targets = p.signal = Matrix(n, genes);
    std::vector<double> phase(static_cast<std::size_t>(dims)), mix(static_cast<std::size_t>(dims * genes));
    Random fixed(99);  // the relation itself is the same for every seed
    for (auto& v : phase) v = fixed.uniform(0, 6.28);
    for (auto& v : mix) v = fixed.normal();
    for (std::int64_t i = 0; i < n; ++i) {
        const double x = static_cast<double>(i % side), y = static_cast<double>(i / side);
        for (int d = 0; d < dims; ++d)
            p.places.blocks[0].at(i, d) =
                static_cast<float>(std::sin(0.5 * x + phase[static_cast<std::size_t>(d)]) * std::cos(0.4 * y + d) + random.normal());
        for (int d = 0; d < 3; ++d) p.places.blocks[1].at(i, d) = static_cast<float>(random.normal());
        p.places.blocks[2].at(i, 0) = static_cast<float>(200 * x);
        p.places.blocks[2].at(i, 1) = static_cast<float>(200 * y);
        for (int g = 0; g < genes; ++g) {
            double s = 0;
            for (int d = 0; d < dims; ++d) s += mix[static_cast<std::size_t>(g * dims + d)] * p.places.blocks[0].at(i, d) / std::sqrt(dims);
            p.signal.at(i, g) = static_cast<float>(s);
            p.targets.at(i, g) = static_cast<float>(s + noise * random.normal());
        }
        p.depth.push_back(static_cast<float>(random.uniform(500, 5000)));
    }
    return p;
}

inline GenePanel panel_of(int genes) {
    GenePanel panel;
    for (int g = 0; g < genes; ++g) panel.genes.push_back("gene" + std::to_string(g));
    panel.mean.assign(static_cast<std::size_t>(genes), 0);
    panel.sd.assign(static_cast<std::size_t>(genes), 1);
    return panel;
}

inline Matrix rows_of(const Matrix& m, const std::vector<std::int64_t>& rows) {
    Matrix out(static_cast<std::int64_t>(rows.size()), m.cols);
    for (std::size_t i = 0; i < rows.size(); ++i) std::copy_n(m.row(rows[i]), m.cols, out.row(static_cast<std::int64_t>(i)));
    return out;
}

inline FitInputs inputs_of(const Planted& p, const std::vector<std::int64_t>& rows) {
    FitInputs in;
    in.real = p.places.select(rows);
    in.targets = rows_of(p.targets, rows);
    for (const auto r : rows) in.depth.push_back(p.depth[static_cast<std::size_t>(r)]);
    return in;
}

// The left part of the grid, and the right part.
inline std::vector<std::int64_t> columns(int side, int from, int to) {
    std::vector<std::int64_t> rows;
    for (std::int64_t i = 0; i < std::int64_t{side} * side; ++i)
        if (i % side >= from && i % side < to) rows.push_back(i);
    return rows;
}

}  // namespace c2l::test
