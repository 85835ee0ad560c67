// A libtiff handle that keeps its messages to itself. Private to core/slide.
#pragma once

#include <tiffio.h>

#include <filesystem>
#include <memory>
#include <string>

namespace c2l {

struct CloseTiff {
    void operator()(TIFF* t) const { TIFFClose(t); }
};
using TiffHandle = std::unique_ptr<TIFF, CloseTiff>;

// Null when it cannot be opened. `message` receives the first error of the handle and must outlive it.
TiffHandle open_tiff(const std::filesystem::path& path, const char* mode, std::string& message);

// True when tiles or strips of a TIFF lie beyond the end of the file, or a directory cannot be read: it was cut while copying. False
// for other files.
bool is_cut_tiff(const std::filesystem::path& path);

}  // namespace c2l
