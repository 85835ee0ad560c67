// A whole-slide image: pyramids through OpenSlide; plain JPEG, PNG and TIFF through one streaming conversion to a tiled
// pyramid that is kept (and found again) in a cache folder.
//
// Frame: all coordinates are level-0 pixels, x to the right, y down, origin at the top-left corner; a pixel's centre
// is at +0.5. Threads: a Slide is immutable and may be read from any thread. Errors: c2l::Error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/image.h"
#include "base/issue.h"
#include "base/job.h"

namespace c2l {

struct Level {
    std::int64_t width = 0;   // pixels of this level
    std::int64_t height = 0;
    double downsample = 1;    // level-0 pixels per pixel of this level
};

struct SlideInfo {
    std::string id;      // SHA-256 of the file's content (of the original, not of the converted pyramid)
    std::string vendor;  // OpenSlide's vendor, or "jpeg", "png", "tiff" for converted plain images
    std::filesystem::path path;
    std::int64_t width = 0;
    std::int64_t height = 0;
    std::vector<Level> levels;
    std::optional<double> mpp;        // µm per level-0 pixel (mean of x and y), from the file or the user
    bool mpp_from_user = false;
    std::optional<double> objective;  // magnification, e.g. 20
    std::vector<std::string> associated;  // names only: label, macro, thumbnail
    std::vector<Issue> issues;
};

// Level-0 pixels; may reach outside the slide, where tissue-free white is returned.
struct Region {
    double x = 0, y = 0, w = 0, h = 0;
};

struct OpenOptions {
    std::optional<double> mpp;            // overrides the file's value
    std::filesystem::path pyramid_cache;  // folder for converted plain images; empty: a folder in the user's cache
    std::optional<std::string> known_id;  // skips hashing when the caller has verified the file already
};

class Slide {
public:
    // Blocks; converting a plain image takes seconds and reports progress as step "convert".
    static std::shared_ptr<const Slide> open(const std::filesystem::path& path, const OpenOptions& options, const JobContext& ctx);
    virtual ~Slide() = default;

    const SlideInfo& info() const { return info_; }

    // The region resampled to out_w × out_h pixels (area mean when shrinking, bilinear when enlarging; exact pixels
    // when the scale is 1 and the origin is whole). Reads the level just finer than asked for. Blocks.
    virtual Image read(const Region& region, int out_w, int out_h) const = 0;

    // Tile (tx, ty) of kTilePx × kTilePx pixels of a level; cropped at the right and bottom edge. Blocks. This is
    // what the tile cache serves to the viewer.
    static constexpr int kTilePx = 256;
    virtual Image read_tile(int level, std::int64_t tx, std::int64_t ty) const = 0;

    // A named associated image (label, macro, thumbnail). Throws Error(NotFound).
    virtual Image associated(const std::string& name) const = 0;

    // Whole slide at most `max_px` wide and high.
    Image overview(int max_px) const;

protected:
    SlideInfo info_;
};

// A cheap look: what the file is, without hashing or converting it. id is empty; levels of a plain image is one.
// Throws Error(Unsupported|BadInput|NotFound) with one clear sentence.
SlideInfo probe_slide(const std::filesystem::path& path);

}  // namespace c2l
