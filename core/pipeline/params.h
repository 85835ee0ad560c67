// Groups of parameters that several commands share; private to core/pipeline.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "generate/generate.h"
#include "pipeline/command.h"

namespace c2l {

using Params = std::vector<Param>;
Params operator+(Params a, const Params& b);

Params project_params();     // project (positional)
Params compute_params();     // seed, device, threads
Params model_params();       // central, encoder
Params split_params();       // spots, fraction, spot_list, test_blocks, …
Params adapt_params();       // genes, gene_list, adapt_steps, …
Params sample_params();      // number, interpolate, sampler_steps, guidance, …
Param companions_param();     // of a dial
Params assess_params();      // seeds_per_spot, outside_encoder
Params fit_params();         // target, eval_genes, synthetic_weight, …
Params evaluate_params();    // repeats
Params predict_params();     // pitch, …

// The named members only: what a step's provenance records.
nlohmann::json pick(const nlohmann::json& params, const std::vector<std::string>& names);

std::filesystem::path path_of(const nlohmann::json& params, const char* name);  // empty when null
std::optional<double> number_of(const nlohmann::json& params, const char* name);
ComputeParams compute_of(const nlohmann::json& params);
std::uint64_t seed_of(const nlohmann::json& params);
// Non-empty lines of a text file, without blanks at their ends; the first column of a CSV or TSV.
std::vector<std::string> read_list(const std::filesystem::path& path);

}  // namespace c2l
