#include "pipeline/training_tiles.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"
#include "generate/generate.h"
#include "pipeline/picture.h"
#include "slide/slide.h"
#include "slide/tissue.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr int kTries = 50;  // places looked at for one tile before its source is given up

// Glass has next to no contrast; tissue always has some.
bool has_contrast(const Image& tile) {
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < tile.rgb.size(); i += 3) {
        const double v = (tile.rgb[i] + tile.rgb[i + 1] + tile.rgb[i + 2]) / 3.0;
        sum += v;
        squares += v * v;
    }
    const double n = static_cast<double>(tile.rgb.size()) / 3;
    return squares / n - (sum / n) * (sum / n) > 64;
}

struct Source {
    std::string name, group;
    fs::path path;
    bool is_slide = false;
    double area_um2 = 0;
    OpenOptions options;     // of a slide …
    TissueMask mask;         // … and its tissue
    std::int64_t share = 0;  // tiles to cut
};

bool excluded(const TileSources& sources, const std::string& name) {
    return std::find(sources.exclude.begin(), sources.exclude.end(), name) != sources.exclude.end();
}

// Converted once and kept under the hash of their content; a pyramid is read where it lies, and a hash would read all of it.
bool is_plain(const SlideInfo& info) { return info.vendor == "jpeg" || info.vendor == "png" || info.vendor == "tiff"; }

std::string stamp_of(const fs::path& path) {
    return sha256_hex(path.filename().string() + " " + std::to_string(fs::file_size(path)) + " " + std::to_string(fs::last_write_time(path).time_since_epoch().count()));
}

void add_slides(const TileSources& sources, std::vector<Source>& found, const JobContext& ctx) {
    for (const fs::path& path : sources.slides) {
        if (excluded(sources, path.filename().string()) || excluded(sources, path.string())) continue;
        OpenOptions options;
        options.pyramid_cache = sources.pyramid_cache;
        const SlideInfo seen = probe_slide(path);
        const auto stated = seen.mpp;
        if (!stated && sources.slide_mpp <= 0) throw Error(ErrorCode::BadInput, "does not say how many µm a pixel has; give it with --slide-mpp", path);
        if (!stated) options.mpp = sources.slide_mpp;
        if (!is_plain(seen)) options.known_id = stamp_of(path);
        const auto slide = Slide::open(path, options, ctx);  // closed again until its turn: a million slides are not all open at once
        const SlideInfo& info = slide->info();
        options.known_id = info.id;
        Source source;
        source.name = source.group = path.filename().string();
        source.path = path;
        source.is_slide = true;
        source.options = options;
        source.mask = find_tissue(*slide, ctx);
        source.area_um2 = source.mask.area_fraction() * static_cast<double>(info.width) * static_cast<double>(info.height) * *info.mpp * *info.mpp;
        found.push_back(std::move(source));
    }
}

// file → group, from a groups.csv whose header names the columns "file" and "source_image_group" or "group".
std::map<std::string, std::string> read_groups(const fs::path& csv) {
    std::map<std::string, std::string> groups;
    if (!fs::exists(csv)) return groups;
    std::istringstream text(read_file(csv, std::uint64_t{256} << 20));
    const auto cells = [](const std::string& line) {
        std::vector<std::string> out;
        std::istringstream row(line);
        for (std::string cell; std::getline(row, cell, ',');) out.push_back(cell.ends_with('\r') ? cell.substr(0, cell.size() - 1) : cell);
        return out;
    };
    std::string line;
    std::getline(text, line);
    const auto header = cells(line);
    const auto column = [&](std::initializer_list<const char*> names) {
        for (std::size_t i = 0; i < header.size(); ++i)
            if (std::find(names.begin(), names.end(), header[i]) != names.end()) return i;
        throw Error(ErrorCode::BadInput, "needs the columns 'file' and 'group'", csv);
    };
    const std::size_t file = column({"file"}), group = column({"source_image_group", "group"});
    while (std::getline(text, line))
        if (const auto row = cells(line); row.size() > std::max(file, group)) groups[row[file]] = row[group];
    return groups;
}

// Images below a folder, in order; what may not be looked into is left out.
std::vector<fs::path> images_of(const fs::path& folder) {
    static const std::set<std::string> endings = {".png", ".jpg", ".jpeg", ".tif", ".tiff"};
    if (!fs::is_directory(folder)) throw Error(ErrorCode::NotFound, "there is no such folder; give a folder of images", folder);
    std::vector<fs::path> files;
    std::error_code failed;
    for (fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, failed), end; !failed && entry != end; entry.increment(failed)) {
        std::string ending = entry->path().extension().string();
        std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        std::error_code unknown;
        if (entry->is_regular_file(unknown) && endings.count(ending)) files.push_back(entry->path());
    }
    if (failed) throw Error(ErrorCode::Io, "cannot be read; check the disk and the permissions", folder, failed.message());
    std::sort(files.begin(), files.end());
    return files;
}

// Groups are looked up by the file's path below the folder.
std::string name_below(const fs::path& folder, const fs::path& file) { return file.lexically_relative(folder).generic_string(); }

void warn_of_lost_groups(const std::map<std::string, std::string>& groups, const std::vector<fs::path>& files, const fs::path& folder, const JobContext& ctx) {
    std::size_t found = 0;
    for (const fs::path& file : files) found += groups.count(name_below(folder, file));
    if (found < groups.size())
        ctx.issue({Severity::Warning, std::to_string(groups.size() - found) + " of " + std::to_string(groups.size()) + " rows name no image by its path below this folder; their groups are not known",
                   (folder / "groups.csv").string()});
}

void add_folders(const TileSources& sources, std::vector<Source>& found, const JobContext& ctx) {
    for (const fs::path& folder : sources.folders) {
        const auto files = images_of(folder);
        const auto groups = read_groups(folder / "groups.csv");
        warn_of_lost_groups(groups, files, folder, ctx);
        for (const fs::path& file : files) {
            ctx.check_stop();
            const auto group = groups.find(name_below(folder, file));
            if (excluded(sources, file.filename().string()) || (group != groups.end() && excluded(sources, group->second))) continue;
            try {
                const Image image = read_picture(file);
                Source source;
                source.name = file.filename().string();
                source.group = group != groups.end() ? group->second : std::string();
                source.path = file;
                source.area_um2 = static_cast<double>(image.width) * image.height * sources.folder_mpp * sources.folder_mpp;
                if (std::min(image.width, image.height) * sources.folder_mpp >= sources.tile_um - 0.5)
                    found.push_back(std::move(source));
                else
                    ctx.issue({Severity::Warning, "smaller than a training tile of " + std::to_string(std::lround(sources.tile_um)) + " µm; left out", file.string()});
            } catch (const Error& error) {
                ctx.issue({Severity::Warning, error.what(), file.string()});
            }
        }
    }
}

// Whole numbers of tiles in proportion to the areas, the rounding carried from one source to the next.
void share_out(std::vector<Source>& sources, std::int64_t count) {
    double total = 0, carried = 0;
    for (const Source& s : sources) total += s.area_um2;
    if (!(total > 0)) throw Error(ErrorCode::BadInput, "no tissue was found in the given slides and images; check them");
    for (Source& s : sources) {
        carried += static_cast<double>(count) * s.area_um2 / total;
        s.share = static_cast<std::int64_t>(std::lround(carried));
        carried -= static_cast<double>(s.share);
    }
}

// A random part of a slide; empty where there is too little tissue.
Image cut(const Slide& slide, const TissueMask& mask, const TileSources& wanted, Random& random) {
    const SlideInfo& info = slide.info();
    const double side = wanted.tile_um / *info.mpp;
    const double cx = random.uniform(side / 2, std::max(side / 2 + 1, static_cast<double>(info.width) - side / 2));
    const double cy = random.uniform(side / 2, std::max(side / 2 + 1, static_cast<double>(info.height) - side / 2));
    if (mask.coverage(cx, cy, side) < 0.5) return {};
    return slide.read({cx - side / 2, cy - side / 2, side, side}, wanted.tile_px, wanted.tile_px);
}

Image cut(const Image& picture, const TileSources& wanted, Random& random) {
    const int side = std::min({picture.width, picture.height, static_cast<int>(std::lround(wanted.tile_um / wanted.folder_mpp))});
    const auto x = static_cast<int>(random.below(picture.width - side + 1)), y = static_cast<int>(random.below(picture.height - side + 1));
    Image part(side, side);
    for (int r = 0; r < side; ++r) std::copy_n(picture.at(x, y + r), static_cast<std::size_t>(side) * 3, part.at(0, r));
    return resize(part, wanted.tile_px, wanted.tile_px);
}

std::function<Image(Random&)> cutter(const Source& source, const TileSources& wanted, const JobContext& ctx) {
    if (source.is_slide)
        return [slide = Slide::open(source.path, source.options, ctx), &source, &wanted](Random& random) { return cut(*slide, source.mask, wanted, random); };
    return [picture = read_picture(source.path), &wanted](Random& random) { return cut(picture, wanted, random); };
}

// Tiles of one source that are cut with one generator and stand as one run of the pack: what an interrupted cut loses at most.
struct Lot {
    std::size_t source;
    std::int64_t tiles;
};
constexpr std::int64_t kLot = 1000;

std::vector<Lot> lots_of(const std::vector<Source>& sources) {
    std::vector<Lot> out;
    for (std::size_t s = 0; s < sources.size(); ++s)
        for (std::int64_t done = 0; done < sources[s].share; done += kLot) out.push_back({s, std::min(kLot, sources[s].share - done)});
    return out;
}

// What the pack's content follows from.
std::string content_key(const std::vector<Source>& sources, const TileSources& wanted) {
    json key{{"px", wanted.tile_px}, {"um", wanted.tile_um}, {"seed", wanted.seed}, {"count", wanted.count}, {"mpp", {wanted.slide_mpp, wanted.folder_mpp}}};
    for (const Source& s : sources) key["sources"].push_back({s.name, s.group, s.share, fs::file_size(s.path), s.options.known_id.value_or("")});
    return key.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::string key_of(const TileSources& wanted) {
    json key{{"px", wanted.tile_px}, {"um", wanted.tile_um}, {"seed", wanted.seed}, {"count", wanted.count}, {"mpp", {wanted.slide_mpp, wanted.folder_mpp}}, {"exclude", wanted.exclude}};
    for (const auto* paths : {&wanted.slides, &wanted.folders}) {
        key["paths"].push_back(json::array());
        for (const fs::path& path : *paths) key["paths"].back().push_back(path.string());
    }
    return sha256_hex(key.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::set<std::string> names_of(const TileSources& sources) {
    std::set<std::string> names;
    for (const fs::path& slide : sources.slides) names.insert({slide.string(), slide.filename().string()});
    for (const fs::path& folder : sources.folders) {
        const auto groups = read_groups(folder / "groups.csv");
        for (const fs::path& file : images_of(folder)) {
            names.insert(file.filename().string());
            if (const auto group = groups.find(name_below(folder, file)); group != groups.end()) names.insert(group->second);
        }
    }
    return names;
}

void cut_training_tiles(const TileSources& wanted, const fs::path& path, const JobContext& ctx) {
    if (fs::exists(path)) return;
    std::vector<Source> sources;
    add_slides(wanted, sources, ctx);
    add_folders(wanted, sources, ctx);
    if (sources.empty()) throw Error(ErrorCode::BadInput, "nothing to learn from: give slides with --slides or folders of images with --tiles");
    share_out(sources, wanted.count);
    TilePackWriter pack(path, wanted.tile_px, wanted.tile_um, content_key(sources, wanted));
    const auto missing = std::max<std::int64_t>(0, wanted.count - static_cast<std::int64_t>(pack.count()));
    require_space(path.parent_path(), static_cast<std::uint64_t>(missing) * 3 * static_cast<std::uint64_t>(wanted.tile_px) * static_cast<std::uint64_t>(wanted.tile_px), "the tile pack");
    const EtaClock clock;
    const auto before = static_cast<std::int64_t>(pack.count());
    const auto lots = lots_of(sources);
    std::function<Image(Random&)> next;
    std::size_t opened = sources.size();
    for (std::size_t l = pack.runs().size(); l < lots.size(); ++l) {
        const Source& source = sources[lots[l].source];
        if (lots[l].source != opened) next = cutter(source, wanted, ctx);
        opened = lots[l].source;
        Random random(derive_seed(wanted.seed, "training tiles", l));
        std::int64_t made = 0;
        for (std::int64_t tries = 0; made < lots[l].tiles && tries < lots[l].tiles * kTries; ++tries) {
            if (tries % 16 == 0) ctx.check_stop();
            const Image tile = next(random);
            if (tile.empty() || !has_contrast(tile)) continue;
            pack.add(tile);
            ++made;
            Progress p;
            p.step = "cut";
            p.done = static_cast<std::int64_t>(pack.count());
            p.total = wanted.count;
            p.eta_s = clock.eta_s(p.done - before, p.total - before);
            p.message = source.name;
            ctx.progress(p);
        }
        pack.end_run(source.name, source.group);
    }
    if (pack.count() < 64) throw Error(ErrorCode::BadInput, "fewer than 64 tiles with tissue were found; give more slides or images");
    pack.close();
}

json origin_of(const std::vector<std::shared_ptr<const TilePack>>& packs, const std::vector<std::string>& exclude) {
    constexpr std::size_t kMostNames = 500;
    json names = json::array();
    std::size_t sources = 0;
    std::uint64_t tiles = 0;
    std::string last;
    const auto left_out = [&](const std::string& name) { return std::find(exclude.begin(), exclude.end(), name) != exclude.end(); };
    for (const auto& pack : packs)
        for (const TileRun& run : pack->runs()) {
            if (run.count == 0 || left_out(run.source) || (!run.group.empty() && left_out(run.group))) continue;
            tiles += run.count;
            if (sources && run.source == last) {  // another lot of the same source
                if (sources <= kMostNames) names.back()["tiles"] = names.back()["tiles"].get<std::uint64_t>() + run.count;
                continue;
            }
            last = run.source;
            if (++sources <= kMostNames) names.push_back({{"name", run.source}, {"tiles", run.count}});
        }
    return sources <= kMostNames ? names : json{{"sources", sources}, {"tiles", tiles}};
}

std::vector<fs::path> paths_of(const json& params, const char* name) {
    std::vector<fs::path> out;
    for (const json& item : params.at(name)) out.emplace_back(item.get<std::string>());
    return out;
}

TileSources tile_sources_of(const json& params) {
    const TrainingTile tile = training_tile(params.at("preset"));
    TileSources out;
    out.slides = paths_of(params, "slides");
    out.folders = paths_of(params, "tiles");
    out.exclude = params.at("exclude").get<std::vector<std::string>>();
    out.slide_mpp = number_of(params, "slide_mpp").value_or(0);
    out.folder_mpp = params.at("tiles_mpp");
    out.tile_px = tile.px;
    out.tile_um = tile.um;
    out.count = params.at("tile_count");
    out.seed = seed_of(params);
    return out;
}

Params tile_source_params() {
    const auto param = [](std::string name, ParamType type, json fallback, std::string help) {
        return Param{.name = std::move(name), .type = type, .default_value = std::move(fallback), .help = std::move(help), .unit = {}, .choices = {}, .letter = {}};
    };
    const auto number = [&](std::string name, ParamType type, json fallback, double low, double high, std::string help, std::string unit) {
        Param out = param(std::move(name), type, std::move(fallback), std::move(help));
        out.low = low;
        out.high = high;
        out.unit = std::move(unit);
        return out;
    };
    Param preset = param("preset", ParamType::Choice, "tiny", "size of the model; its tiles are 128 px of 0.69 µm (tiny) or 256 px of 0.5 µm (base, large)");
    preset.choices = preset_names();
    return {param("slides", ParamType::Paths, json::array(), "slides to learn from"),
            param("tiles", ParamType::Paths, json::array(), "folders of images to learn from; a groups.csv names groups for --exclude"),
            param("exclude", ParamType::Paths, json::array(), "file names or groups to leave out"),
            number("slide_mpp", ParamType::Number, nullptr, 0.01, 100, "µm per pixel of slides that do not say", "µm"),
            number("tiles_mpp", ParamType::Number, 0.5, 0.01, 100, "µm per pixel of the images in folders", "µm"),
            number("tile_count", ParamType::Integer, 12000, 64, 1e9, "tiles to cut", "tiles"),
            preset};
}

}  // namespace c2l
