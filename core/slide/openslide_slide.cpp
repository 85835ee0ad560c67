#include "slide/openslide_slide.h"

#include <openslide.h>
#include <tiffio.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "slide/row_source.h"
#include "slide/tiff_directories.h"
#include "slide/tiff_handle.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

std::optional<double> number_property(openslide_t* slide, const char* name) {
    const char* text = openslide_get_property_value(slide, name);
    if (!text) return std::nullopt;
    double value = 0;
    const auto [end, failed] = std::from_chars(text, text + std::strlen(text), value);  // never the user's locale
    if (failed != std::errc() || !std::isfinite(value)) return std::nullopt;
    return value;
}

std::optional<double> read_mpp(openslide_t* slide) {
    const auto x = number_property(slide, OPENSLIDE_PROPERTY_NAME_MPP_X), y = number_property(slide, OPENSLIDE_PROPERTY_NAME_MPP_Y);
    if (x && y)
        if (const auto mpp = plausible_mpp(*x, *y)) return mpp;
    const auto dx = number_property(slide, "tiff.XResolution"), dy = number_property(slide, "tiff.YResolution");
    const char* unit = openslide_get_property_value(slide, "tiff.ResolutionUnit");
    if (!dx || !dy || !unit || *dx <= 0 || *dy <= 0) return std::nullopt;
    const std::string_view name = unit;
    if (name != "inch" && name != "centimeter") return std::nullopt;
    const double um = name == "inch" ? 25400 : 10000;
    return plausible_mpp(um / *dx, um / *dy);
}

// Premultiplied ARGB, as cairo keeps it, over white.
void over_white(const std::uint32_t* argb, std::size_t pixels, std::uint8_t* rgb) {
    for (std::size_t i = 0; i < pixels; ++i, rgb += 3) {
        const std::uint32_t p = argb[i], white = 255 - (p >> 24);
        rgb[0] = static_cast<std::uint8_t>(((p >> 16) & 255) + white);
        rgb[1] = static_cast<std::uint8_t>(((p >> 8) & 255) + white);
        rgb[2] = static_cast<std::uint8_t>((p & 255) + white);
    }
}

}  // namespace

std::string openslide_vendor(const fs::path& path) {
    // OpenSlide leaves libtiff's messages on, which print to the terminal; it reports errors itself.
    static std::once_flag quiet;
    std::call_once(quiet, [] {
        TIFFSetWarningHandler(nullptr);
        TIFFSetErrorHandler(nullptr);
    });
    check_tiff_directories(path);  // OpenSlide takes the memory first
    const char* vendor = openslide_detect_vendor(path.c_str());
    return vendor ? vendor : "";
}

OpenSlideSlide::OpenSlideSlide(const fs::path& path) : file_(path) {
    info_.path = path;
    info_.vendor = openslide_vendor(path);
    // OpenSlide reads NDPI past 4 GB, whose offsets make no sense to libtiff.
    if (info_.vendor != "hamamatsu" && is_cut_tiff(path)) throw Error(ErrorCode::BadInput, "is incomplete or damaged: parts of the slide are missing; copy it again", path);
    describe();
    check_pixels();
}

// An error makes an OpenSlide handle useless for good. The next reader gets a fresh one, so that one damaged tile costs
// that tile only.
OpenSlideSlide::Handle OpenSlideSlide::handle() const {
    const std::lock_guard lock(mutex_);
    if (!handle_) {
        openslide_t* opened = openslide_open(file_.c_str());
        if (!opened) throw Error(ErrorCode::Unsupported, "is not a slide that OpenSlide can open; export it as a pyramidal TIFF", info_.path);
        handle_ = Handle(opened, &openslide_close);
    }
    return handle_;
}

void OpenSlideSlide::check(const Handle& handle, const std::string& doing) const {
    const char* failed = openslide_get_error(handle.get());
    if (!failed) return;
    {
        const std::lock_guard lock(mutex_);
        if (handle_ == handle) handle_.reset();
    }
    throw Error(ErrorCode::BadInput, doing, info_.path, failed);
}

void OpenSlideSlide::describe() {
    const Handle slide = handle();
    const std::string refusal = "is a damaged slide or one of a kind that cannot be read; copy or export it again";
    check(slide, refusal);
    const int levels = openslide_get_level_count(slide.get());
    for (int i = 0; i < levels; ++i) {
        Level level;
        openslide_get_level_dimensions(slide.get(), i, &level.width, &level.height);
        const double said = openslide_get_level_downsample(slide.get(), i);
        if (level.width < 1 || level.height < 1 || !(said > 0)) throw Error(ErrorCode::BadInput, refusal, info_.path);
        openslide_downsamples_.push_back(said);
        if (i == 0) {
            info_.width = level.width;
            info_.height = level.height;
        }
        level.downsample = true_downsample(info_.width, info_.height, level.width, level.height, said);
        info_.levels.push_back(level);
    }
    if (info_.levels.empty()) throw Error(ErrorCode::BadInput, refusal, info_.path);
    info_.mpp = read_mpp(slide.get());
    const auto objective = number_property(slide.get(), OPENSLIDE_PROPERTY_NAME_OBJECTIVE_POWER);
    if (objective && *objective > 0 && *objective <= 1000) info_.objective = objective;
    if (const char* const* names = openslide_get_associated_image_names(slide.get()))
        for (; *names; ++names) info_.associated.emplace_back(*names);
    check(slide, refusal);
}

// Level pixels; beyond the level's edge OpenSlide gives transparency, hence white.
Image OpenSlideSlide::read_patch(int level, std::int64_t x, std::int64_t y, int width, int height) const {
    const Handle slide = handle();
    const double downsample = openslide_downsamples_[static_cast<std::size_t>(level)];
    std::vector<std::uint32_t> argb(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
    openslide_read_region(slide.get(), argb.data(), std::llround(static_cast<double>(x) * downsample),
                          std::llround(static_cast<double>(y) * downsample), level, width, height);
    check(slide, "a part of the slide cannot be decoded; the file is damaged, copy or export it again");
    Image image(width, height);
    over_white(argb.data(), argb.size(), image.rgb.data());
    return image;
}

Image OpenSlideSlide::associated(const std::string& name) const {
    if (std::find(info_.associated.begin(), info_.associated.end(), name) == info_.associated.end())
        throw Error(ErrorCode::NotFound, "the slide has no image named '" + name + "'", info_.path);
    const Handle slide = handle();
    std::int64_t width = 0, height = 0;
    openslide_get_associated_image_dimensions(slide.get(), name.c_str(), &width, &height);
    check(slide, "the image '" + name + "' in the slide cannot be read");
    if (width < 1 || height < 1 || width > kMaxReadPixels / height)
        throw Error(ErrorCode::BadInput, "the image '" + name + "' in the slide is empty or too large", info_.path);
    std::vector<std::uint32_t> argb(static_cast<std::size_t>(width * height));
    openslide_read_associated_image(slide.get(), name.c_str(), argb.data());
    check(slide, "the image '" + name + "' in the slide cannot be read");
    Image image(static_cast<int>(width), static_cast<int>(height));
    over_white(argb.data(), argb.size(), image.rgb.data());
    return image;
}

}  // namespace c2l
