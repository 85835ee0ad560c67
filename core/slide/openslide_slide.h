// A Slide over one file that OpenSlide opens. Private to core/slide.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "slide/slide.h"

struct _openslide;

namespace c2l {

// OpenSlide's vendor name, empty when it does not know the file.
std::string openslide_vendor(const std::filesystem::path& path);

class OpenSlideSlide final : public Slide {
public:
    // Opens, describes and reads a first tile, so that a file whose pixels cannot be decoded is refused at once.
    explicit OpenSlideSlide(const std::filesystem::path& path);

    Image read(const Region& region, int out_w, int out_h) const override;
    Image read_tile(int level, std::int64_t tx, std::int64_t ty) const override;
    Image associated(const std::string& name) const override;

    SlideInfo& description() { return info_; }  // for the factory, before the slide is shared

private:
    using Handle = std::shared_ptr<_openslide>;

    Handle handle() const;
    void check(const Handle& handle, const std::string& doing) const;
    void describe();
    Image read_patch(int level, std::int64_t x, std::int64_t y, int width, int height) const;

    std::filesystem::path file_;  // what OpenSlide reads; info_.path is what the user opened
    std::vector<double> openslide_downsamples_;
    mutable std::mutex mutex_;
    mutable Handle handle_;
};

}  // namespace c2l
