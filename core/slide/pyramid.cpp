#include "slide/pyramid.h"

#include <tiffio.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <future>
#include <memory>
#include <vector>

#include "base/cores.h"
#include "base/error.h"
#include "base/file.h"
#include "slide/tiff_handle.h"
#include "slide/tile_encoder.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr int kTile = 256;
constexpr int kQuality = 95;
constexpr std::int64_t kSmallestLevel = 1024;

struct SpooledTile {
    std::int64_t offset = 0;
    std::int64_t bytes = 0;
};

// One row of tiles of a level, filled from the top.
struct LevelStrip {
    std::int64_t width = 0, height = 0;
    std::int64_t first_row = 0;  // of the strip
    int filled = 0;              // rows in it
    std::vector<std::uint8_t> rgb;
    std::vector<SpooledTile> tiles;  // of finished strips, levels above 0 only

    std::size_t row_bytes() const { return static_cast<std::size_t>(width) * 3; }
    std::int64_t tiles_across() const { return (width + kTile - 1) / kTile; }
    bool complete() const { return filled == kTile || first_row + filled == height; }
};

// A TIFF holds one directory at a time while it is written, so that the compressed tiles of the levels above 0 wait in a
// file beside it.
class Spool {
public:
    explicit Spool(fs::path path) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "w+b")) {
        if (!file_) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path_);
    }
    ~Spool() {
        std::fclose(file_);
        std::error_code ignored;
        fs::remove(path_, ignored);
    }
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    SpooledTile append(const std::vector<std::uint8_t>& data) {
        const SpooledTile tile{end_, static_cast<std::int64_t>(data.size())};
        if (std::fwrite(data.data(), 1, data.size(), file_) != data.size())
            throw Error(ErrorCode::Io, "the disk is full or cannot be written", path_);
        end_ += tile.bytes;
        return tile;
    }
    std::vector<std::uint8_t> read(const SpooledTile& tile) {
        std::vector<std::uint8_t> data(static_cast<std::size_t>(tile.bytes));
        if (fseeko(file_, tile.offset, SEEK_SET) != 0 || std::fread(data.data(), 1, data.size(), file_) != data.size())
            throw Error(ErrorCode::Io, "the disk is full or cannot be read", path_);
        return data;
    }

private:
    fs::path path_;
    std::FILE* file_;
    std::int64_t end_ = 0;
};

class PyramidWriter {
public:
    PyramidWriter(const fs::path& path, std::int64_t width, std::int64_t height, std::optional<double> mpp)
        : mpp_(mpp), spool_(fs::path(path) += ".levels") {
        // Compressed tiles never pass the raw pixels by more than their headers; the levels add a third.
        const bool big = static_cast<double>(width) * static_cast<double>(height) * 3 * 1.4 > 3.9e9;
        tiff_ = open_tiff(path, big ? "w8" : "w4", message_);
        if (!tiff_) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path, message_);
        for (std::int64_t w = width, h = height;; w = (w + 1) / 2, h = (h + 1) / 2) {
            LevelStrip level;
            level.width = w;
            level.height = h;
            level.rgb.resize(level.row_bytes() * static_cast<std::size_t>(std::min<std::int64_t>(kTile, h)));
            levels_.push_back(std::move(level));
            if (std::max(w, h) < kSmallestLevel) break;
        }
        begin_directory(0);
    }

    LevelStrip& base() { return levels_[0]; }

    // The caller has filled rows of level 0; a full strip is written and passed on to the next level.
    void added(std::size_t at) {
        LevelStrip& level = levels_[at];
        if (!level.complete()) return;
        if (at + 1 < levels_.size()) halve_into(at);
        flush(at);
    }

    void finish() {
        end_directory();
        for (std::size_t at = 1; at < levels_.size(); ++at) {
            begin_directory(at);
            for (std::size_t i = 0; i < levels_[at].tiles.size(); ++i) write_tile(i, spool_.read(levels_[at].tiles[i]));
            end_directory();
        }
        tiff_.reset();
    }

private:
    void begin_directory(std::size_t at) {
        TIFF* t = tiff_.get();
        const LevelStrip& level = levels_[at];
        TIFFSetField(t, TIFFTAG_SUBFILETYPE, at == 0 ? 0 : FILETYPE_REDUCEDIMAGE);
        TIFFSetField(t, TIFFTAG_IMAGEWIDTH, static_cast<std::uint32_t>(level.width));
        TIFFSetField(t, TIFFTAG_IMAGELENGTH, static_cast<std::uint32_t>(level.height));
        TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 8);
        TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 3);
        TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
        TIFFSetField(t, TIFFTAG_COMPRESSION, COMPRESSION_JPEG);
        TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_YCBCR);
        TIFFSetField(t, TIFFTAG_YCBCRSUBSAMPLING, 1, 1);
        TIFFSetField(t, TIFFTAG_TILEWIDTH, kTile);
        TIFFSetField(t, TIFFTAG_TILELENGTH, kTile);
        TIFFSetField(t, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
        if (mpp_) {
            const double pixels_per_cm = 1e4 / (*mpp_ * static_cast<double>(std::int64_t{1} << at));
            TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, RESUNIT_CENTIMETER);
            TIFFSetField(t, TIFFTAG_XRESOLUTION, pixels_per_cm);
            TIFFSetField(t, TIFFTAG_YRESOLUTION, pixels_per_cm);
        }
        TIFFSetField(t, TIFFTAG_SOFTWARE, "C2L Studio");
    }

    void end_directory() {
        if (!TIFFWriteDirectory(tiff_.get())) throw_full();
    }

    void write_tile(std::size_t index, std::vector<std::uint8_t> data) {
        const auto bytes = static_cast<tmsize_t>(data.size());
        if (TIFFWriteRawTile(tiff_.get(), static_cast<std::uint32_t>(index), data.data(), bytes) != bytes) throw_full();
    }

    [[noreturn]] void throw_full() const {
        throw Error(ErrorCode::Io, "the pyramid cannot be written; check the space on the disk", {}, message_);
    }

    // 2 × 2 box means of the strip become rows of the next level; at an odd edge the pixels that exist are averaged.
    void halve_into(std::size_t at) {
        const LevelStrip& from = levels_[at];
        for (int y = 0; y < from.filled; y += 2) {
            LevelStrip& to = levels_[at + 1];
            const std::uint8_t* top = from.rgb.data() + from.row_bytes() * static_cast<std::size_t>(y);
            const std::uint8_t* bottom = y + 1 < from.filled ? top + from.row_bytes() : top;
            std::uint8_t* out = to.rgb.data() + to.row_bytes() * static_cast<std::size_t>(to.filled);
            for (std::int64_t x = 0; x < to.width; ++x, out += 3) {
                const std::int64_t left = x * 6;
                const std::int64_t right = 2 * x + 1 < from.width ? left + 3 : left;
                for (int c = 0; c < 3; ++c)
                    out[c] = static_cast<std::uint8_t>((top[left + c] + top[right + c] + bottom[left + c] + bottom[right + c] + 2) / 4);
            }
            ++to.filled;
            added(at + 1);
        }
    }

    void flush(std::size_t at) {
        LevelStrip& level = levels_[at];
        const auto across = level.tiles_across();
        std::vector<std::vector<std::uint8_t>> encoded(static_cast<std::size_t>(across));
        const auto workers = std::clamp<std::int64_t>(usable_cores(), 1, std::min<std::int64_t>(across, 8));
        std::vector<std::future<void>> parts;
        for (std::int64_t worker = 0; worker < workers; ++worker)
            parts.push_back(std::async(std::launch::async, [&level, &encoded, across, worker, workers] {
                for (std::int64_t tx = worker; tx < across; tx += workers) encoded[static_cast<std::size_t>(tx)] = encode_tile(level, tx);
            }));
        for (auto& part : parts) part.get();
        const auto row = level.first_row / kTile;
        for (std::int64_t tx = 0; tx < across; ++tx) {
            if (at == 0)
                write_tile(static_cast<std::size_t>(row * across + tx), std::move(encoded[static_cast<std::size_t>(tx)]));
            else
                level.tiles.push_back(spool_.append(encoded[static_cast<std::size_t>(tx)]));
        }
        level.first_row += level.filled;
        level.filled = 0;
    }

    // Beyond the edge the last pixel is repeated, which compresses without ringing into the image.
    static std::vector<std::uint8_t> encode_tile(const LevelStrip& level, std::int64_t tx) {
        const std::size_t tile_row = kTile * 3;
        std::vector<std::uint8_t> tile(tile_row * kTile);
        const auto columns = static_cast<std::size_t>(std::min<std::int64_t>(kTile, level.width - tx * kTile));
        for (int y = 0; y < kTile; ++y) {
            const auto source = static_cast<std::size_t>(std::min(y, level.filled - 1));
            std::uint8_t* out = tile.data() + tile_row * static_cast<std::size_t>(y);
            std::memcpy(out, level.rgb.data() + level.row_bytes() * source + static_cast<std::size_t>(tx) * tile_row, columns * 3);
            for (std::size_t x = columns; x < kTile; ++x) std::memcpy(out + x * 3, out + (columns - 1) * 3, 3);
        }
        return encode_jpeg_tile(tile.data(), kTile, kTile, tile_row, kQuality);
    }

    std::optional<double> mpp_;
    std::string message_;
    Spool spool_;
    TiffHandle tiff_;
    std::vector<LevelStrip> levels_;
};

}  // namespace

void write_pyramid(const fs::path& out, std::int64_t width, std::int64_t height, std::optional<double> mpp, const RowReader& read_rows,
                   const JobContext& ctx) {
    if (width < 1 || height < 1 || width > kMaxSlideSide || height > kMaxSlideSide)
        throw Error(ErrorCode::Unsupported, "an image of " + std::to_string(width) + " × " + std::to_string(height) +
                                                " pixels cannot be made into a pyramid; crop or shrink it", out);
    if (mpp && !(std::isfinite(*mpp) && *mpp > 0)) throw Error(ErrorCode::BadInput, "µm per pixel must be above 0", out);
    replace_file(out, [&](const fs::path& temporary) {
        PyramidWriter writer(temporary, width, height, mpp);
        const EtaClock clock;
        for (std::int64_t row = 0; row < height;) {
            ctx.check_stop();
            const int rows = static_cast<int>(std::min<std::int64_t>(kTile, height - row));
            read_rows(row, rows, writer.base().rgb.data());
            writer.base().filled = rows;
            writer.added(0);
            row += rows;
            Progress progress;
            progress.step = "convert";
            progress.done = row;
            progress.total = height;
            progress.eta_s = clock.eta_s(row, height);
            ctx.progress(progress);
        }
        writer.finish();
    });
}

}  // namespace c2l
