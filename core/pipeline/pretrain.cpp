#include <cmath>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json_depth.h"
#include "base/random.h"
#include "generate/distributed.h"
#include "pipeline/command_table.h"
#include "pipeline/params.h"
#include "pipeline/training_tiles.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// Names of files may be of any bytes.
std::string dumped(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// What the tiles were cut from: the names of slides, which often are case numbers, only where the user says so.
json origin_for_card(const json& origin, bool names) {
    if (names || !origin.is_array()) return origin;
    std::uint64_t tiles = 0;
    for (const json& source : origin) tiles += source.at("tiles").get<std::uint64_t>();
    return {{"sources", origin.size()}, {"tiles", tiles}};
}

// The model card with what the tiles were cut from. Weights that go on from others stay under their terms, unless the given card states terms.
std::string card_of(const json& params, const json& origin, double tile_um) {
    json card = json::object();
    if (const auto file = path_of(params, "card"); !file.empty()) {
        const std::string text = read_file(file, 1 << 20);
        if (is_nested_deeper(text)) throw Error(ErrorCode::BadInput, "is nested deeper than any model card; write it flatter", file);
        card = json::parse(text, nullptr, false);
        if (!card.is_object()) throw Error(ErrorCode::BadInput, "is not a JSON object; write the model card as one", file);
    }
    if (const auto init = path_of(params, "init"); !init.empty()) {
        const CentralInfo parent = central_info(init);
        card["parent"] = {{"architecture", parent.architecture}, {"licence", parent.licence}, {"attribution", parent.attribution}};
        for (const auto& [key, inherited] : {std::pair{"licence", parent.licence}, {"attribution", parent.attribution}})
            if (!card.contains(key) && !inherited.empty()) card[key] = inherited;
    }
    card["tiles_from"] = origin_for_card(origin, params.at("name_sources"));
    card["tile_um"] = tile_um;
    return dumped(card);
}

// One work folder for each choice of data and parameters, so that checkpoints of another training are never gone on from.
fs::path work_of(const json& params, const fs::path& out) {
    if (const auto given = path_of(params, "work"); !given.empty()) return given;
    json relevant = params;
    for (const char* name : {"output", "work", "threads", "device", "card", "name_sources"}) relevant.erase(name);
    return out.string() + ".work-" + sha256_hex(dumped(relevant)).substr(0, 12);
}

PretrainParams training_of(const json& params) {
    PretrainParams out;
    out.preset = params.at("preset");
    out.autoencoder_steps = params.at("autoencoder_steps");
    out.decoder_steps = params.at("decoder_steps");
    out.encoder_steps = params.at("encoder_steps");
    out.denoiser_steps = params.at("denoiser_steps");
    out.batch = params.at("batch");
    out.encoder_pairs = params.at("encoder_pairs");
    out.autoencoder_batch = params.at("autoencoder_batch");
    out.views = params.at("views");
    out.learning_rate = params.at("learning_rate");
    out.bf16 = !params.at("fp32").get<bool>();
    out.seed = derive_seed(seed_of(params), "pretrain");
    out.init = path_of(params, "init");
    return out;
}

// A name that is misspelt would let a test patient in unseen.
void warn_of_unknown(const std::vector<std::string>& exclude, const std::set<std::string>& known, const JobContext& ctx) {
    for (const auto& name : exclude)
        if (!known.count(name)) ctx.issue({Severity::Warning, "'" + name + "', which is to be left out, is no file and no group of what is given: nothing was left out by that name", {}});
}

// The packs that were given, and the one that is cut here from slides and folders, once, by the first process.
std::vector<std::shared_ptr<const TilePack>> open_packs(const json& params, const fs::path& work, const Processes& processes, const JobContext& ctx) {
    std::vector<std::shared_ptr<const TilePack>> packs;
    for (const auto& path : paths_of(params, "packs")) packs.push_back(TilePack::open(path));
    TileSources sources = tile_sources_of(params);
    if (packs.empty() || !sources.slides.empty() || !sources.folders.empty()) {
        sources.pyramid_cache = work / "pyramids";
        const fs::path path = work / ("training-" + key_of(sources).substr(0, 12) + ".tiles");  // other sources, or another scale, are other tiles
        processes.first_does("tiles", [&] { cut_training_tiles(sources, path, ctx); });
        packs.push_back(TilePack::open(path));
    }
    const TrainingTile tile = training_tile(params.at("preset"));
    for (const auto& pack : packs)
        if (pack->size() != tile.px || std::abs(pack->tile_um() - tile.um) > 0.5)
            throw Error(ErrorCode::Mismatch, "the tile packs were cut for another preset than " + params.at("preset").get<std::string>() + "; cut them again with its name");
    return packs;
}

json run_pretrain(const json& params, const JobContext& given) {
    const fs::path out = path_of(params, "output");
    PretrainParams training = training_of(params);
    const Launch launch = launch_from_environment();
    training.compute = compute_of(launch, compute_of(params));
    const Processes processes(launch, use_device(training.compute));
    JobContext ctx = given;
    if (!processes.first()) ctx.on_progress = nullptr, ctx.on_issue = nullptr;  // all would say the same
    const fs::path work = work_of(params, out);
    const EtaClock clock;
    reset_peak_memory();
    const auto packs = open_packs(params, work, processes, ctx);
    const auto exclude = params.at("exclude").get<std::vector<std::string>>();
    if (!exclude.empty()) {  // else the sources need not be there any more, once their tiles are cut
        auto known = names_of(tile_sources_of(params));
        for (const auto& pack : packs)
            for (const TileRun& run : pack->runs()) known.insert({run.source, run.group});
        warn_of_unknown(exclude, known, ctx);
    }
    const TileView tiles = view_of(packs, exclude);
    const json origin = origin_of(packs, exclude);
    training.card_json = card_of(params, origin, packs[0]->tile_um());
    const PretrainTimes times = pretrain(tiles, training, work, out, ctx, &processes);
    processes.part();
    if (!processes.first()) return {{"process", processes.rank()}, {"of", processes.count()}, {"peak_memory_bytes", peak_memory_bytes()}};
    return {{"weights", out.string()}, {"sha256", sha256_file(out)}, {"tiles", tiles.count()}, {"tiles_from", origin}, {"work", work.string()},
            {"description", json::parse(describe_weights(out))}, {"denoiser_seconds", times.denoiser_s}, {"denoiser_data_wait_seconds", times.data_wait_s}, {"seconds", clock.elapsed_s()},
            {"peak_memory_bytes", peak_memory_bytes()}};
}

json run_cut(const json& params, const JobContext& ctx) {
    const fs::path out = path_of(params, "output");
    if (fs::exists(out)) throw Error(ErrorCode::BadInput, "is there already; remove it or choose another name", out);
    TileSources sources = tile_sources_of(params);
    sources.pyramid_cache = out.string() + ".pyramids";
    const EtaClock clock;
    warn_of_unknown(sources.exclude, names_of(sources), ctx);
    cut_training_tiles(sources, out, ctx);
    const auto pack = TilePack::open(out);
    return {{"pack", out.string()}, {"tiles", pack->count()}, {"tile_px", pack->size()}, {"tile_um", pack->tile_um()}, {"sources", pack->runs().size()},
            {"id", pack->id()}, {"seconds", clock.elapsed_s()}, {"peak_memory_bytes", peak_memory_bytes()}};
}

Param number(std::string name, ParamType type, json fallback, double low, double high, std::string help, std::string unit = {}) {
    return {.name = std::move(name), .type = type, .default_value = std::move(fallback), .help = std::move(help), .unit = std::move(unit), .low = low, .high = high, .choices = {}, .letter = {}};
}

Param text(std::string name, ParamType type, json fallback, std::string help) {
    return {.name = std::move(name), .type = type, .default_value = std::move(fallback), .help = std::move(help), .unit = {}, .choices = {}, .letter = {}};
}

Param output(std::string help) {
    Param out = text("output", ParamType::Path, nullptr, std::move(help));
    out.letter = "o";
    out.required = true;
    return out;
}

}  // namespace

Command pretrain_command() {
    const PretrainParams standard;
    const Params own = {text("packs", ParamType::Paths, json::array(), "tile packs made by c2l cut for this preset"),
                        number("autoencoder_steps", ParamType::Integer, standard.autoencoder_steps, 0, 1e8, "training steps of the autoencoder", "steps"),
                        number("decoder_steps", ParamType::Integer, standard.decoder_steps, 0, 1e8, "training steps in which the decoder learns texture against a critic, the encoder being kept", "steps"),
                        number("encoder_steps", ParamType::Integer, standard.encoder_steps, 0, 1e8, "training steps of the tile encoder", "steps"),
                        number("denoiser_steps", ParamType::Integer, standard.denoiser_steps, 0, 1e8, "training steps of the denoiser", "steps"),
                        number("batch", ParamType::Integer, standard.batch, 1, 4096, "tiles in a training step, in each process", "tiles"),
                        number("autoencoder_batch", ParamType::Integer, standard.autoencoder_batch, 1, 4096, "the same for the autoencoder", "tiles"),
                        number("encoder_pairs", ParamType::Integer, standard.encoder_pairs, 1, 4096, "pairs of crops in a step of the tile encoder, in each process", "pairs"),
                        number("views", ParamType::Integer, standard.views, 1, 1000, "encoded views kept of each tile, on disk"),
                        number("learning_rate", ParamType::Number, standard.learning_rate, 1e-8, 1, "step size of the optimiser; the denoisers of base and large take a fifth and a tenth of it"),
                        text("init", ParamType::Path, nullptr, "a central model of this preset to go on from; parts with 0 steps stay as they are"),
                        text("fp32", ParamType::Flag, false, "never use bfloat16"),
                        text("card", ParamType::Path, nullptr, "a JSON file with data, licences and attribution for the model card"),
                        text("name_sources", ParamType::Flag, false, "name slides and images in the weights' card: for public data; else their number alone"),
                        text("work", ParamType::Path, nullptr, "folder for tiles and checkpoints; the same command goes on from there"),
                        output("where the weights go (*.safetensors)")};
    return {"pretrain", "train a central model: autoencoder, tile encoder and denoiser; under torchrun or srun with several processes", tile_source_params() + own + compute_params(), run_pretrain, {}};
}

Command cut_command() {
    return {"cut", "cut training tiles from slides and images into a tile pack for pretrain", tile_source_params() + Params{output("where the tile pack goes (*.tiles)")} + compute_params(), run_cut, {}};
}

}  // namespace c2l
