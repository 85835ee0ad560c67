#include "pipeline/params.h"

#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"

namespace c2l {

using nlohmann::json;

namespace {

Param whole(std::string name, json fallback, double low, double high, std::string help, std::string unit = {}) {
    return {.name = std::move(name), .type = ParamType::Integer, .default_value = std::move(fallback), .help = std::move(help),
            .unit = std::move(unit), .low = low, .high = high, .choices = {}, .letter = {}};
}

Param real(std::string name, json fallback, double low, double high, std::string help, std::string unit = {}) {
    Param p = whole(std::move(name), std::move(fallback), low, high, std::move(help), std::move(unit));
    p.type = ParamType::Number;
    return p;
}

Param text(std::string name, json fallback, std::string help, ParamType type = ParamType::Text) {
    return {.name = std::move(name), .type = type, .default_value = std::move(fallback), .help = std::move(help), .unit = {}, .choices = {}, .letter = {}};
}

Param choice(std::string name, std::vector<std::string> choices, std::string help) {
    Param p = text(std::move(name), choices.front(), std::move(help), ParamType::Choice);
    p.choices = std::move(choices);
    return p;
}

}  // namespace

Params operator+(Params a, const Params& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

Params project_params() {
    Param project = text("project", nullptr, "the project file (*.c2l)", ParamType::Path);
    project.positional = project.required = true;
    return {project, text("section", "", "which section of the project: a slide's file name or number; the first one with spots when empty")};
}

Params compute_params() {
    return {whole("seed", nullptr, 0, 9007199254740991.0, "seed of everything random; the same seed gives the same result; that of the earlier steps, else 0"),
            text("device", "auto", "auto, cpu, cuda or cuda:N"),
            whole("threads", 0, 0, 1024, "CPU threads; 0: all cores")};
}

Params model_params() {
    return {text("central", nullptr, "weights of the central model, or the folder of a model pack; the shipped one when not given", ParamType::Path),
            text("encoder", nullptr, "weights of the tile encoder; the central model's own when not given, the shipped one for a model pack", ParamType::Path)};
}

Params split_params() {
    return {whole("spots", 0, 0, 1e7, "how many spots to learn from, spread evenly over the tissue; 0: all that are not held out", "spots"),
            real("fraction", nullptr, 0.001, 1, "the share of the spots to learn from, instead of their number"),
            text("spot_list", nullptr, "a text file with the barcodes of the spots to learn from", ParamType::Path),
            whole("test_blocks", 2, 1, 100, "compact blocks of spots that are held out", "blocks"),
            real("test_fraction", 0.27, 0.05, 0.9, "share of the spots that is held out"),
            real("margin", 1.8, 0, 100, "no training spot is nearer than this to a held-out one", "spot pitches"),
            real("min_counts", nullptr, 0, 1e9, "spots with fewer counts in all are left out; 200 when not given, 20 for bins, beads and cells under 25 µm", "counts")};
}

Params adapt_params() {
    return {whole("genes", 250, 1, 20000, "variable genes that condition the generator", "genes"),
            text("gene_list", nullptr, "a text file with the genes to use instead", ParamType::Path),
            whole("adapt_steps", 600, 1, 1e6, "training steps of the local adaptation", "steps"),
            whole("adapt_batch", 32, 4, 1024, "tiles in a training step", "tiles"),
            real("learning_rate", 2e-3, 1e-8, 1, "step size of the optimiser"),
            real("gene_dropout", 0.1, 0, 1, "share of the tiles with genes that are learnt without them; what --guidance-against none leads away from"),
            whole("patience", 6, 1, 1e6, "checks without gain before the training stops early"),
            {.name = "tissue", .type = ParamType::Flag, .default_value = false,
             .help = "learn the look of the section from its tissue between the spots too, without genes: nearer to the section, less varied, follows the genes a little less", .unit = {}, .choices = {}, .letter = {}},
            {.name = "full", .type = ParamType::Flag, .default_value = false, .help = "tune every weight instead of the modulation adapter",
             .unit = {}, .choices = {}, .letter = {}}};
}

Params sample_params() {
    Param number = whole("number", 0, 0, 1e7, "synthetic tiles in all; 0: four for each training spot", "tiles");
    number.letter = "n";
    return {number,
            real("interpolate", 0.75, 0, 1, "share of the rounds over the training spots in which profiles lie between two neighbours; the first round is of measured ones, unless it is 1"),
            choice("sampler", {"auto", "heun", "euler", "dpm++2m"}, "how the flow is integrated; auto: heun, for imported central models dpm++2m"),
            whole("sampler_steps", nullptr, 1, 1000, "steps of the sampler; when not given 10 for heun, 20 for the others", "steps"),
            real("guidance", nullptr, 0, 20, "how strongly the genes steer; 1: no guidance; when not given 3, for imported central models 2"),
            choice("guidance_against", {"auto", "mean", "none"}, "what guidance leads away from; mean: the training spots' mean profile, none: no genes at all; auto: mean"),
            real("guidance_from", 0.0, 0, 1, "guidance begins at this time of the flow; 0: noise, 1: image"),
            real("guidance_to", 0.9, 0, 1, "guidance ends at this time of the flow"),
            whole("sample_batch", 16, 1, 65536, "tiles sampled at once on a GPU; a CPU takes four, so that the same seed gives the same tile", "tiles")};
}

Param companions_param() {
    return {.name = "companions", .type = ParamType::Flag, .default_value = false,
            .help = "with a dial: genes that go along with the turned one among the training spots move with it, as far as it is expected of them", .unit = {}, .choices = {}, .letter = {}};
}

Params assess_params() {
    return {whole("seeds_per_spot", 2, 0, 100, "tiles drawn from the profile of each held-out spot, to see whether tiles follow genes; 0: none", "tiles"),
            text("outside_encoder", nullptr, "weights of a tile encoder trained elsewhere, for a second opinion; that of $C2L_SHARED when not given", ParamType::Path)};
}

Params fit_params() {
    return {choice("target", {"log1p_counts", "log1p_cp10k"}, "what the predictor predicts: log1p of raw counts (as HEST does) or of counts per 10,000; values as given stay so"),
            whole("eval_genes", 50, 1, 20000, "genes, chosen on the training spots, that the evaluation reports", "genes"),
            whole("map_genes", 1000, 1, 20000, "most variable genes that the map shows beside those of the evaluation and of --gene-list", "genes"),
            real("synthetic_weight", -1, -1, 100, "weight of a synthetic pair beside a real one; -1: chosen by inner cross-validation")};
}

Params evaluate_params() { return {whole("repeats", 40, 0, 1000, "further random block splits on which the real-only predictor is measured", "splits")}; }

Params predict_params() {
    return {real("pitch", nullptr, 1, 10000, "distance of the points of the map; half the spots' when not given", "µm"),
            real("min_tissue", 0.5, 0, 1, "share of tissue that a point of the map needs")};
}

json pick(const json& params, const std::vector<std::string>& names) {
    json out = json::object();
    for (const auto& name : names) out[name] = params.at(name);
    return out;
}

std::filesystem::path path_of(const json& params, const char* name) {
    const auto found = params.find(name);
    return found == params.end() || found->is_null() ? std::filesystem::path() : std::filesystem::path(found->get<std::string>());
}

std::optional<double> number_of(const json& params, const char* name) {
    const auto found = params.find(name);
    if (found == params.end() || found->is_null()) return std::nullopt;
    return found->get<double>();
}

ComputeParams compute_of(const json& params) { return {params.value("device", std::string("auto")), params.value("threads", 0)}; }

std::uint64_t seed_of(const json& params) {
    const auto found = params.find("seed");
    return found == params.end() || !found->is_number() ? 0 : found->get<std::uint64_t>();
}

std::vector<std::string> read_list(const std::filesystem::path& path) {
    std::istringstream text(read_file(path, std::uint64_t{64} << 20));
    std::vector<std::string> items;
    std::set<std::string> seen;
    for (std::string line; std::getline(text, line);) {
        line = line.substr(0, line.find_first_of(",\t\r"));
        const auto first = line.find_first_not_of(" \""), last = line.find_last_not_of(" \"");
        if (first == std::string::npos) continue;
        std::string item = line.substr(first, last - first + 1);
        if (seen.insert(item).second) items.push_back(std::move(item));
    }
    if (items.empty()) throw Error(ErrorCode::BadInput, "holds no names; write one in each line", path);
    return items;
}

}  // namespace c2l
