// One tile now, for the gene dial: the profile of a training spot with some genes turned up or down, at a fixed seed.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/error.h"
#include "generate/generate.h"
#include "pipeline/command_table.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"

namespace c2l {

using nlohmann::json;

namespace {

// "ERBB2=2.5,KRT8=-1": standard deviations from the mean of the training spots.
std::vector<std::pair<std::string, float>> parse_dial(const std::string& text) {
    std::vector<std::pair<std::string, float>> dial;
    std::istringstream items(text);
    for (std::string item; std::getline(items, item, ',');) {
        const auto equal = item.find('=');
        try {
            if (equal == std::string::npos) throw std::invalid_argument(item);
            const float value = std::stof(item.substr(equal + 1));
            if (!(std::abs(value) <= 10)) throw std::invalid_argument(item);
            dial.emplace_back(item.substr(0, equal), value);
        } catch (const std::logic_error&) {
            throw Error(ErrorCode::BadInput, "'" + item + "' is not of the form GENE=NUMBER with a number between -10 and 10");
        }
    }
    return dial;
}

json run_sample(const json& params, const JobContext& ctx) {
    const auto project = Project::open(path_of(params, "project"), Project::Mode::Read);
    Section section(*project, params, ctx);
    const Artifact adapted = section.need("adapt", "adapt");
    const Artifact split = upstream(*project, adapted, "split");
    section.go_on_from(split);
    const auto adapter = adapted.folder / "adapter.safetensors";
    const GenePanel panel = adapter_panel(adapter);
    Matrix profile(1, static_cast<std::int64_t>(panel.genes.size()));  // the mean of the training spots
    const std::string spot = params.at("spot");
    if (!spot.empty()) {
        const PairedTiles& pairs = *section.pairs();
        const auto found = std::find(pairs.barcodes.begin(), pairs.barcodes.end(), spot);
        if (found == pairs.barcodes.end()) throw Error(ErrorCode::NotFound, "there is no spot '" + spot + "' in use on this section", project->path());
        profile = panel.standardised(pairs, {found - pairs.barcodes.begin()});
    }
    for (const auto& [gene, value] : parse_dial(params.at("dial"))) {
        const auto found = std::find(panel.genes.begin(), panel.genes.end(), gene);
        if (found == panel.genes.end()) throw Error(ErrorCode::NotFound, "the generator was not adapted with the gene '" + gene + "'", adapter);
        profile.at(0, found - panel.genes.begin()) = value;
    }
    const TileSet tile = synthesize(section.central(), adapter, profile, {section.seed()}, sampler_of(params, compute_of(params)), ctx);
    return {{"png_base64", base64(encode_png(tile.image(0), "Synthetic tissue tile made by C2L Studio; not a patient's tissue"))},
            {"width", tile.size}, {"height", tile.size}, {"seed", section.seed()}, {"adapter", adapted.id}};
}

}  // namespace

Command sample_command() {
    Params sampler;
    for (const Param& param : sample_params())
        if (param.name == "sampler" || param.name == "sampler_steps" || param.name == "guidance") sampler.push_back(param);
    const auto text = [](std::string name, std::string help) {
        return Param{.name = std::move(name), .type = ParamType::Text, .default_value = "", .help = std::move(help), .unit = {}, .choices = {}, .letter = {}};
    };
    Command command{"sample", "one synthetic tile now, as PNG in base64",
                    project_params() + Params{text("spot", "barcode of the spot whose profile is drawn from; the mean profile when empty"),
                                              text("dial", "genes set to other values: GENE=STANDARD_DEVIATIONS,…")} + sampler + model_params() + compute_params(),
                    run_sample, {}};
    command.worker_only = true;
    return command;
}

}  // namespace c2l
