// A Slide over one file that OpenSlide opens. Private to core/slide.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "slide/level_slide.h"

struct _openslide;

namespace c2l {

// OpenSlide's vendor name, empty when it does not know the file.
std::string openslide_vendor(const std::filesystem::path& path);

class OpenSlideSlide final : public LevelSlide {
public:
    // Opens, describes and reads a first tile, so that a file whose pixels cannot be decoded is refused at once.
    explicit OpenSlideSlide(const std::filesystem::path& path);

    Image read_patch(int level, std::int64_t x, std::int64_t y, int width, int height) const override;
    Image associated(const std::string& name) const override;

private:
    using Handle = std::shared_ptr<_openslide>;

    Handle handle() const;
    void check(const Handle& handle, const std::string& doing) const;
    void describe();

    std::filesystem::path file_;  // what OpenSlide reads; info_.path is what the user opened
    std::vector<double> openslide_downsamples_;
    mutable std::mutex mutex_;
    mutable Handle handle_;
};

}  // namespace c2l
