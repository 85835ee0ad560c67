// One tile now, for the gene dial: the profile of a training spot with some genes turned up or down, at a fixed seed.
#include <algorithm>
#include <future>
#include <memory>
#include <mutex>

#include "base/error.h"
#include "generate/generate.h"
#include "pipeline/command_table.h"
#include "pipeline/companions.h"
#include "pipeline/credits.h"
#include "pipeline/dial.h"
#include "pipeline/params.h"
#include "pipeline/picture.h"
#include "pipeline/profile_range.h"
#include "pipeline/steps.h"
#include "pipeline/synthetic.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// All that a tile needs, kept between two requests: reading it takes longer than drawing.
struct Loaded {
    std::string key;
    Generator generator;
    std::vector<std::string> barcodes;
    Matrix profiles;  // standardised, a row for each barcode
    ProfileRange range;
    Companions companions;
    json sampling;    // what suits the central model
    double tile_um;
    json central;     // its licence and attribution
};

std::mutex loaded_mutex;                 // one tile at a time
std::unique_ptr<const Loaded> loaded_;   // one model at most

// A file by what the system says of it: hashing the weights at each turn of the dial would take as long as the tile.
std::string file_key(const fs::path& path) {
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    const auto time = fs::last_write_time(path, failed);
    return fs::absolute(path).string() + '\n' + std::to_string(size) + '\n' + std::to_string(time.time_since_epoch().count()) + '\n';
}

// Artifacts are named by their content and never change; spots and scale are named by the split, weights by their file.
const Loaded& load(Section& section, const Artifact& adapted) {
    const Artifact split = upstream(section.project(), adapted, "split");
    section.go_on_from(split);
    const ComputeParams compute = compute_of(section.params());
    const std::string key = adapted.folder.string() + '\n' + adapted.id + '\n' + file_key(section.central()) + compute.device + '\n' + std::to_string(compute.threads) + '\n' +
                            section.pairing_params().dump();
    if (loaded_ && loaded_->key == key) return *loaded_;
    loaded_.reset();  // never two models at once
    const fs::path adapter = adapted.folder / "adapter.safetensors";
    // Weights and spots are read side by side.
    auto reading = std::async(std::launch::async, [central = section.central(), adapter, compute] { return Generator(central, adapter, compute); });
    const PairedTiles& pairs = *section.pairs();
    std::vector<std::int64_t> all(pairs.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
    const Split parts = load_split(section, split);
    Generator generator = reading.get();
    const GenePanel panel = generator.panel();
    loaded_ = std::make_unique<const Loaded>(Loaded{key, std::move(generator), pairs.barcodes, panel.standardised(pairs, all),
                                                    ProfileRange(adapter, panel.standardised(pairs, parts.train.rows())),
                                                    Companions(panel.standardised(pairs, parts.train.rows()), lowest_of(panel)), sampling_of(json::object(), section.central()),
                                                    section.central_info().tile_um, section.central_record()});
    return *loaded_;
}

Matrix profile_of(const Loaded& loaded, const std::string& spot, const fs::path& project) {
    Matrix profile(1, loaded.profiles.cols);  // the mean of the training spots
    if (spot.empty()) return profile;
    const auto found = std::find(loaded.barcodes.begin(), loaded.barcodes.end(), spot);
    if (found == loaded.barcodes.end()) throw Error(ErrorCode::NotFound, "there is no spot '" + spot + "' in use on this section", project);
    std::copy_n(loaded.profiles.row(found - loaded.barcodes.begin()), loaded.profiles.cols, profile.row(0));
    return profile;
}

// Where each turned gene stands in the profile and what was seen of it; `inside`: whether all stay within that.
json describe(const Matrix& profile, const std::vector<DialSetting>& dial, const ProfileRange& range, bool& inside) {
    json turned = json::array();
    for (const DialSetting& setting : dial) {
        const float lowest = range.lowest(setting.column), highest = range.highest(setting.column);
        turned.push_back({{"gene", setting.gene}, {"sd", setting.sd}, {"own_sd", profile.at(0, setting.column)}, {"lowest_sd", lowest}, {"highest_sd", highest}});
        inside = inside && setting.sd >= lowest && setting.sd <= highest;
    }
    return turned;
}

json run_sample(const json& params, const JobContext& ctx) {
    const std::lock_guard lock(loaded_mutex);
    const auto project = Project::open(path_of(params, "project"), Project::Mode::Read);
    Section section(*project, params, ctx);
    const Artifact adapted = section.need("adapt", "adapt");
    const Loaded& loaded = load(section, adapted);
    json sampling = loaded.sampling;
    for (const auto& [name, value] : params.items())
        if (sampling.contains(name) && !value.is_null() && value != "auto") sampling[name] = value;
    if (sampling["sampler"] != loaded.sampling["sampler"] && params.at("sampler_steps").is_null()) sampling["sampler_steps"] = default_steps(sampling["sampler"]);

    const GenePanel& panel = loaded.generator.panel();
    Matrix profile = profile_of(loaded, params.at("spot"), project->path());
    bool inside = true;
    const auto dial = parse_dial(params.at("dial"), panel);
    const json turned = describe(profile, dial, loaded.range, inside);
    std::int64_t companions = 0;
    if (params.at("companions").get<bool>()) companions = loaded.companions.turn(profile.row(0), dial);
    else turn_alone(profile.row(0), dial);
    inside = inside && loaded.range.place(profile.row(0)).inside();
    const TileSet tile = loaded.generator.draw(profile, {section.seed()}, sampler_of(sampling, compute_of(params)), ctx);
    json out = {{"png_base64", base64(encode_png(tile.image(0), "Synthetic tissue tile made by C2L Studio; not a patient's tissue" + and_credits(loaded.central)))},
                {"width", tile.size}, {"height", tile.size}, {"tile_um", loaded.tile_um}, {"seed", section.seed()}, {"adapter", adapted.id}, {"central", loaded.central}, {"turned", turned},
                {"companions", companions}, {"in_range", inside}};
    if (params.at("list").get<bool>()) {
        out["genes"] = panel.genes;
        out["spots"] = loaded.barcodes;
    }
    return out;
}

}  // namespace

Command sample_command() {
    Params sampler;
    for (const Param& param : sample_params())
        for (const char* name : {"sampler", "sampler_steps", "guidance", "guidance_against", "guidance_from", "guidance_to"})
            if (param.name == name) {
                sampler.push_back(param);
                sampler.back().default_value = param.type == ParamType::Choice ? json("auto") : json();
            }
    const auto text = [](std::string name, std::string help) {
        return Param{.name = std::move(name), .type = ParamType::Text, .default_value = "", .help = std::move(help), .unit = {}, .choices = {}, .letter = {}};
    };
    Params own = {text("spot", "barcode of the spot whose profile is drawn from; the mean profile when empty"),
                  text("dial", "genes set to other values, all together: GENE=STANDARD_DEVIATIONS,…"), companions_param(),
                  {.name = "list", .type = ParamType::Flag, .default_value = false, .help = "also name the genes and the spots that there are", .unit = {}, .choices = {}, .letter = {}}};
    Command command{"sample", "one synthetic tile now, as PNG in base64", project_params() + own + sampler + model_params() + compute_params(), run_sample, {}};
    command.worker_only = true;
    return command;
}

}  // namespace c2l
