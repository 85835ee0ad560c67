#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "slide/jpeg_error.h"
#include "slide/row_source.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

// The orientation tag in an APP1 "Exif" segment; 1 when there is none.
int exif_orientation(const unsigned char* data, std::size_t size) {
    if (size < 14 || std::memcmp(data, "Exif\0\0", 6) != 0) return 1;
    const unsigned char* tiff = data + 6;
    const std::size_t bytes = size - 6;
    const bool little = tiff[0] == 'I';
    const auto u16 = [&](std::size_t at) { return little ? tiff[at] | tiff[at + 1] << 8 : tiff[at] << 8 | tiff[at + 1]; };
    const auto u32 = [&](std::size_t at) {
        return little ? static_cast<std::size_t>(u16(at)) | static_cast<std::size_t>(u16(at + 2)) << 16
                      : static_cast<std::size_t>(u16(at)) << 16 | static_cast<std::size_t>(u16(at + 2));
    };
    const std::size_t directory = u32(4);
    if (directory + 2 > bytes) return 1;
    const int entries = u16(directory);
    for (int i = 0; i < entries; ++i) {
        const std::size_t at = directory + 2 + static_cast<std::size_t>(i) * 12;
        if (at + 12 > bytes) break;
        if (u16(at) == 0x0112) {
            const int value = u16(at + 8);
            return value >= 1 && value <= 8 ? value : 1;
        }
    }
    return 1;
}

class JpegRows final : public RowSource {
public:
    explicit JpegRows(const fs::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb"), &std::fclose) {
        format = "jpeg";
        if (!file_) throw Error(ErrorCode::Io, "cannot be read; check the permissions", path);
        fail_by_jump(info_, error_);
        if (!read_header()) {
            jpeg_destroy_decompress(&info_);
            throw_damaged();
        }
        try {
            describe();
        } catch (...) {
            jpeg_destroy_decompress(&info_);
            throw;
        }
    }
    ~JpegRows() override { jpeg_destroy_decompress(&info_); }

    void read(int rows, std::uint8_t* rgb) override {
        if (!read_rows(rows, rgb)) throw_damaged();
    }

private:
    bool read_header() {
        if (setjmp(error_.jump)) return false;
        jpeg_create_decompress(&info_);
        watch_scans(info_, error_);
        jpeg_stdio_src(&info_, file_.get());
        jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xFFFF);
        jpeg_read_header(&info_, TRUE);
        return true;
    }

    void describe() {
        width = info_.image_width;
        height = info_.image_height;
        if (info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK)
            throw Error(ErrorCode::Unsupported, "is a CMYK image for printing; save it as an RGB image", path_);
        // libjpeg keeps all coefficients of a progressive image, 6 bytes a pixel; libjpeg-turbo is built without the files that could hold them.
        if (jpeg_has_multiple_scans(&info_)) check_whole_decode(*this, 6, "a progressive JPEG", "a baseline JPEG", path_);
        if (info_.saw_JFIF_marker && (info_.density_unit == 1 || info_.density_unit == 2)) {
            const double unit = info_.density_unit == 1 ? 25400 : 10000;
            mpp = plausible_mpp(unit / info_.X_density, unit / info_.Y_density);
        }
        for (auto* marker = info_.marker_list; marker; marker = marker->next) {
            const int orientation = exif_orientation(marker->data, marker->data_length);
            if (orientation == 1) continue;
            issues.push_back(orientation_issue(orientation));
            break;
        }
    }

    bool read_rows(int rows, std::uint8_t* rgb) {
        if (setjmp(error_.jump)) return false;
        if (!started_) {
            info_.out_color_space = JCS_RGB;
            jpeg_start_decompress(&info_);
            started_ = true;
        }
        for (int i = 0; i < rows; ++i) {
            JSAMPROW row = rgb + static_cast<std::size_t>(i) * static_cast<std::size_t>(width) * 3;
            if (jpeg_read_scanlines(&info_, &row, 1) != 1) return false;
        }
        // The end marker is asked for too: a file cut in its last bytes is damaged.
        if (info_.output_scanline == info_.output_height) jpeg_finish_decompress(&info_);
        return true;
    }

    [[noreturn]] void throw_damaged() const {
        throw Error(ErrorCode::BadInput, "is a damaged or incomplete JPEG; copy or export it again", path_, error_.message);
    }

    fs::path path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    jpeg_decompress_struct info_;
    JpegError error_;
    bool started_ = false;
};

}  // namespace

std::unique_ptr<RowSource> open_jpeg_rows(const fs::path& path) { return std::make_unique<JpegRows>(path); }

}  // namespace c2l
