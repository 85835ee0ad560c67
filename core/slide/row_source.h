// A plain image (JPEG, PNG, TIFF) read from top to bottom as 8-bit RGB, a few rows in memory at a time.
// Grey, palette and 16-bit images are converted; transparency lies over white. Private to core/slide.
//
// EXIF/TIFF orientation is not applied: spot coordinates refer to pixels as stored. It is reported as an issue.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/issue.h"

namespace c2l {

class RowSource {
public:
    virtual ~RowSource() = default;
    virtual void read(int rows, std::uint8_t* rgb) = 0;  // the next rows; throws Error when the file is damaged

    std::string format;  // "jpeg", "png", "tiff"
    std::int64_t width = 0;
    std::int64_t height = 0;
    std::optional<double> mpp;
    std::vector<Issue> issues;
};

// Recognises the format by content. Throws Error(NotFound|BadInput|Unsupported) with one sentence.
std::unique_ptr<RowSource> open_rows(const std::filesystem::path& path);
std::unique_ptr<RowSource> open_jpeg_rows(const std::filesystem::path& path);
std::unique_ptr<RowSource> open_png_rows(const std::filesystem::path& path);
std::unique_ptr<RowSource> open_tiff_rows(const std::filesystem::path& path);

// For kinds of files that can only be decoded as a whole. Throws Error(Unsupported) when that takes more than kMaxWholeBytes, or more than
// half of the memory that can be had. `kind`: "a progressive JPEG"; `instead`: what to save it as.
constexpr std::int64_t kMaxWholeBytes = std::int64_t{2400} * 1000 * 1000;
void check_whole_decode(const RowSource& rows, std::int64_t bytes_per_pixel, const char* kind, const char* instead, const std::filesystem::path& path);

void check_readable_file(const std::filesystem::path& path);  // exists, a regular file, not empty

// Mean of two resolutions in µm per pixel. Screen and print values (72 dpi is 353 µm) say nothing of the specimen: only
// 0.05 … 20 µm is believed. Rounded to 6 decimals, since files keep resolution as a short ratio.
std::optional<double> plausible_mpp(double x, double y);

Issue orientation_issue(int orientation);

}  // namespace c2l
