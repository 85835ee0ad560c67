#include "generate/model_pack.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json_depth.h"
#include "generate/autoencoder_kl.h"
#include "generate/pixart.h"
#include "nn/device.h"
#include "nn/tensor_source.h"

namespace c2l::generate {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kMostManifestBytes = 1u << 20;
constexpr std::size_t kLongestText = 4096;
constexpr std::int64_t kMostTokens = 65536;

// The manifest and its tables, with sentences for what is wrong in them.
class Manifest {
public:
    Manifest(json object, std::string name, fs::path path) : object_(std::move(object)), name_(std::move(name)), path_(std::move(path)) {
        if (!object_.is_object()) throw Error(ErrorCode::BadInput, name_.empty() ? "is not a JSON object; get the pack again from its source" : "has no table \"" + name_ + "\"", path_);
    }
    Manifest table(const char* key) const { return {object_.value(key, json()), key, path_}; }
    bool has(const char* key) const { return object_.contains(key) && !object_.at(key).is_null(); }
    std::string text(const char* key, bool needed) const {
        if (!has(key) && !needed) return {};
        const auto value = object_.value(key, json());
        const auto text = value.is_string() ? value.get<std::string>() : std::string();
        const auto control = [](unsigned char c) { return c < 0x20 && c != '\n'; };
        if (text.empty() || text.size() > kLongestText || std::any_of(text.begin(), text.end(), control))
            bad(key, "must be a plain text of 1 to " + std::to_string(kLongestText) + " letters");
        return text;
    }
    // Settings of any kind are read as those of a configuration.
    ModelConfig settings() const { return ModelConfig(object_.dump(), path_); }
    const json& at(const char* key) const { return object_.at(key); }
    [[noreturn]] void bad(const std::string& key, const std::string& what) const {
        throw Error(ErrorCode::BadInput, "\"" + (name_.empty() ? key : name_ + "." + key) + "\" " + what, path_);
    }
    void only(std::initializer_list<const char*> known) const {
        for (const auto& [key, value] : object_.items())
            if (std::none_of(known.begin(), known.end(), [&, k = key](const char* name) { return k == name; })) bad(key.substr(0, 80), "is not a field of a model pack");
    }

private:
    json object_;
    std::string name_;
    fs::path path_;
};

// Runs what knows nothing of files; an error then names this one.
template <class Action>
void naming(const fs::path& path, const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        throw Error(error.code(), error.what(), path, error.cause());
    }
}

// A file of the pack. Neither the name nor a link may lead out of the folder.
fs::path inside(const fs::path& folder, const std::string& name, const fs::path& manifest) {
    const fs::path relative(name);
    const bool plain = relative.is_relative() && std::none_of(relative.begin(), relative.end(), [](const fs::path& part) { return part == ".." || part.empty(); });
    if (!plain || name.find('\\') != std::string::npos || name.find('\0') != std::string::npos)
        throw Error(ErrorCode::BadInput, "names the file \"" + name.substr(0, 80) + "\" outside its folder; a model pack may only use files within it", manifest);
    const auto path = folder / relative;
    std::error_code failed;
    if (!fs::is_regular_file(path, failed)) throw Error(ErrorCode::NotFound, "is named in the model pack's manifest but is not there; complete the pack", path);
    const auto real = fs::canonical(path, failed), home = fs::canonical(folder, failed);
    const auto [at_home, at_real] = std::mismatch(home.begin(), home.end(), real.begin(), real.end());
    if (failed || at_home != home.end())
        throw Error(ErrorCode::BadInput, "is a link that leads out of the model pack; put the file itself into the folder", path);
    return path;
}

void check_hash(const std::string& text, const Manifest& table) {
    if (text.size() != 64 || text.find_first_not_of("0123456789abcdef") != std::string::npos) table.bad("sha256", "must be 64 digits 0-9, a-f");
}

ModelPack::Part read_part(const Manifest& table, const fs::path& folder, const fs::path& manifest) {
    ModelPack::Part part;
    part.config = inside(folder, table.text("config", true), manifest);
    const auto weights = table.text("weights", true);
    if (!weights.ends_with(".safetensors") && !weights.ends_with(".safetensors.index.json"))
        throw Error(ErrorCode::Unsupported, "names the weights \"" + weights.substr(0, 80) + "\", which are not safetensors; other files can run code and are never opened", manifest);
    part.weights = inside(folder, weights, manifest);
    if (nn::is_shard_index(part.weights))
        for (const auto& shard : nn::shards_of_index(part.weights)) inside(folder, (fs::path(weights).parent_path() / shard).string(), manifest);
    if (!table.has("sha256")) return part;
    const auto& hash = table.at("sha256");
    if (hash.is_string()) {
        part.sha256[part.weights.filename().string()] = hash.get<std::string>();
    } else if (hash.is_object()) {
        for (const auto& [name, value] : hash.items()) part.sha256[name] = value.is_string() ? value.get<std::string>() : "";
    } else {
        table.bad("sha256", "must be 64 digits, or a table of them by file name");
    }
    for (const auto& [name, value] : part.sha256) check_hash(value, table);
    return part;
}

ScheduleParams read_schedule(const Manifest& table, const fs::path& manifest) {
    table.only({"beta_start", "beta_end", "schedule", "steps", "prediction"});
    const auto settings = table.settings();
    ScheduleParams p;
    p.beta_start = settings.number("beta_start", p.beta_start, 0, 1);
    p.beta_end = settings.number("beta_end", p.beta_end, 0, 1);
    p.schedule = settings.text("schedule", p.schedule);
    p.steps = settings.integer("steps", p.steps, 2, 100000);
    p.prediction = settings.text("prediction", p.prediction);
    naming(manifest, [&] { NoiseSchedule{p}; });  // where the numbers make none
    return p;
}

// SHA-256 of a large file is worth remembering while it does not change.
std::string known_sha256(const fs::path& path) {
    static std::mutex mutex;
    static std::map<std::string, std::string> known;
    const auto key = fs::canonical(path).string() + "|" + std::to_string(fs::file_size(path)) + "|" +
                     std::to_string(fs::last_write_time(path).time_since_epoch().count());
    {
        const std::lock_guard lock(mutex);
        if (const auto found = known.find(key); found != known.end()) return found->second;
    }
    auto hash = sha256_file(path);
    const std::lock_guard lock(mutex);
    return known.emplace(key, std::move(hash)).first->second;
}

void add_part(Sha256& all, const ModelPack::Part& part) {
    std::vector<fs::path> files{part.weights};
    if (nn::is_shard_index(part.weights))
        for (const auto& shard : nn::shards_of_index(part.weights)) files.push_back(part.weights.parent_path() / shard);
    std::map<std::string, std::string> told = part.sha256;
    for (const auto& file : files) {
        const auto hash = known_sha256(file), name = file.filename().string();
        if (const auto found = told.find(name); found != told.end()) {
            if (found->second != hash) throw Error(ErrorCode::Mismatch, "is not the file that the model pack names: its SHA-256 differs; get it again from its source", file);
            told.erase(found);
        }
        all.update(hash);
    }
    if (!told.empty()) throw Error(ErrorCode::BadInput, "the manifest gives the SHA-256 of \"" + told.begin()->first.substr(0, 80) + "\", which is not among these weights", part.weights);
    all.update(known_sha256(part.config));
}

// What an adapter file may take: about a million numbers of modulation, rank 16 at most.
int rank_for(const Denoiser& denoiser) {
    std::int64_t numbers = 0;
    for (const int channels : denoiser.sites()) numbers += denoiser.embedding() + 3 * channels;
    return static_cast<int>(std::clamp<std::int64_t>(1'100'000 / std::max<std::int64_t>(1, numbers), 1, 16));
}

at::Tensor read_context(const fs::path& path) {
    const auto file = nn::read_safetensors(path);
    file.only({"context"});
    file.require_finite();
    const auto& context = file.at("context");
    if (context.dim() != 2 || context.size(0) < 1 || context.size(0) > kMostTokens)
        throw Error(ErrorCode::Mismatch, "tensor \"context\" is not a table of 1 to " + std::to_string(kMostTokens) + " tokens", path);
    return context;
}

// Reading and hashing the files takes many times as long.
void require_finite(const nn::ParameterSet& set, const fs::path& weights) {
    for (const auto& [name, tensor] : set.all())
        if (!nn::all_finite(tensor))
            throw Error(ErrorCode::BadInput, "tensor \"" + name + "\" holds numbers that are not finite; get the model again from its source", weights);
}

std::string class_name(const ModelPack::Part& part, const char* fallback) { return ModelConfig(part.config).text("_class_name", fallback); }

}  // namespace

bool is_model_pack(const fs::path& path) {
    std::error_code failed;
    return fs::is_regular_file(path / "manifest.json", failed) || (path.filename() == "manifest.json" && fs::is_regular_file(path, failed));
}

ModelPack read_model_pack(const fs::path& path) {
    std::error_code failed;
    ModelPack pack;
    pack.folder = path.filename() == "manifest.json" && !fs::is_directory(path, failed) ? path.parent_path() : path;
    if (pack.folder.empty()) pack.folder = ".";
    const auto file = pack.folder / "manifest.json";
    if (!fs::is_regular_file(file, failed)) throw Error(ErrorCode::NotFound, "is a folder without manifest.json, so not a model pack; give one, or a weights file", pack.folder);
    const auto text = read_file(file, kMostManifestBytes);
    if (is_nested_deeper(text)) throw Error(ErrorCode::BadInput, "is nested deeper than any manifest; get the pack again from its source", file);
    const Manifest manifest(json::parse(text, nullptr, false), "", file);
    manifest.only({"id", "kind", "licence", "attribution", "source", "tile_px", "tile_um", "adapter_rank", "autoencoder", "denoiser", "scheduler"});
    if (const auto kind = manifest.text("kind", true); kind != "central")
        throw Error(ErrorCode::Mismatch, "is a model pack of kind \"" + kind.substr(0, 80) + "\", not \"central\"; give a central model", file);
    pack.id = manifest.text("id", true);
    pack.licence = manifest.text("licence", true);
    pack.attribution = manifest.text("attribution", true);
    pack.source = manifest.text("source", false);
    const auto settings = manifest.settings();
    for (const char* key : {"tile_px", "tile_um"})
        if (!manifest.has(key)) manifest.bad(key, "is missing");
    pack.tile_px = settings.integer("tile_px", 0, 16, 4096);
    pack.tile_um = settings.number("tile_um", 0, 1, 100000);
    pack.adapter_rank = settings.integer("adapter_rank", 0, 1, 256);
    const auto autoencoder = manifest.table("autoencoder"), denoiser = manifest.table("denoiser");
    autoencoder.only({"config", "weights", "sha256"});
    denoiser.only({"config", "weights", "sha256", "context"});
    pack.autoencoder = read_part(autoencoder, pack.folder, file);
    pack.denoiser = read_part(denoiser, pack.folder, file);
    if (const auto context = denoiser.text("context", false); !context.empty()) pack.context = inside(pack.folder, context, file);
    pack.schedule = read_schedule(manifest.table("scheduler"), file);
    return pack;
}

std::string model_pack_id(const ModelPack& pack) {
    Sha256 all;
    add_part(all, pack.autoencoder);
    add_part(all, pack.denoiser);
    if (!pack.context.empty()) all.update(known_sha256(pack.context));
    const auto& s = pack.schedule;
    all.update(json{pack.tile_px, pack.tile_um, s.beta_start, s.beta_end, s.schedule, s.steps, s.prediction}.dump());
    return all.hex();
}

Central load_model_pack(const fs::path& path, const c10::Device& device) {
    const auto pack = read_model_pack(path);
    Central model;
    model.id = model_pack_id(pack);
    nn::TensorSource autoencoder_weights(pack.autoencoder.weights), denoiser_weights(pack.denoiser.weights);
    auto autoencoder = std::make_unique<AutoencoderKL>(ModelConfig(pack.autoencoder.config), autoencoder_weights);
    auto denoiser = std::make_unique<PixArt>(ModelConfig(pack.denoiser.config), denoiser_weights, pack.schedule);
    if (autoencoder->reduction() != autoencoder->factor())
        throw Error(ErrorCode::Unsupported, "describes an autoencoder that reduces by " + std::to_string(autoencoder->reduction()) + "; this program takes those that reduce by 8", pack.autoencoder.config);
    if (autoencoder->channels() != denoiser->channels())
        throw Error(ErrorCode::Mismatch, "takes latents of " + std::to_string(denoiser->channels()) + " channels, but the autoencoder of this pack makes " + std::to_string(autoencoder->channels()), pack.denoiser.config);
    if (pack.tile_px % (autoencoder->factor() * denoiser->patch()))
        throw Error(ErrorCode::BadInput, "\"tile_px\" must be a multiple of " + std::to_string(autoencoder->factor() * denoiser->patch()) + " for these networks", pack.folder / "manifest.json");
    require_finite(autoencoder->parameters(), pack.autoencoder.weights);
    require_finite(denoiser->parameters(), pack.denoiser.weights);
    autoencoder->parameters().to(device);
    denoiser->parameters().to(device);
    if (!pack.context.empty()) naming(pack.context, [&] { denoiser->set_context(read_context(pack.context)); });
    model.adapter_rank = pack.adapter_rank ? pack.adapter_rank : rank_for(*denoiser);
    const auto options = at::TensorOptions(c10::kFloat).device(device);
    model.latent_mean = at::zeros({autoencoder->channels()}, options);  // the autoencoder scales its latents itself
    model.latent_sd = at::ones({autoencoder->channels()}, options);
    model.autoencoder = std::move(autoencoder);
    model.denoiser = std::move(denoiser);
    model.tile_px = pack.tile_px;
    model.tile_um = pack.tile_um;
    model.licence = pack.licence;
    model.attribution = pack.attribution;
    model.metadata = {{"architecture", class_name(pack.denoiser, "PixArtTransformer2DModel")}, {"pack", pack.id}, {"source", pack.source}};
    model.device = device;
    model.bf16 = nn::bf16_pays(device);
    return model;
}

CentralInfo model_pack_info(const fs::path& path) {
    const auto pack = read_model_pack(path);
    return {class_name(pack.denoiser, "PixArtTransformer2DModel"), pack.tile_px, pack.tile_um, pack.licence, pack.attribution};
}

std::string describe_model_pack(const fs::path& path) {
    const auto pack = read_model_pack(path);
    const nn::TensorSource autoencoder(pack.autoencoder.weights), denoiser(pack.denoiser.weights);
    return json{{"kind", "weights"},
                {"architecture", class_name(pack.denoiser, "PixArtTransformer2DModel")},
                {"autoencoder", class_name(pack.autoencoder, "AutoencoderKL")},
                {"parameters", autoencoder.parameters() + denoiser.parameters()},
                {"parameters_denoiser", denoiser.parameters()},
                {"licence", pack.licence},
                {"attribution", pack.attribution},
                {"metadata", {{"pack", pack.id}, {"source", pack.source}, {"licence", pack.licence}, {"attribution", pack.attribution},
                              {"tile_px", std::to_string(pack.tile_px)}, {"tile_um", json(pack.tile_um).dump()}, {"prediction", pack.schedule.prediction}}}}
        .dump();
}

}  // namespace c2l::generate
