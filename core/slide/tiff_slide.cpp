#include "slide/tiff_slide.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <tuple>

#include "base/error.h"
#include "slide/ome_xml.h"
#include "slide/openslide_slide.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kMaxBandPixels = std::int64_t{64} << 20;

}  // namespace

// Least recently used blocks, as decoded.
struct TiffSlide::BlockCache {
    using Key = std::tuple<int, std::int64_t, std::int64_t>;
    using Kept = std::pair<Key, std::shared_ptr<const Image>>;

    std::mutex mutex;
    std::list<Kept> order;  // most recently used first
    std::map<Key, std::list<Kept>::iterator> places;
    std::size_t bytes = 0;

    std::shared_ptr<const Image> find(const Key& key) {
        const std::lock_guard lock(mutex);
        const auto found = places.find(key);
        if (found == places.end()) return nullptr;
        order.splice(order.begin(), order, found->second);
        return order.front().second;
    }
    void keep(const Key& key, const std::shared_ptr<const Image>& image) {
        const std::lock_guard lock(mutex);
        if (places.count(key)) return;  // another thread was faster
        order.emplace_front(key, image);
        places[key] = order.begin();
        bytes += image->rgb.size();
        while (bytes > kBlockCacheBytes && order.size() > 1) {
            bytes -= order.back().second->rgb.size();
            places.erase(order.back().first);
            order.pop_back();
        }
    }
};

TiffSlide::TiffSlide(const fs::path& path, std::vector<TiffImage> levels, std::shared_ptr<const Slide> described)
    : levels_(std::move(levels)), described_(std::move(described)), decoder_(path), cache_(std::make_unique<BlockCache>()) {
    info_.path = path;
    if (described_) info_ = described_->info();
    const TiffImage& full = levels_.front();
    info_.width = full.width;
    info_.height = full.height;
    info_.levels.clear();
    for (const TiffImage& image : levels_) {
        // The longer side suffers less from rounding.
        const bool wide = full.width >= full.height;
        const double said = static_cast<double>(wide ? full.width : full.height) / static_cast<double>(wide ? image.width : image.height);
        info_.levels.push_back({image.width, image.height, true_downsample(full.width, full.height, image.width, image.height, said)});
    }
    if (!info_.mpp) info_.mpp = full.mpp;
    check_pixels();
}

TiffSlide::~TiffSlide() = default;

int TiffSlide::natural_rows() const {
    const TiffImage& full = levels_.front();
    std::int64_t rows = full.block_height;
    while (rows > 64 && rows * full.width > kMaxBandPixels) rows = (rows + 1) / 2;
    return static_cast<int>(rows);
}

std::shared_ptr<const Image> TiffSlide::block(int level, std::int64_t bx, std::int64_t by, bool keep) const {
    const BlockCache::Key key{level, bx, by};
    if (auto kept = cache_->find(key)) return kept;
    auto image = std::make_shared<const Image>(decoder_.decode(levels_[static_cast<std::size_t>(level)], bx, by));
    if (keep) cache_->keep(key, image);
    return image;
}

Image TiffSlide::read_patch(int level, std::int64_t x, std::int64_t y, int width, int height) const {
    const TiffImage& from = levels_[static_cast<std::size_t>(level)];
    const std::int64_t bw = from.block_width, bh = from.block_height;
    if (x % bw == 0 && y % bh == 0 && width == bw && height == bh) return decoder_.decode(from, x / bw, y / bh);
    Image out;
    out.width = width;
    out.height = height;
    out.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
    for (std::int64_t by = y / bh; by * bh < y + height; ++by)
        for (std::int64_t bx = x / bw; bx * bw < x + width; ++bx) {
            const std::int64_t left = std::max(x, bx * bw), right = std::min(x + width, (bx + 1) * bw);
            const std::int64_t top = std::max(y, by * bh), bottom = std::min(y + height, (by + 1) * bh);
            const bool whole = right - left == std::min(bw, from.width - bx * bw) && bottom - top == std::min(bh, from.height - by * bh);
            const auto image = block(level, bx, by, !whole);
            for (std::int64_t row = top; row < bottom; ++row)
                std::memcpy(out.at(static_cast<int>(left - x), static_cast<int>(row - y)),
                            image->at(static_cast<int>(left - bx * bw), static_cast<int>(row - by * bh)),
                            static_cast<std::size_t>(right - left) * 3);
        }
    return out;
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
