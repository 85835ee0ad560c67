#include "slide/tiff_slide.h"

#include <algorithm>

#include "base/error.h"
#include "slide/ome_xml.h"
#include "slide/openslide_slide.h"

namespace c2l {

namespace fs = std::filesystem;

TiffSlide::TiffSlide(const fs::path& path, std::vector<TiffImage> levels, std::shared_ptr<const Slide> described)
    : levels_(std::move(levels)), described_(std::move(described)), decoder_(path) {
    info_.path = path;
    if (described_) info_ = described_->info();
    std::vector<BlockGrid> grids;
    for (const TiffImage& image : levels_) grids.push_back({image.width, image.height, image.block_width, image.block_height});
    set_grids(std::move(grids));
    if (!info_.mpp) info_.mpp = levels_.front().mpp;
    check_pixels();
}

Image TiffSlide::decode(int level, std::int64_t bx, std::int64_t by) const {
    return decoder_.decode(levels_[static_cast<std::size_t>(level)], bx, by);
}

Image TiffSlide::associated(const std::string& name) const {
    if (!described_) throw Error(ErrorCode::NotFound, "the slide has no image named '" + name + "'", info_.path);
    return described_->associated(name);
}

namespace {

bool any_missing(const TiffImage& image) {
    return std::any_of(image.bytes.begin(), image.bytes.end(), [](std::uint64_t bytes) { return bytes == 0; });
}

// Aperio: every tiled directory is a level. OpenSlide's reading of the file is the judge; a level with holes, which it fills from
// coarser ones, is left to it.
std::vector<TiffImage> aperio_levels(TiffFile file, const SlideInfo& described) {
    std::vector<TiffImage> levels;
    for (TiffImage& page : file.pages)
        if (page.tiled) levels.push_back(std::move(page));
    std::stable_sort(levels.begin(), levels.end(), [](const TiffImage& a, const TiffImage& b) { return a.width > b.width; });
    const bool agreed = std::equal(levels.begin(), levels.end(), described.levels.begin(), described.levels.end(),
                                   [](const TiffImage& a, const Level& b) { return a.width == b.width && a.height == b.height; });
    const bool readable =
        std::all_of(levels.begin(), levels.end(), [](const TiffImage& image) { return is_decodable(image) && !any_missing(image); });
    return agreed && readable ? std::move(levels) : std::vector<TiffImage>();
}

constexpr std::int64_t kMaxStripPixels = std::int64_t{4} << 20;

}  // namespace

std::shared_ptr<LevelSlide> open_tiff_slide(const fs::path& path, const std::string& vendor) {
    if (!vendor.empty() && vendor != "generic-tiff" && vendor != "aperio") return nullptr;
    auto file = read_tiff(path);
    if (!file) return nullptr;
    if (file->cut) throw Error(ErrorCode::BadInput, "is incomplete or damaged: parts of the slide are missing; copy it again", path);
    if (vendor == "aperio") {
        const auto described = std::make_shared<OpenSlideSlide>(path);
        auto levels = aperio_levels(std::move(*file), described->info());
        if (levels.empty()) return described;
        return std::make_shared<TiffSlide>(path, std::move(levels), described);
    }
    const TiffImage& full = file->pages.front();
    if (!is_decodable(full)) return nullptr;
    auto levels = pyramid_of(*file);
    // Strips across a whole slide are worth reading in place only where a pyramid is there already.
    if (!full.tiled && (levels.size() == 1 || full.block_width * full.block_height > kMaxStripPixels)) return nullptr;
    const OmeDescription ome = describe_ome(full.description);
    const auto issues = issues_of(*file);
    auto slide = std::make_shared<TiffSlide>(path, std::move(levels), nullptr);
    SlideInfo& info = slide->description();
    info.vendor = !vendor.empty() ? vendor : ome.found ? "ome-tiff" : "tiff";
    if (ome.mpp) info.mpp = ome.mpp;
    info.objective = ome.objective;
    info.issues = issues;
    return slide;
}

std::shared_ptr<TiffSlide> open_pyramid(const fs::path& path, std::shared_ptr<const Slide> original) {
    const auto file = read_tiff(path);
    if (!file || file->cut || !is_decodable(file->pages.front())) throw Error(ErrorCode::BadInput, "is a spoilt pyramid; delete it", path);
    return std::make_shared<TiffSlide>(path, pyramid_of(*file), std::move(original));
}

}  // namespace c2l
