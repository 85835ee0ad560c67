#include "slide/tiff_image.h"

#include <tiffio.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>

#include "base/error.h"
#include "slide/row_source.h"
#include "slide/tiff_handle.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr int kMaxDirectories = 1000;
constexpr std::uint64_t kMaxBlocks = std::uint64_t{16} << 20;     // of all directories together: 256 MiB of tables
constexpr std::int64_t kMaxBlockBytes = std::int64_t{128} << 20;  // decoded in one piece
constexpr std::size_t kMaxDescription = std::size_t{1} << 20;

template <class T>
T tag(TIFF* t, std::uint32_t name) {
    T value{};
    TIFFGetFieldDefaulted(t, name, &value);
    return value;
}

SampleLayout layout_of(TIFF* t, std::uint16_t photometric) {
    SampleLayout layout;
    layout.bits = tag<std::uint16_t>(t, TIFFTAG_BITSPERSAMPLE);
    layout.channels = tag<std::uint16_t>(t, TIFFTAG_SAMPLESPERPIXEL);
    layout.colours = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE ? 1 : 3;
    layout.inverted = photometric == PHOTOMETRIC_MINISWHITE;
    std::uint16_t extra = 0;
    std::uint16_t* kinds = nullptr;
    TIFFGetFieldDefaulted(t, TIFFTAG_EXTRASAMPLES, &extra, &kinds);
    if (extra > 0 && kinds && layout.channels == layout.colours + extra) {
        if (kinds[0] == EXTRASAMPLE_ASSOCALPHA) layout.alpha = Alpha::Multiplied;
        if (kinds[0] == EXTRASAMPLE_UNASSALPHA) layout.alpha = Alpha::Plain;
    }
    return layout;
}

// ImageJ leaves the unit tag empty and names the unit in its description.
bool is_imagej_micron(const std::string& description) {
    if (description.rfind("ImageJ=", 0) != 0) return false;
    const auto at = description.find("\nunit=");
    if (at == std::string::npos) return false;
    const std::string unit = description.substr(at + 6, description.find('\n', at + 6) - at - 6);
    return unit == "micron" || unit == "um" || unit == "\u00b5m" || unit == "\\u00B5m";
}

std::optional<double> mpp_of(TIFF* t, const std::string& description) {
    float x = 0, y = 0;
    if (!TIFFGetField(t, TIFFTAG_XRESOLUTION, &x) || !TIFFGetField(t, TIFFTAG_YRESOLUTION, &y) || !(x > 0) || !(y > 0)) return std::nullopt;
    const auto unit = tag<std::uint16_t>(t, TIFFTAG_RESOLUTIONUNIT);
    if (is_imagej_micron(description)) return plausible_mpp(1 / x, 1 / y);
    if (unit != RESUNIT_INCH && unit != RESUNIT_CENTIMETER) return std::nullopt;
    const double um = unit == RESUNIT_INCH ? 25400 : 10000;
    return plausible_mpp(um / x, um / y);
}

enum class Directory { Good, Other, Cut };  // other: no image in it

Directory read_tables(TIFF* t, std::uint64_t file_bytes, std::uint64_t& blocks_left, TiffImage& image) {
    const std::uint64_t blocks = image.tiled ? TIFFNumberOfTiles(t) : TIFFNumberOfStrips(t);
    if (blocks > blocks_left) throw Error(ErrorCode::Unsupported, "is cut into too many pieces, or damaged; save it with larger tiles");
    const auto planes = static_cast<std::uint64_t>(image.separate_planes ? image.layout.channels : 1);
    if (blocks < planes * static_cast<std::uint64_t>(image.across()) * static_cast<std::uint64_t>(image.down())) return Directory::Cut;
    std::uint64_t *offsets = nullptr, *bytes = nullptr;
    if (!TIFFGetField(t, image.tiled ? TIFFTAG_TILEOFFSETS : TIFFTAG_STRIPOFFSETS, &offsets) || !offsets) return Directory::Other;
    if (!TIFFGetField(t, image.tiled ? TIFFTAG_TILEBYTECOUNTS : TIFFTAG_STRIPBYTECOUNTS, &bytes) || !bytes) return Directory::Other;
    for (std::uint64_t i = 0; i < blocks; ++i)
        if (bytes[i] > file_bytes || offsets[i] > file_bytes - bytes[i]) return Directory::Cut;
    image.offsets.assign(offsets, offsets + blocks);
    image.bytes.assign(bytes, bytes + blocks);
    blocks_left -= blocks;
    return Directory::Good;
}

Directory read_directory(TIFF* t, std::uint64_t file_bytes, std::uint64_t& blocks_left, TiffImage& image) {
    image.width = tag<std::uint32_t>(t, TIFFTAG_IMAGEWIDTH);
    image.height = tag<std::uint32_t>(t, TIFFTAG_IMAGELENGTH);
    image.tiled = TIFFIsTiled(t);
    if (image.tiled) {
        image.block_width = tag<std::uint32_t>(t, TIFFTAG_TILEWIDTH);
        image.block_height = tag<std::uint32_t>(t, TIFFTAG_TILELENGTH);
    } else {
        image.block_width = image.width;
        image.block_height = std::min<std::int64_t>(tag<std::uint32_t>(t, TIFFTAG_ROWSPERSTRIP), image.height);
    }
    if (image.width < 1 || image.height < 1 || image.block_width < 1 || image.block_height < 1) return Directory::Other;
    image.compression = tag<std::uint16_t>(t, TIFFTAG_COMPRESSION);
    image.photometric = tag<std::uint16_t>(t, TIFFTAG_PHOTOMETRIC);
    image.sample_format = tag<std::uint16_t>(t, TIFFTAG_SAMPLEFORMAT);
    image.reduced = tag<std::uint32_t>(t, TIFFTAG_SUBFILETYPE) & FILETYPE_REDUCEDIMAGE;
    image.orientation = tag<std::uint16_t>(t, TIFFTAG_ORIENTATION);
    image.layout = layout_of(t, image.photometric);
    image.separate_planes = tag<std::uint16_t>(t, TIFFTAG_PLANARCONFIG) == PLANARCONFIG_SEPARATE && image.layout.channels > 1;
    image.directory = TIFFCurrentDirOffset(t);
    std::uint32_t table_bytes = 0;
    const void* tables = nullptr;
    if (image.compression == COMPRESSION_JPEG && TIFFGetField(t, TIFFTAG_JPEGTABLES, &table_bytes, &tables) && tables)
        image.jpeg_tables.assign(static_cast<const std::uint8_t*>(tables), static_cast<const std::uint8_t*>(tables) + table_bytes);
    const char* description = nullptr;
    if (TIFFGetField(t, TIFFTAG_IMAGEDESCRIPTION, &description) && description)
        image.description.assign(description, strnlen(description, kMaxDescription));
    image.mpp = mpp_of(t, image.description);
    return read_tables(t, file_bytes, blocks_left, image);
}

void read_reduced(TIFF* t, std::uint64_t file_bytes, std::uint64_t& blocks_left, TiffFile& file) {
    std::uint16_t count = 0;
    const std::uint64_t* listed = nullptr;
    if (!TIFFSetDirectory(t, 0) || !TIFFGetField(t, TIFFTAG_SUBIFD, &count, &listed) || !listed) return;
    const std::vector<std::uint64_t> offsets(listed, listed + std::min<int>(count, kMaxDirectories));  // the next directory overwrites them
    for (const std::uint64_t offset : offsets) {
        TiffImage image;
        const Directory found = TIFFSetSubDirectory(t, offset) ? read_directory(t, file_bytes, blocks_left, image) : Directory::Cut;
        if (found == Directory::Good) file.reduced.push_back(std::move(image));
        file.cut = file.cut || found == Directory::Cut;
    }
}

// The same picture, smaller: one factor explains both sides, each up to the rounding of its level.
bool is_reduction(const TiffImage& full, const TiffImage& image) {
    const auto w0 = static_cast<double>(full.width), h0 = static_cast<double>(full.height), w = static_cast<double>(image.width),
               h = static_cast<double>(image.height);
    if (w0 / w < 1.2 || h0 / (h + 1) < 1) return false;
    const double low = std::max(w0 / (w + 1), h0 / (h + 1)), high = std::min(w > 1 ? w0 / (w - 1) : w0 * 2, h > 1 ? h0 / (h - 1) : h0 * 2);
    return low <= high || std::abs(w0 / w * h / h0 - 1) < 0.02;
}

}  // namespace

bool TiffImage::ycbcr() const { return photometric == PHOTOMETRIC_YCBCR || compression == 33003; }

std::optional<TiffFile> read_tiff(const fs::path& path) {
    std::string message;
    const TiffHandle tiff = open_tiff(path, "r", message);
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    if (!tiff || failed) return std::nullopt;
    TiffFile file;
    std::uint64_t blocks_left = std::min<std::uint64_t>(kMaxBlocks, size / 2);  // an entry takes two bytes at least
    try {
        int directories = 0;
        do {
            TiffImage image;
            const Directory found = read_directory(tiff.get(), size, blocks_left, image);
            if (found == Directory::Good) file.pages.push_back(std::move(image));
            file.cut = found == Directory::Cut;
        } while (!file.cut && ++directories < kMaxDirectories && TIFFReadDirectory(tiff.get()));
        // libtiff complains of a next directory that it cannot read, and of nothing else up to here.
        if (!message.empty()) file.cut = true;
        if (!file.cut) read_reduced(tiff.get(), size, blocks_left, file);
    } catch (const Error& error) {
        throw Error(error.code(), error.what(), path);
    }
    if (file.pages.empty() && !file.cut) return std::nullopt;
    return file;
}

bool is_cut_tiff(const fs::path& path) {
    const auto file = read_tiff(path);
    return file && file->cut;
}

bool is_decodable(const TiffImage& image) {
    const SampleLayout& l = image.layout;
    if (image.block_width > kMaxBlockBytes / image.block_height / 3) return false;
    if (image.sample_format != SAMPLEFORMAT_UINT && image.sample_format != SAMPLEFORMAT_VOID) return false;
    if ((l.bits != 8 && l.bits != 16) || l.channels < l.colours || l.channels > 64) return false;
    if (image.block_width * image.block_height > kMaxBlockBytes / (l.channels * (l.bits / 8))) return false;
    const bool jp2k = image.compression == 33003 || image.compression == 33005 || image.compression == COMPRESSION_JP2000;
    const bool jpeg = image.compression == COMPRESSION_JPEG;
    switch (image.photometric) {
        case PHOTOMETRIC_MINISBLACK:
        case PHOTOMETRIC_MINISWHITE:
        case PHOTOMETRIC_RGB:
            break;
        case PHOTOMETRIC_YCBCR:
            if (!jp2k && !jpeg) return false;  // subsampled blocks of other codecs are left to libtiff
            break;
        default:
            return false;
    }
    if (jpeg) return l.bits == 8 && (image.separate_planes || l.channels == 1 || l.channels == 3);
    if (jp2k) return !image.separate_planes && l.channels <= 4;
    switch (image.compression) {
        case COMPRESSION_NONE:
        case COMPRESSION_LZW:
        case COMPRESSION_DEFLATE:
        case COMPRESSION_ADOBE_DEFLATE:
        case COMPRESSION_PACKBITS:
        case COMPRESSION_ZSTD:
        case COMPRESSION_LZMA:
        case COMPRESSION_WEBP:
            return TIFFIsCODECConfigured(image.compression);
        default:
            return false;
    }
}

std::vector<TiffImage> pyramid_of(const TiffFile& file) {
    const TiffImage& full = file.pages.front();
    std::vector<TiffImage> levels{full}, candidates(file.reduced);
    if (candidates.empty())
        std::copy_if(file.pages.begin() + 1, file.pages.end(), std::back_inserter(candidates),
                     [](const TiffImage& page) { return page.reduced; });
    std::stable_sort(candidates.begin(), candidates.end(), [](const TiffImage& a, const TiffImage& b) { return a.width > b.width; });
    for (TiffImage& image : candidates) {
        if (image.tiled != full.tiled || image.layout.colours != full.layout.colours || !is_decodable(image) || !is_reduction(full, image))
            continue;
        if (image.width >= levels.back().width) continue;  // a further channel of the same level
        levels.push_back(std::move(image));
    }
    return levels;
}

std::vector<Issue> issues_of(const TiffFile& file) {
    std::vector<Issue> issues;
    const TiffImage& full = file.pages.front();
    const SampleLayout& l = full.layout;
    if (full.orientation > 1 && full.orientation <= 8) issues.push_back(orientation_issue(full.orientation));
    if (l.bits == 16) issues.push_back({Severity::Info, "holds 16 bits a channel; it is shown with 8, black at 0 and white at 65535", ""});
    const int further = l.channels - l.colours - (l.alpha != Alpha::None);
    if (further > 0)
        issues.push_back({Severity::Warning,
                          "holds " + std::to_string(l.channels) + " channels; " +
                              (l.colours == 1 ? "the first is shown as grey" : "the first three are shown as red, green and blue"),
                          ""});
    const auto same = std::count_if(file.pages.begin(), file.pages.end(),
                                    [&](const TiffImage& p) { return p.width == full.width && p.height == full.height; });
    if (same > 1)
        issues.push_back(
            {Severity::Warning, "holds " + std::to_string(same) + " images of the same size (channels or planes); the first is shown", ""});
    return issues;
}

}  // namespace c2l
