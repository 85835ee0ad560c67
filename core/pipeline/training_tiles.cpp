#include "pipeline/training_tiles.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "pipeline/picture.h"
#include "slide/slide.h"
#include "slide/tissue.h"

namespace c2l {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr double kMpp = kTrainingTileUm / kTrainingTilePx;
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
    std::string name;
    double area_um2 = 0;
    std::shared_ptr<const Slide> slide;  // either a slide with its mask …
    TissueMask mask;
    fs::path picture;                    // … or an image file
    std::int64_t share = 0;              // tiles to cut
};

bool excluded(const TileSources& sources, const std::string& name) {
    return std::find(sources.exclude.begin(), sources.exclude.end(), name) != sources.exclude.end();
}

void add_slides(const TileSources& sources, std::vector<Source>& found, const JobContext& ctx) {
    for (const fs::path& path : sources.slides) {
        if (excluded(sources, path.filename().string()) || excluded(sources, path.string())) continue;
        OpenOptions options;
        options.pyramid_cache = sources.pyramid_cache;
        const auto stated = probe_slide(path).mpp;
        if (!stated && sources.slide_mpp <= 0) throw Error(ErrorCode::BadInput, "does not say how many µm a pixel has; give it with --slide-mpp", path);
        if (!stated) options.mpp = sources.slide_mpp;
        Source source;
        source.name = path.filename().string();
        source.slide = Slide::open(path, options, ctx);
        source.mask = find_tissue(*source.slide, ctx);
        const double mpp = *source.slide->info().mpp;
        source.area_um2 = source.mask.area_fraction() * static_cast<double>(source.slide->info().width) * static_cast<double>(source.slide->info().height) * mpp * mpp;
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

void add_folders(const TileSources& sources, std::vector<Source>& found, const JobContext& ctx) {
    static const std::set<std::string> endings = {".png", ".jpg", ".jpeg", ".tif", ".tiff"};
    for (const fs::path& folder : sources.folders) {
        if (!fs::is_directory(folder)) throw Error(ErrorCode::NotFound, "there is no such folder; give a folder of images", folder);
        const auto groups = read_groups(folder / "groups.csv");
        std::vector<fs::path> files;
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            std::string ending = entry.path().extension().string();
            std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            if (entry.is_regular_file() && endings.count(ending)) files.push_back(entry.path());
        }
        std::sort(files.begin(), files.end());
        for (const fs::path& file : files) {
            ctx.check_stop();
            const auto group = groups.find(file.lexically_relative(folder).generic_string());
            if (excluded(sources, file.filename().string()) || (group != groups.end() && excluded(sources, group->second))) continue;
            try {
                const Image image = read_picture(file);
                Source source;
                source.name = file.filename().string();
                source.picture = file;
                source.area_um2 = static_cast<double>(image.width) * image.height * sources.folder_mpp * sources.folder_mpp;
                if (std::min(image.width, image.height) * sources.folder_mpp >= kTrainingTileUm - 0.5)
                    found.push_back(std::move(source));
                else
                    ctx.issue({Severity::Warning, "smaller than a training tile of 110 µm; left out", file.string()});
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

Image cut(const Source& source, const Image& picture, double folder_mpp, Random& random) {
    if (source.slide) {
        const SlideInfo& info = source.slide->info();
        const double side = kTrainingTileUm / *info.mpp;
        const double cx = random.uniform(side / 2, std::max(side / 2 + 1, static_cast<double>(info.width) - side / 2));
        const double cy = random.uniform(side / 2, std::max(side / 2 + 1, static_cast<double>(info.height) - side / 2));
        if (source.mask.coverage(cx, cy, side) < 0.5) return {};
        return source.slide->read({cx - side / 2, cy - side / 2, side, side}, kTrainingTilePx, kTrainingTilePx);
    }
    const int side = std::min({picture.width, picture.height, static_cast<int>(std::lround(kTrainingTileUm / folder_mpp))});
    const auto x = static_cast<int>(random.below(picture.width - side + 1)), y = static_cast<int>(random.below(picture.height - side + 1));
    Image part(side, side);
    for (int r = 0; r < side; ++r) std::copy_n(picture.at(x, y + r), static_cast<std::size_t>(side) * 3, part.at(0, r));
    return resize(part, kTrainingTilePx, kTrainingTilePx);
}

}  // namespace

TrainingTiles cut_training_tiles(const TileSources& wanted, const JobContext& ctx) {
    std::vector<Source> sources;
    add_slides(wanted, sources, ctx);
    add_folders(wanted, sources, ctx);
    if (sources.empty()) throw Error(ErrorCode::BadInput, "nothing to learn from: give slides with --slides or folders of images with --tiles");
    share_out(sources, wanted.count);
    TrainingTiles out;
    out.tiles.size = kTrainingTilePx;
    out.origin = json::array();
    out.tiles.rgb.reserve(static_cast<std::size_t>(wanted.count) * out.tiles.bytes_per_tile());
    const EtaClock clock;
    for (std::size_t s = 0; s < sources.size(); ++s) {
        const Source& source = sources[s];
        const Image picture = source.slide || source.share == 0 ? Image() : read_picture(source.picture);
        Random random(derive_seed(wanted.seed, "training tiles", s));
        std::int64_t made = 0;
        for (std::int64_t tries = 0; made < source.share && tries < source.share * kTries; ++tries) {
            if (tries % 16 == 0) ctx.check_stop();
            const Image tile = cut(source, picture, wanted.folder_mpp, random);
            if (tile.empty() || !has_contrast(tile)) continue;
            out.tiles.append(tile);
            ++made;
            Progress p;
            p.step = "cut";
            p.done = static_cast<std::int64_t>(out.tiles.count());
            p.total = wanted.count;
            p.eta_s = clock.eta_s(p.done, p.total);
            p.message = source.name;
            ctx.progress(p);
        }
        if (made > 0) out.origin.push_back({{"name", source.name}, {"tiles", made}});
    }
    if (out.tiles.count() < 64) throw Error(ErrorCode::BadInput, "fewer than 64 tiles with tissue were found; give more slides or images");
    return out;
}

static_assert(kMpp == 0.6875);

}  // namespace c2l
