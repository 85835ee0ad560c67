// A pyramid in a TIFF, decoded block by block without OpenSlide: generic tiled TIFF, OME-TIFF (SubIFDs), Aperio, and what OpenSlide
// refuses. Private to core/slide.
#pragma once

#include <filesystem>
#include <memory>

#include "slide/block_slide.h"
#include "slide/tiff_decoder.h"

namespace c2l {

class TiffSlide final : public BlockSlide {
public:
    // `levels` from fine to coarse, all decodable. `described`: the same file in OpenSlide's words (µm/px, objective, associated images),
    // may be null.
    TiffSlide(const std::filesystem::path& path, std::vector<TiffImage> levels, std::shared_ptr<const Slide> described);

    Image associated(const std::string& name) const override;

private:
    Image decode(int level, std::int64_t bx, std::int64_t by) const override;

    std::vector<TiffImage> levels_;
    std::shared_ptr<const Slide> described_;
    TiffDecoder decoder_;
};

// Null when the file is no TIFF, or of a kind that others must read: strips in one level, unusual samples, a vendor's own layout.
// `vendor`: OpenSlide's name for it. Throws Error when it is a TIFF that was cut.
std::shared_ptr<LevelSlide> open_tiff_slide(const std::filesystem::path& path, const std::string& vendor);

// A pyramid that write_pyramid made; described by `original`, unless that is null. Throws Error when it is spoilt.
std::shared_ptr<TiffSlide> open_pyramid(const std::filesystem::path& path, std::shared_ptr<const Slide> original);

}  // namespace c2l
