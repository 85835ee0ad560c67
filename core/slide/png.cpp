#include "slide/png.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "slide/row_source.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

void fail(png_structp png, png_const_charp) { std::longjmp(*static_cast<std::jmp_buf*>(png_get_error_ptr(png)), 1); }
void silent(png_structp, png_const_charp) {}

// No object with a destructor lives here: longjmp would skip it.
bool write_rows(std::FILE* file, const Image& image, png_textp text, int texts) {
    std::jmp_buf jump;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &jump, fail, silent);
    if (!png) return false;
    png_infop info = png_create_info_struct(png);
    if (!info || setjmp(jump)) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_init_io(png, file);
    png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (texts > 0) png_set_text(png, info, text, texts);
    png_write_info(png, info);
    for (int y = 0; y < image.height; ++y) png_write_row(png, image.at(0, y));
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return true;
}

}  // namespace

void write_png(const fs::path& path, const Image& image, const std::map<std::string, std::string>& text) {
    if (image.width < 1 || image.height < 1 || image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3)
        throw Error(ErrorCode::Internal, "an empty image cannot be written", path);
    std::vector<png_text> chunks;
    for (const auto& [key, value] : text) {
        if (key.empty() || key.size() > 79) throw Error(ErrorCode::Internal, "a PNG text needs a name of 1 to 79 letters", path);
        png_text chunk{};
        const bool ascii = std::all_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
        chunk.compression = ascii ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
        chunk.key = const_cast<png_charp>(key.c_str());
        chunk.text = const_cast<png_charp>(value.c_str());
        chunk.text_length = ascii ? value.size() : 0;
        chunk.itxt_length = ascii ? 0 : value.size();
        chunks.push_back(chunk);
    }
    replace_file(path, [&](const fs::path& temporary) {
        std::FILE* file = std::fopen(temporary.c_str(), "wb");
        const bool written = file && write_rows(file, image, chunks.data(), static_cast<int>(chunks.size()));
        const bool closed = file && std::fclose(file) == 0;
        if (!written || !closed) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path);
    });
}

Image read_image(const fs::path& path, std::int64_t max_pixels) {
    const auto rows = open_rows(path);
    if (rows->width > max_pixels / rows->height)
        throw Error(ErrorCode::Unsupported, "has " + std::to_string(rows->width) + " × " + std::to_string(rows->height) + " pixels, more than a tile or a figure should; open it as a slide", path);
    Image image(static_cast<int>(rows->width), static_cast<int>(rows->height));
    rows->read(image.height, image.rgb.data());
    return image;
}

}  // namespace c2l
