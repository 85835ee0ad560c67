#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "slide/row_source.h"
#include "slide/tiff_handle.h"
#include "slide/tiff_pixels.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

// libtiff decodes a whole strip or tile at a time where rows cannot be asked for; larger ones are refused.
constexpr std::int64_t kMaxBlockPixels = 100 * 1000 * 1000;

int keep_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
    auto* message = static_cast<std::string*>(user);
    if (!message->empty()) return 1;
    char text[300];
    std::vsnprintf(text, sizeof text, format, arguments);
    *message = text;
    for (char& c : *message)
        if (c == '\n') c = ' ';
    return 1;
}
int ignore_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

class TiffRows final : public RowSource {
public:
    explicit TiffRows(const fs::path& path) : path_(path), tiff_(open_tiff(path, "r", message_)) {
        format = "tiff";
        if (!tiff_) throw_damaged();
        if (is_cut_tiff(path)) throw Error(ErrorCode::BadInput, "is incomplete or damaged: parts of the image are missing; copy it again", path);
        std::uint32_t w = 0, h = 0;
        if (!TIFFGetField(tiff_.get(), TIFFTAG_IMAGEWIDTH, &w) || !TIFFGetField(tiff_.get(), TIFFTAG_IMAGELENGTH, &h)) throw_damaged();
        width = w;
        height = h;
        read_tags();
        char why[1024] = "";
        if (!by_scanline_ && !TIFFRGBAImageOK(tiff_.get(), why))
            throw Error(ErrorCode::Unsupported, "is a TIFF of a kind that cannot be read; save it as an 8-bit RGB TIFF", path_, why);
    }

    void read(int rows, std::uint8_t* rgb) override {
        if (by_scanline_)
            for (int i = 0; i < rows; ++i) read_scanline(rgb + static_cast<std::size_t>(i) * row_bytes());
        else
            for (int i = 0; i < rows; ++i, ++next_) {
                if (next_ == block_end_) read_block();
                std::memcpy(rgb + static_cast<std::size_t>(i) * row_bytes(),
                            block_.data() + static_cast<std::size_t>(next_ - block_start_) * row_bytes(), row_bytes());
            }
    }

private:
    std::size_t row_bytes() const { return static_cast<std::size_t>(width) * 3; }

    template <class T> T tag(std::uint32_t name) {
        T value{};
        TIFFGetFieldDefaulted(tiff_.get(), name, &value);
        return value;
    }

    void read_tags() {
        bits_ = tag<std::uint16_t>(TIFFTAG_BITSPERSAMPLE);
        samples_ = tag<std::uint16_t>(TIFFTAG_SAMPLESPERPIXEL);
        photometric_ = tag<std::uint16_t>(TIFFTAG_PHOTOMETRIC);
        const auto compression = tag<std::uint16_t>(TIFFTAG_COMPRESSION);
        const auto orientation = tag<std::uint16_t>(TIFFTAG_ORIENTATION);
        if (orientation > 1 && orientation <= 8) issues.push_back(orientation_issue(orientation));
        TIFFSetField(tiff_.get(), TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);  // in memory: libtiff would turn RGBA blocks
        float x = 0, y = 0;
        const auto unit = tag<std::uint16_t>(TIFFTAG_RESOLUTIONUNIT);
        if (TIFFGetField(tiff_.get(), TIFFTAG_XRESOLUTION, &x) && TIFFGetField(tiff_.get(), TIFFTAG_YRESOLUTION, &y) && x > 0 && y > 0 &&
            (unit == RESUNIT_INCH || unit == RESUNIT_CENTIMETER)) {
            const double um = unit == RESUNIT_INCH ? 25400 : 10000;
            mpp = plausible_mpp(um / x, um / y);
        }
        if (compression == COMPRESSION_JPEG && photometric_ == PHOTOMETRIC_YCBCR) {
            TIFFSetField(tiff_.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
            photometric_ = PHOTOMETRIC_RGB;
        }
        const auto planar = tag<std::uint16_t>(TIFFTAG_PLANARCONFIG);
        const auto kind = tag<std::uint16_t>(TIFFTAG_SAMPLEFORMAT);
        if (kind != SAMPLEFORMAT_UINT && kind != SAMPLEFORMAT_VOID)
            throw Error(ErrorCode::Unsupported, "holds signed or floating-point numbers, not a stained section; save it as an 8-bit RGB TIFF", path_);
        const bool grey = photometric_ == PHOTOMETRIC_MINISBLACK || photometric_ == PHOTOMETRIC_MINISWHITE;
        const bool colours_fit = photometric_ == PHOTOMETRIC_RGB ? samples_ >= 3 && samples_ <= 8 : grey && samples_ >= 1 && samples_ <= 8;
        by_scanline_ = !TIFFIsTiled(tiff_.get()) && (planar == PLANARCONFIG_CONTIG || samples_ == 1) && (bits_ == 8 || bits_ == 16) && colours_fit;
        // Samples that are not alpha are further channels, which have no place in an RGB image.
        std::uint16_t extra = 0;
        std::uint16_t* kinds = nullptr;
        TIFFGetFieldDefaulted(tiff_.get(), TIFFTAG_EXTRASAMPLES, &extra, &kinds);
        layout_ = {.bits = bits_, .channels = samples_, .colours = grey ? 1 : 3, .inverted = photometric_ == PHOTOMETRIC_MINISWHITE, .alpha = Alpha::None};
        if (extra > 0 && kinds && samples_ == layout_.colours + extra)
            layout_.alpha = kinds[0] == EXTRASAMPLE_ASSOCALPHA ? Alpha::Multiplied : kinds[0] == EXTRASAMPLE_UNASSALPHA ? Alpha::Plain : Alpha::None;
    }

    void read_scanline(std::uint8_t* rgb) {
        const auto needed = static_cast<std::size_t>(width) * samples_ * (bits_ / 8);
        if (block_.empty()) {
            if (static_cast<std::size_t>(TIFFScanlineSize64(tiff_.get())) < needed) throw_damaged();
            block_.resize(static_cast<std::size_t>(TIFFScanlineSize64(tiff_.get())));
        }
        if (TIFFReadScanline(tiff_.get(), block_.data(), static_cast<std::uint32_t>(next_), 0) != 1) throw_damaged();
        ++next_;
        samples_to_rgb(block_.data(), static_cast<std::size_t>(width), layout_, rgb);
    }

    // One strip, or one row of tiles, through libtiff's own conversion to RGBA (bottom row first).
    void read_block() {
        TIFF* t = tiff_.get();
        std::uint32_t block_w = static_cast<std::uint32_t>(width), block_h = 0;
        if (TIFFIsTiled(t)) {
            TIFFGetField(t, TIFFTAG_TILEWIDTH, &block_w);
            TIFFGetField(t, TIFFTAG_TILELENGTH, &block_h);
        } else {
            block_h = std::min(tag<std::uint32_t>(TIFFTAG_ROWSPERSTRIP), static_cast<std::uint32_t>(height));
        }
        if (block_w == 0 || block_h == 0) throw_damaged();
        if (std::int64_t{block_w} * block_h > kMaxBlockPixels || width * block_h > 4 * kMaxBlockPixels)
            throw Error(ErrorCode::Unsupported, "is a TIFF in one piece too large to be read in parts; save it as a tiled TIFF", path_);
        const auto rows = static_cast<std::uint32_t>(std::min<std::int64_t>(block_h, height - next_));
        block_.resize(row_bytes() * block_h);
        std::vector<std::uint32_t> rgba(static_cast<std::size_t>(block_w) * block_h);
        for (std::int64_t x = 0; x < width; x += block_w) {
            const int done = TIFFIsTiled(t) ? TIFFReadRGBATile(t, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(next_), rgba.data())
                                            : TIFFReadRGBAStrip(t, static_cast<std::uint32_t>(next_), rgba.data());
            if (!done) throw_damaged();
            const auto columns = static_cast<std::size_t>(std::min<std::int64_t>(block_w, width - x));
            const std::uint32_t last = (TIFFIsTiled(t) ? block_h : rows) - 1;
            for (std::uint32_t y = 0; y < rows; ++y) {
                const std::uint32_t* in = rgba.data() + static_cast<std::size_t>(last - y) * block_w;
                std::uint8_t* out = block_.data() + y * row_bytes() + static_cast<std::size_t>(x) * 3;
                for (std::size_t i = 0; i < columns; ++i, out += 3) {  // colours arrive multiplied by alpha
                    const int a = static_cast<int>(TIFFGetA(in[i]));
                    out[0] = static_cast<std::uint8_t>(std::min(255, static_cast<int>(TIFFGetR(in[i])) + 255 - a));
                    out[1] = static_cast<std::uint8_t>(std::min(255, static_cast<int>(TIFFGetG(in[i])) + 255 - a));
                    out[2] = static_cast<std::uint8_t>(std::min(255, static_cast<int>(TIFFGetB(in[i])) + 255 - a));
                }
            }
        }
        block_start_ = next_;
        block_end_ = next_ + rows;
    }

    [[noreturn]] void throw_damaged() const {
        throw Error(ErrorCode::BadInput, "is a damaged TIFF or one of a kind that cannot be read; export it again as an RGB TIFF", path_, message_);
    }

    fs::path path_;
    std::string message_;
    TiffHandle tiff_;
    bool by_scanline_ = false;
    std::uint16_t bits_ = 0, samples_ = 0, photometric_ = 0;
    SampleLayout layout_;
    std::int64_t next_ = 0, block_start_ = 0, block_end_ = 0;
    std::vector<std::uint8_t> block_;  // one scanline as stored, or decoded rows
};

}  // namespace

TiffHandle open_tiff(const fs::path& path, const char* mode, std::string& message) {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(), &TIFFOpenOptionsFree);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), keep_error, &message);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), ignore_warning, nullptr);
    // A hostile header cannot make libtiff take more than this in one piece.
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), tmsize_t{1} << 30);
    return TiffHandle(TIFFOpenExt(path.c_str(), mode, options.get()));
}

std::unique_ptr<RowSource> open_tiff_rows(const fs::path& path) { return std::make_unique<TiffRows>(path); }

}  // namespace c2l
