#include "slide/tiff_writer.h"

#include <cmath>
#include <cstring>

#include "slide/synthetic.h"

namespace c2l::test {

namespace fs = std::filesystem;

namespace {

void write_tags(TIFF* t, int width, int height, int level, const TiffKind& kind) {
    TIFFSetField(t, TIFFTAG_SUBFILETYPE, level > 0 ? FILETYPE_REDUCEDIMAGE : 0);
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, width);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, height);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, kind.bits);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, kind.channels);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, kind.photometric);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, kind.planar);
    TIFFSetField(t, TIFFTAG_COMPRESSION, kind.compression);
    if (kind.predictor > 1) TIFFSetField(t, TIFFTAG_PREDICTOR, kind.predictor);
    if (kind.orientation > 0) TIFFSetField(t, TIFFTAG_ORIENTATION, kind.orientation);
    if (kind.alpha >= 0) {
        const auto extra = static_cast<std::uint16_t>(kind.alpha);
        TIFFSetField(t, TIFFTAG_EXTRASAMPLES, 1, &extra);
    } else {
        const int colours = kind.photometric == PHOTOMETRIC_RGB || kind.photometric == PHOTOMETRIC_YCBCR ? 3 : 1;
        const std::vector<std::uint16_t> extra(static_cast<std::size_t>(kind.channels - colours), EXTRASAMPLE_UNSPECIFIED);
        if (!extra.empty()) TIFFSetField(t, TIFFTAG_EXTRASAMPLES, static_cast<int>(extra.size()), extra.data());
    }
    if (kind.tile > 0) {
        TIFFSetField(t, TIFFTAG_TILEWIDTH, kind.tile);
        TIFFSetField(t, TIFFTAG_TILELENGTH, kind.tile);
    } else {
        TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, 32);
    }
    if (kind.photometric == PHOTOMETRIC_YCBCR) TIFFSetField(t, TIFFTAG_YCBCRSUBSAMPLING, kind.subsampling, kind.subsampling);
    if (level > 0) return;
    if (!kind.description.empty()) TIFFSetField(t, TIFFTAG_IMAGEDESCRIPTION, kind.description.c_str());
    if (!kind.software.empty()) TIFFSetField(t, TIFFTAG_SOFTWARE, kind.software.c_str());
    if (!kind.date.empty()) TIFFSetField(t, TIFFTAG_DATETIME, kind.date.c_str());
    if (!kind.artist.empty()) TIFFSetField(t, TIFFTAG_ARTIST, kind.artist.c_str());
    if (kind.per_cm > 0) {
        TIFFSetField(t, TIFFTAG_RESOLUTIONUNIT, static_cast<int>(kind.resolution_unit));
        TIFFSetField(t, TIFFTAG_XRESOLUTION, kind.per_cm);
        TIFFSetField(t, TIFFTAG_YRESOLUTION, kind.per_cm);
    }
}

void write_blocks(TIFF* t, int width, int height, int level, const TiffKind& kind, const Pixels& pixels) {
    if (kind.compression == COMPRESSION_JPEG) {
        TIFFSetField(t, TIFFTAG_JPEGQUALITY, 97);
        if (kind.photometric == PHOTOMETRIC_YCBCR) TIFFSetField(t, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    }
    const int bw = kind.tile > 0 ? kind.tile : width, bh = kind.tile > 0 ? kind.tile : 32;
    const int planes = kind.planar == PLANARCONFIG_SEPARATE ? kind.channels : 1, per_pixel = kind.channels / planes;
    std::vector<std::uint8_t> block;
    std::uint32_t index = 0;
    for (int plane = 0; plane < planes; ++plane)
        for (int y = 0; y < height; y += bh)
            for (int x = 0; x < width; x += bw, ++index) {
                block.clear();
                const int rows = kind.tile > 0 ? bh : std::min(bh, height - y);
                for (int j = y; j < y + rows; ++j)
                    for (int i = x; i < x + bw; ++i)
                        for (int c = 0; c < per_pixel; ++c) {
                            const int v = pixels(level, std::min(i, width - 1), std::min(j, height - 1), plane + c);
                            block.push_back(static_cast<std::uint8_t>(v));
                            if (kind.bits == 16) block.push_back(static_cast<std::uint8_t>(v >> 8));
                        }
                const auto bytes = static_cast<tmsize_t>(block.size());
                if (kind.tile > 0)
                    TIFFWriteEncodedTile(t, index, block.data(), bytes);
                else
                    TIFFWriteEncodedStrip(t, index, block.data(), bytes);
            }
}

}  // namespace

void write_tiff(const fs::path& path, int width, int height, const TiffKind& kind, const Pixels& pixels) {
    TIFF* t = TIFFOpen(path.c_str(), kind.big ? "wl8" : "wl");  // little-endian
    for (int level = 0; level < kind.levels; ++level) {
        const int w = std::max(1, width >> level), h = std::max(1, height >> level);
        write_tags(t, w, h, level, kind);
        if (kind.sub_ifds && level == 0 && kind.levels > 1) {
            const std::vector<std::uint64_t> offsets(static_cast<std::size_t>(kind.levels - 1), 0);
            TIFFSetField(t, TIFFTAG_SUBIFD, kind.levels - 1, offsets.data());
        }
        write_blocks(t, w, h, level, kind, pixels);
        TIFFWriteDirectory(t);
    }
    TIFFClose(t);
}

void write_raw_tiff(const fs::path& path, int width, int height, const TiffKind& kind, const RawTile& tile) {
    TIFF* t = TIFFOpen(path.c_str(), kind.big ? "wl8" : "wl");
    write_tags(t, width, height, 0, kind);
    std::uint32_t index = 0;
    for (int y = 0; y < height; y += kind.tile)
        for (int x = 0; x < width; x += kind.tile, ++index) {
            auto data = tile(x / kind.tile, y / kind.tile);
            if (!data.empty()) TIFFWriteRawTile(t, index, data.data(), static_cast<tmsize_t>(data.size()));
        }
    TIFFWriteDirectory(t);
    TIFFClose(t);
}

int shade(int level, int x, int y, int c) {
    const double f = 1 << level;
    return static_cast<int>(std::lround(synthetic((x + 0.5) * f, (y + 0.5) * f, c)));
}
Pixels plain(int bits) {
    return [bits](int level, int x, int y, int c) { return bits == 8 ? shade(level, x, y, c) : shade(level, x, y, c) * 257; };
}

std::vector<std::uint8_t> synthetic_tile(int side, int tx, int ty) {
    std::vector<std::uint8_t> rgb;
    for (int y = 0; y < side; ++y)
        for (int x = 0; x < side; ++x)
            for (int c = 0; c < 3; ++c) rgb.push_back(static_cast<std::uint8_t>(shade(0, tx * side + x, ty * side + y, c)));
    return rgb;
}

}  // namespace c2l::test
