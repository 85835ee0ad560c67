#include <png.h>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "slide/row_source.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

struct PngError {
    std::jmp_buf jump;
    char message[256] = "";
};

void fail(png_structp png, png_const_charp message) {
    auto* error = static_cast<PngError*>(png_get_error_ptr(png));
    std::snprintf(error->message, sizeof error->message, "%s", message);
    std::longjmp(error->jump, 1);
}
void silent(png_structp, png_const_charp) {}

void lay_over_white(const std::uint8_t* rgba, std::int64_t pixels, std::uint8_t* rgb) {
    for (std::int64_t i = 0; i < pixels; ++i, rgba += 4, rgb += 3)
        for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>((rgba[c] * rgba[3] + 255 * (255 - rgba[3]) + 127) / 255);
}

class PngRows final : public RowSource {
public:
    explicit PngRows(const fs::path& path) : path_(path), file_(std::fopen(path.c_str(), "rb"), &std::fclose) {
        format = "png";
        if (!file_) throw Error(ErrorCode::Io, "cannot be read; check the permissions", path);
        png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, &error_, fail, silent);
        if (png_) info_ = png_create_info_struct(png_);
        const bool read = png_ && info_ && read_header();
        try {
            if (!read) throw_damaged();
            if (interlaced_) check_whole_decode(*this, alpha_ ? 4 : 3, "an interlaced PNG", "a PNG without interlacing", path);  // every pass touches every row
        } catch (...) {
            png_destroy_read_struct(&png_, &info_, nullptr);
            throw;
        }
    }
    ~PngRows() override { png_destroy_read_struct(&png_, &info_, nullptr); }

    void read(int rows, std::uint8_t* rgb) override {
        prepare();
        for (int i = 0; i < rows; ++i, rgb += width * 3) {
            const std::uint8_t* row = whole_.empty() ? row_.data() : whole_.data() + static_cast<std::size_t>(next_) * row_.size();
            if (whole_.empty() && !read_row(row_.data())) throw_damaged();
            if (alpha_)
                lay_over_white(row, width, rgb);
            else
                std::memcpy(rgb, row, static_cast<std::size_t>(width) * 3);
            ++next_;
        }
        if (next_ == height && !read_end()) throw_damaged();
    }

private:
    bool read_header() {
        if (setjmp(error_.jump)) return false;
        png_init_io(png_, file_.get());
        png_read_info(png_, info_);
        width = png_get_image_width(png_, info_);
        height = png_get_image_height(png_, info_);
        interlaced_ = png_get_interlace_type(png_, info_) != PNG_INTERLACE_NONE;
        const auto x = png_get_x_pixels_per_meter(png_, info_), y = png_get_y_pixels_per_meter(png_, info_);
        if (x > 0 && y > 0) mpp = plausible_mpp(1e6 / x, 1e6 / y);
        png_set_expand(png_);
        png_set_scale_16(png_);
        png_set_gray_to_rgb(png_);
        if (interlaced_) png_set_interlace_handling(png_);
        png_read_update_info(png_, info_);
        alpha_ = png_get_channels(png_, info_) == 4;
        return true;
    }

    void prepare() {
        if (!row_.empty()) return;
        row_.resize(static_cast<std::size_t>(width) * (alpha_ ? 4 : 3));
        if (!interlaced_) return;
        whole_.resize(row_.size() * static_cast<std::size_t>(height));
        rows_.resize(static_cast<std::size_t>(height));
        for (std::size_t y = 0; y < rows_.size(); ++y) rows_[y] = whole_.data() + y * row_.size();
        if (!read_whole()) throw_damaged();
    }

    // No object with a destructor lives in the functions that libpng may leave by longjmp.
    bool read_row(png_bytep row) {
        if (setjmp(error_.jump)) return false;
        png_read_row(png_, row, nullptr);
        return true;
    }
    bool read_whole() {
        if (setjmp(error_.jump)) return false;
        png_read_image(png_, rows_.data());
        return true;
    }
    bool read_end() {
        if (setjmp(error_.jump)) return false;
        png_read_end(png_, nullptr);
        return true;
    }

    [[noreturn]] void throw_damaged() const {
        throw Error(ErrorCode::BadInput, "is a damaged or incomplete PNG; copy or export it again", path_, error_.message);
    }

    fs::path path_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
    PngError error_;
    png_structp png_ = nullptr;
    png_infop info_ = nullptr;
    bool interlaced_ = false, alpha_ = false;
    std::int64_t next_ = 0;
    std::vector<std::uint8_t> row_, whole_;
    std::vector<png_bytep> rows_;
};

}  // namespace

std::unique_ptr<RowSource> open_png_rows(const fs::path& path) { return std::make_unique<PngRows>(path); }

}  // namespace c2l
