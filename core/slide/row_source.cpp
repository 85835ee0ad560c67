#include "slide/row_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/job.h"
#include "slide/pyramid.h"

namespace c2l {

namespace fs = std::filesystem;

void check_readable_file(const fs::path& path) {
    std::error_code failed;
    const auto status = fs::status(path, failed);
    if (!fs::exists(status)) throw Error(ErrorCode::NotFound, "there is no such file; check the path", path);
    if (fs::is_directory(status)) throw Error(ErrorCode::BadInput, "is a folder, not a slide; choose the image file in it", path);
    if (!fs::is_regular_file(status)) throw Error(ErrorCode::BadInput, "is not a file; choose an image file", path);
    const auto size = fs::file_size(path, failed);
    if (!failed && size == 0) throw Error(ErrorCode::BadInput, "is empty; copy the file again", path);
    std::ifstream in(path, std::ios::binary);
    if (failed || !in) throw Error(ErrorCode::Io, "cannot be read; check the permissions", path);
}

void check_whole_decode(const RowSource& rows, std::int64_t bytes_per_pixel, const char* kind, const char* instead, const fs::path& path) {
    const auto needed = static_cast<double>(rows.width) * static_cast<double>(rows.height) * static_cast<double>(bytes_per_pixel);
    const auto had = static_cast<double>(available_memory_bytes());
    if (needed <= static_cast<double>(kMaxWholeBytes) && (had == 0 || needed <= had / 2)) return;
    char figures[96];
    std::snprintf(figures, sizeof figures, "%.1f GB of memory (at most %.1f GB is given)", needed / 1e9, std::min(static_cast<double>(kMaxWholeBytes), had > 0 ? had / 2 : 1e18) / 1e9);
    throw Error(ErrorCode::Unsupported,
                std::string("is ") + kind + " of " + std::to_string(rows.width) + " × " + std::to_string(rows.height) + " pixels, which can only be decoded as a whole and would take " + figures +
                    "; save it as " + instead + " or a pyramidal TIFF",
                path);
}

std::unique_ptr<RowSource> open_rows(const fs::path& path) {
    check_readable_file(path);
    std::array<unsigned char, 132> head{};
    std::ifstream(path, std::ios::binary).read(reinterpret_cast<char*>(head.data()), head.size());
    const auto starts = [&](const char* bytes, std::size_t n) { return std::memcmp(head.data(), bytes, n) == 0; };
    std::unique_ptr<RowSource> rows;
    if (starts("\xff\xd8\xff", 3))
        rows = open_jpeg_rows(path);
    else if (starts("\x89PNG\r\n\x1a\n", 8))
        rows = open_png_rows(path);
    else if (starts("II*\0", 4) || starts("MM\0*", 4) || starts("II+\0", 4) || starts("MM\0+", 4))
        rows = open_tiff_rows(path);
    else if (std::memcmp(head.data() + 128, "DICM", 4) == 0)
        throw Error(ErrorCode::Unsupported, "is a DICOM file, and the reader plug-in for DICOM was not found; 'c2l doctor' lists the plug-ins", path);
    else
        throw Error(ErrorCode::Unsupported, "is not an image that can be read; use a slide that OpenSlide knows, a JPEG, a PNG or a TIFF", path);
    if (rows->width < 1 || rows->height < 1) throw Error(ErrorCode::BadInput, "is damaged: it has no pixels; export or copy it again", path);
    if (rows->width > kMaxSlideSide || rows->height > kMaxSlideSide)
        throw Error(ErrorCode::Unsupported, "is larger than " + std::to_string(kMaxSlideSide) + " pixels on a side; save it as a pyramidal TIFF", path);
    return rows;
}

std::optional<double> plausible_mpp(double x, double y) {
    const auto believable = [](double v) { return std::isfinite(v) && v >= 0.05 && v <= 20; };
    if (!believable(x) || !believable(y)) return std::nullopt;
    return std::round((x + y) / 2 * 1e6) / 1e6;
}

Issue orientation_issue(int orientation) {
    return {Severity::Warning,
            "the file asks viewers to turn the image (orientation " + std::to_string(orientation) +
                "); it is shown as stored, check that the spots match",
            ""};
}

}  // namespace c2l
