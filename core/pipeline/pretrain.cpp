#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "pipeline/command_table.h"
#include "pipeline/params.h"
#include "pipeline/training_tiles.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

std::vector<fs::path> paths_of(const json& params, const char* name) {
    std::vector<fs::path> out;
    for (const json& item : params.at(name)) out.emplace_back(item.get<std::string>());
    return out;
}

// The model card with what the tiles were cut from.
std::string card_of(const json& params, const json& origin) {
    json card = json::object();
    if (const auto file = path_of(params, "card"); !file.empty()) {
        card = json::parse(read_file(file, 1 << 20), nullptr, false);
        if (!card.is_object()) throw Error(ErrorCode::BadInput, "is not a JSON object; write the model card as one", file);
    }
    card["tiles_from"] = origin;
    card["tile_um"] = kTrainingTileUm;
    return card.dump();
}

// One work folder for each choice of data and parameters, so that checkpoints of another training are never gone on from.
fs::path work_of(const json& params, const fs::path& out) {
    if (const auto given = path_of(params, "work"); !given.empty()) return given;
    json relevant = params;
    for (const char* name : {"output", "work", "threads", "device", "card"}) relevant.erase(name);
    return out.string() + ".work-" + sha256_hex(relevant.dump()).substr(0, 12);
}

json run_pretrain(const json& params, const JobContext& ctx) {
    const fs::path out = path_of(params, "output");
    PretrainParams training;
    training.preset = params.at("preset");
    training.autoencoder_steps = params.at("autoencoder_steps");
    training.encoder_steps = params.at("encoder_steps");
    training.denoiser_steps = params.at("denoiser_steps");
    training.batch = params.at("batch");
    training.learning_rate = params.at("learning_rate");
    training.bf16 = !params.at("fp32").get<bool>();
    training.seed = derive_seed(seed_of(params), "pretrain");
    training.compute = compute_of(params);
    use_device(training.compute);
    const fs::path work = work_of(params, out);

    TileSources sources;
    sources.slides = paths_of(params, "slides");
    sources.folders = paths_of(params, "tiles");
    sources.exclude = params.at("exclude").get<std::vector<std::string>>();
    sources.slide_mpp = number_of(params, "slide_mpp").value_or(0);
    sources.folder_mpp = params.at("tiles_mpp");
    sources.count = params.at("tile_count");
    sources.seed = seed_of(params);
    sources.pyramid_cache = work / "pyramids";
    const EtaClock clock;
    reset_peak_memory();
    const TrainingTiles cut = cut_training_tiles(sources, ctx);
    training.card_json = card_of(params, cut.origin);
    pretrain(cut.tiles, training, work, out, ctx);
    return {{"weights", out.string()}, {"sha256", sha256_file(out)}, {"tiles", cut.tiles.count()}, {"tiles_from", cut.origin},
            {"description", json::parse(describe_weights(out))}, {"seconds", clock.elapsed_s()}, {"peak_memory_bytes", peak_memory_bytes()}};
}

}  // namespace

Command pretrain_command() {
    const PretrainParams standard;
    const auto number = [](std::string name, ParamType type, json fallback, double low, double high, std::string help, std::string unit = {}) {
        return Param{.name = std::move(name), .type = type, .default_value = std::move(fallback), .help = std::move(help), .unit = std::move(unit), .low = low, .high = high, .choices = {}, .letter = {}};
    };
    const auto text = [](std::string name, ParamType type, json fallback, std::string help) {
        return Param{.name = std::move(name), .type = type, .default_value = std::move(fallback), .help = std::move(help), .unit = {}, .choices = {}, .letter = {}};
    };
    Param preset = text("preset", ParamType::Choice, "tiny", "size of the model");
    preset.choices = {"tiny"};
    Param output = text("output", ParamType::Path, nullptr, "where the weights go (*.safetensors)");
    output.letter = "o";
    output.required = true;
    const Params own = {text("slides", ParamType::Paths, json::array(), "slides to learn from"),
                        text("tiles", ParamType::Paths, json::array(), "folders of images to learn from; a groups.csv names groups for --exclude"),
                        text("exclude", ParamType::Paths, json::array(), "file names or groups to leave out"),
                        number("slide_mpp", ParamType::Number, nullptr, 0.01, 100, "µm per pixel of slides that do not say", "µm"),
                        number("tiles_mpp", ParamType::Number, 0.5, 0.01, 100, "µm per pixel of the images in folders", "µm"),
                        number("tile_count", ParamType::Integer, 12000, 64, 200000, "tiles to cut", "tiles"),
                        preset,
                        number("autoencoder_steps", ParamType::Integer, standard.autoencoder_steps, 0, 1e8, "training steps of the autoencoder", "steps"),
                        number("encoder_steps", ParamType::Integer, standard.encoder_steps, 0, 1e8, "training steps of the tile encoder", "steps"),
                        number("denoiser_steps", ParamType::Integer, standard.denoiser_steps, 0, 1e8, "training steps of the denoiser", "steps"),
                        number("batch", ParamType::Integer, standard.batch, 1, 65536, "tiles in a training step", "tiles"),
                        number("learning_rate", ParamType::Number, standard.learning_rate, 1e-8, 1, "step size of the optimiser"),
                        text("fp32", ParamType::Flag, false, "never use bfloat16"),
                        text("card", ParamType::Path, nullptr, "a JSON file with data, licences and attribution for the model card"),
                        text("work", ParamType::Path, nullptr, "folder for checkpoints; the same command goes on from there"),
                        output};
    return {"pretrain", "train a central model: autoencoder, tile encoder and denoiser", own + compute_params(), run_pretrain, {}};
}

}  // namespace c2l
