#include "sample/expression.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/random.h"

namespace c2l {
namespace {

struct Family {
    const char* prefix;
    int genes;
    int type;      // the cell type whose programme it is; -1: none
    double level;  // median share before scaling
    double leak;   // expression in cells of other types, relative
    double wave;   // strength of the spatial factor, in log units
};

constexpr std::array<Family, 8> kFamilies{{
    {"GLA", 40, static_cast<int>(CellType::Gland), 5.0, 0.04, 0.10},
    {"SOL", 40, static_cast<int>(CellType::Solid), 5.0, 0.04, 0.10},
    {"STR", 50, static_cast<int>(CellType::Fibroblast), 6.0, 0.05, 0.10},
    {"LYM", 40, static_cast<int>(CellType::Lymphocyte), 6.0, 0.03, 0.10},
    {"ADI", 30, static_cast<int>(CellType::Adipocyte), 9.0, 0.03, 0.10},
    {"HK", 60, -1, 5.0, 1.0, 0.05},
    {"VAR", 40, -1, 1.5, 1.0, 0.60},
    {"BG", 300, -1, 0.25, 1.0, 0.10},
}};

// Transcripts of one cell of each type, relative; an adipocyte is large though its nucleus is small.
constexpr std::array<double, kExpressingTypes> kTranscripts{1.3, 1.7, 0.7, 0.6, 3.0};
constexpr double kMedianDepth = 6000;  // counts a spot of 30 cell equivalents yields
constexpr double kDepthSpread = 0.35;  // sd of the log library size
constexpr double kAmbient = 0.04;      // share of transcripts that come from elsewhere on the section
constexpr double kDispersion = 0.15;   // of the negative binomial: variance = mean + dispersion × mean²

struct Gene {
    std::array<double, kExpressingTypes> share{};  // of a cell's transcripts
    double wave = 0;
    std::uint64_t wave_seed = 0;
};

std::vector<Gene> make_programmes(std::uint64_t seed, std::vector<std::string>& names) {
    Random random(derive_seed(seed, "programmes"));
    std::vector<Gene> genes;
    for (const Family& f : kFamilies) {
        for (int i = 1; i <= f.genes; ++i) {
            Gene g;
            const double level = f.level * std::exp(0.7 * random.normal());
            for (int t = 0; t < kExpressingTypes; ++t) {
                const auto k = static_cast<std::size_t>(t);
                g.share[k] = level * (t == f.type ? 1 : f.leak) * std::exp(0.25 * random.normal());
            }
            // The two kinds of epithelium have much in common.
            const bool gland = f.type == static_cast<int>(CellType::Gland), solid = f.type == static_cast<int>(CellType::Solid);
            if (gland) g.share[static_cast<std::size_t>(CellType::Solid)] = 0.30 * level;
            if (solid) g.share[static_cast<std::size_t>(CellType::Gland)] = 0.20 * level;
            g.wave = f.wave;
            g.wave_seed = random.bits();
            genes.push_back(g);
            std::string number = std::to_string(i);
            number.insert(0, (f.genes >= 100 ? 3 : 2) - number.size(), '0');
            names.push_back(f.prefix + number);
        }
    }
    for (std::size_t t = 0; t < kExpressingTypes; ++t) {
        double sum = 0;
        for (const Gene& g : genes) sum += g.share[t];
        for (Gene& g : genes) g.share[t] /= sum;
    }
    return genes;
}

}  // namespace

std::vector<SimulatedSpot> place_spots(const Section& section, double diameter_um, double pitch_um, std::uint64_t seed) {
    Random random(derive_seed(seed, "array"));
    const double x0 = random.uniform(0.3, 0.9) * pitch_um, y0 = random.uniform(0.3, 0.9) * pitch_um, radius = diameter_um / 2;
    std::vector<SimulatedSpot> spots;
    for (int row = 1; y0 + (row - 1) * pitch_um + radius < section.height(); ++row) {
        for (int column = 1; x0 + (column - 1) * pitch_um + radius < section.width(); ++column) {
            SimulatedSpot s{
                column, row, x0 + (column - 1) * pitch_um + 2 * random.normal(), y0 + (row - 1) * pitch_um + 2 * random.normal(), {}};
            int on = 0, all = 0;
            for (double dy = -radius; dy <= radius; dy += 10)
                for (double dx = -radius; dx <= radius; dx += 10)
                    if (dx * dx + dy * dy <= radius * radius) {
                        ++all;
                        on += section.at(static_cast<float>(s.x + dx), static_cast<float>(s.y + dy)).tissue > 0;
                    }
            if (on >= 0.8 * all) spots.push_back(s);
        }
    }
    const auto& cells = section.cells();
    for (SimulatedSpot& s : spots) {
        auto c = std::lower_bound(cells.begin(), cells.end(), s.y - radius, [](const Cell& cell, double y) { return cell.y < y; });
        for (; c != cells.end() && c->y <= s.y + radius; ++c)
            if (c->type != CellType::Erythrocyte && std::hypot(c->x - s.x, c->y - s.y) <= radius)
                ++s.cells[static_cast<std::size_t>(c->type)];
    }
    return spots;
}

SimulatedCounts simulate_counts(const std::vector<SimulatedSpot>& spots, std::uint64_t seed) {
    SimulatedCounts result;
    const std::vector<Gene> genes = make_programmes(seed, result.genes);
    std::vector<double> ambient(genes.size(), 0);
    for (std::size_t g = 0; g < genes.size(); ++g)
        ambient[g] = std::accumulate(genes[g].share.begin(), genes[g].share.end(), 0.0) / kExpressingTypes;

    for (const SimulatedSpot& s : spots) {
        Random random(derive_seed(seed, "counts", static_cast<std::uint64_t>(s.row) * 100000 + static_cast<std::uint64_t>(s.column)));
        std::array<double, kExpressingTypes> weight{};
        double total = 0;
        for (std::size_t t = 0; t < kExpressingTypes; ++t) total += weight[t] = s.cells[t] * kTranscripts[t];
        // Capture saturates: twice the cells give less than twice the counts.
        const double library = kMedianDepth * std::sqrt((total + 1) / 30) * std::exp(kDepthSpread * random.normal());
        std::vector<std::int32_t> row;
        row.reserve(genes.size());
        for (std::size_t g = 0; g < genes.size(); ++g) {
            double share = ambient[g];
            if (total > 0) {
                share *= kAmbient;
                for (std::size_t t = 0; t < kExpressingTypes; ++t) share += (1 - kAmbient) * weight[t] / total * genes[g].share[t];
            }
            const Noise wave(genes[g].wave_seed);
            const double mean =
                library * share * std::exp(genes[g].wave * 2 * wave(static_cast<float>(s.x / 900), static_cast<float>(s.y / 900)));
            row.push_back(static_cast<std::int32_t>(random.poisson(mean * kDispersion * random.gamma(1 / kDispersion))));
        }
        result.counts.push_back(std::move(row));
    }
    return result;
}

}  // namespace c2l
