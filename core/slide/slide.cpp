#include "slide/slide.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <system_error>

#include "base/error.h"
#include "base/hash.h"
#include "slide/openslide_slide.h"
#include "slide/plugin_slide.h"
#include "slide/pyramid.h"
#include "slide/row_source.h"
#include "slide/slide_rows.h"
#include "slide/tiff_slide.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

void note_missing_mpp(SlideInfo& info) {
    if (!info.mpp) info.issues.push_back({Severity::Warning, "the file does not say how many µm a pixel is; give it, e.g. 0.5", info.path.filename().string()});
}

void set_user_mpp(SlideInfo& info, const std::optional<double>& mpp) {
    if (!mpp) return;
    if (!(std::isfinite(*mpp) && *mpp >= 0.01 && *mpp <= 100))
        throw Error(ErrorCode::BadInput, "µm per pixel must lie between 0.01 and 100", info.path);
    info.mpp = mpp;
    info.mpp_from_user = true;
}

fs::path user_cache() {
    if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && *cache) return fs::path(cache) / "c2l-studio" / "pyramids";
    if (const char* home = std::getenv("HOME"); home && *home) return fs::path(home) / ".cache" / "c2l-studio" / "pyramids";
    return fs::temp_directory_path() / "c2l-studio" / "pyramids";
}

// The readers, in the order in which they are asked: plug-ins where OpenSlide knows no vendor, tiled TIFF, OpenSlide.
// Null: a plain image, if anything.
std::shared_ptr<LevelSlide> open_levels(const fs::path& path) {
    const std::string vendor = openslide_vendor(path);
    if (vendor.empty() || vendor == "generic-tiff")
        if (auto slide = open_plugin_slide(path)) return slide;
    if (auto slide = open_tiff_slide(path, vendor)) return slide;
    return vendor.empty() ? nullptr : std::make_shared<OpenSlideSlide>(path);
}

// The pyramid kept from an earlier opening; null when there is none, or one that cannot be used.
std::shared_ptr<TiffSlide> reuse_pyramid(const fs::path& pyramid, std::int64_t width, std::int64_t height, const std::shared_ptr<const Slide>& original) {
    std::error_code ignored;
    if (!fs::is_regular_file(pyramid, ignored)) return nullptr;
    try {
        auto slide = open_pyramid(pyramid, original);
        const Level& coarsest = slide->info().levels.back();  // missing where the file was cut
        if (slide->info().width == width && slide->info().height == height && std::max(coarsest.width, coarsest.height) < 1024) return slide;
    } catch (const Error&) {
    }
    return nullptr;
}

// A slide of one level has its pyramid made once; `original` (null for a plain image) keeps answering for its labels.
std::shared_ptr<LevelSlide> convert(const RowReader& read, std::int64_t width, std::int64_t height, std::optional<double> mpp,
                                    const std::shared_ptr<const Slide>& original, const OpenOptions& options, const JobContext& ctx, const std::string& id) {
    const fs::path pyramid = (options.pyramid_cache.empty() ? user_cache() : options.pyramid_cache) / (id.substr(0, 16) + ".tif");
    auto slide = reuse_pyramid(pyramid, width, height, original);
    if (slide) return slide;
    write_pyramid(pyramid, width, height, mpp, read, ctx);
    return open_pyramid(pyramid, original);
}

std::shared_ptr<LevelSlide> convert_plain(const fs::path& path, const OpenOptions& options, const JobContext& ctx, const std::string& id) {
    const std::shared_ptr<RowSource> rows = open_rows(path);
    auto slide = convert([rows](std::int64_t, int count, std::uint8_t* rgb) { rows->read(count, rgb); }, rows->width, rows->height, rows->mpp, nullptr, options, ctx, id);
    SlideInfo& info = slide->description();
    info.vendor = rows->format;
    info.mpp = rows->mpp;
    info.issues = rows->issues;
    return slide;
}

std::shared_ptr<LevelSlide> convert_flat(const std::shared_ptr<LevelSlide>& flat, const OpenOptions& options, const JobContext& ctx, const std::string& id) {
    const SlideInfo& info = flat->info();
    if (info.width > kMaxSlideSide || info.height > kMaxSlideSide)
        throw Error(ErrorCode::Unsupported, "is larger than " + std::to_string(kMaxSlideSide) + " pixels on a side and has no pyramid; save it as a pyramidal TIFF", info.path);
    return convert(rows_of(flat), info.width, info.height, info.mpp, flat, options, ctx, id);
}

}  // namespace

std::shared_ptr<const Slide> Slide::open(const fs::path& path, const OpenOptions& options, const JobContext& ctx) {
    check_readable_file(path);
    ctx.check_stop();
    auto slide = open_levels(path);
    if (!slide) open_rows(path);  // refuses what is no image before time goes into hashing it
    const std::string id = options.known_id ? *options.known_id : sha256_file(path);
    ctx.check_stop();
    if (!slide)
        slide = convert_plain(path, options, ctx, id);
    else if (lacks_pyramid(slide->info()))
        slide = convert_flat(slide, options, ctx, id);
    SlideInfo& info = slide->description();
    info.id = id;
    info.path = path;
    set_user_mpp(info, options.mpp);
    note_missing_mpp(info);
    return slide;
}

Image Slide::overview(int max_px) const {
    if (max_px < 1) throw Error(ErrorCode::BadInput, "an overview needs at least one pixel", info_.path);
    const double longest = static_cast<double>(std::max(info_.width, info_.height));
    const double shrink = std::max(1.0, longest / max_px);
    const auto pixels = [&](std::int64_t side) { return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) / shrink))); };
    return read({0, 0, static_cast<double>(info_.width), static_cast<double>(info_.height)}, pixels(info_.width), pixels(info_.height));
}

SlideInfo probe_slide(const fs::path& path) {
    check_readable_file(path);
    SlideInfo info;
    if (const auto slide = open_levels(path)) {
        info = slide->info();
    } else {
        const auto rows = open_rows(path);
        info.vendor = rows->format;
        info.width = rows->width;
        info.height = rows->height;
        info.levels = {{rows->width, rows->height, 1.0}};
        info.mpp = rows->mpp;
        info.issues = rows->issues;
    }
    info.path = path;
    note_missing_mpp(info);
    return info;
}

}  // namespace c2l
