// Gene profiles to draw tiles from, and where each comes from; private to core/pipeline.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "pipeline/dial.h"
#include "pipeline/recipe.h"
#include "spatial/spots.h"

namespace c2l {

// Row i is tile i. The table has its places and, in `obs` and `labels`, its origin: `kind` (measured, interpolated, edited, imported), `source`, `seed` …;
// its expression is left to whoever writes it.
struct ProfileSet {
    Matrix values;  // in the panel's unit
    std::vector<std::uint64_t> seeds;
    SpotData table;
    nlohmann::json report = nlohmann::json::object();  // goes into the step's report
    int columns = 8;                                   // of the contact sheet

    // One row more, but for its values. `source`: the spot or cell that the profile was taken from.
    void add(const std::string& kind, const std::string& source, double x, double y, std::uint64_t seed);
};

// Of training spots, and between them.
ProfileSet measured_profiles(const PairedTiles& pairs, const TrainTiles& train, const GenePanel& panel, const std::vector<TileRecipe>& recipes);

// A paired series: for each of `spots` training spots, evenly over all of them, its own profile and then each setting of the dial alone, all from one seed.
// `companions`: genes that go along with the turned one move with it.
ProfileSet dial_series(const PairedTiles& pairs, const TrainTiles& train, const GenePanel& panel, const std::vector<DialSetting>& dial, bool companions, std::int64_t spots,
                       std::uint64_t seed);

// Column of each gene of the panel in an expression, -1 where it is missing. Missing ones are told in the report and in an issue; more than half of them
// missing is an Error(Mismatch) that ends with the advice. `file`: where the expression came from.
std::vector<std::int64_t> find_genes(const ExpressionMatrix& e, const GenePanel& panel, const std::filesystem::path& file, const char* advice, nlohmann::json& report,
                                     std::vector<Issue>& issues);

// Cells or spots of an h5ad, genes found by name: counts are brought to the panel's unit by their own totals; log1p values by theirs where these are all
// alike, else taken as they are. A gene that is missing stands at its mean; more than half missing is an Error(Mismatch). `number` tiles go round the rows
// (fewer: evenly over them; 0: one each). `measured_genes`: how many genes the section has, to tell a table of few genes by.
ProfileSet imported_profiles(const std::filesystem::path& file, const GenePanel& panel, std::int64_t number, std::uint64_t seed, std::int64_t measured_genes);

}  // namespace c2l
