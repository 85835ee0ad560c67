#include "slide/tile_encoder.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <jpeglib.h>

#include "base/error.h"

namespace c2l {

namespace {

struct EncodeError {
    jpeg_error_mgr base;
    std::jmp_buf jump;
};

void fail(j_common_ptr info) { std::longjmp(reinterpret_cast<EncodeError*>(info->err)->jump, 1); }
void silent(j_common_ptr, int) {}

// No object with a destructor lives here: longjmp would skip it.
bool encode(const std::uint8_t* rgb, int width, int height, std::size_t row_bytes, int quality, unsigned char** out, unsigned long* bytes) {
    jpeg_compress_struct info;
    EncodeError error;
    info.err = jpeg_std_error(&error.base);
    error.base.error_exit = fail;
    error.base.emit_message = silent;
    if (setjmp(error.jump)) {
        jpeg_destroy_compress(&info);
        return false;
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, out, bytes);
    info.image_width = static_cast<JDIMENSION>(width);
    info.image_height = static_cast<JDIMENSION>(height);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_colorspace(&info, JCS_YCbCr);
    info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
    jpeg_set_quality(&info, quality, TRUE);
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        JSAMPROW row = const_cast<JSAMPROW>(rgb + info.next_scanline * row_bytes);
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return true;
}

}  // namespace

std::vector<std::uint8_t> encode_jpeg_tile(const std::uint8_t* rgb, int width, int height, std::size_t row_bytes, int quality) {
    unsigned char* data = nullptr;
    unsigned long bytes = 0;
    const bool done = encode(rgb, width, height, row_bytes, quality, &data, &bytes);
    const std::unique_ptr<unsigned char, decltype(&std::free)> owner(data, &std::free);
    if (!done) throw Error(ErrorCode::Internal, "a tile could not be compressed");
    return {data, data + bytes};
}

}  // namespace c2l
