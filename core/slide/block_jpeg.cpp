#include <algorithm>
#include <cstring>

#include "slide/block_codecs.h"
#include "slide/jpeg_error.h"

namespace c2l {

namespace {

// What the data itself says of its colours goes before a tag that says RGB.
bool is_ycbcr(const jpeg_decompress_struct& info, bool tagged_ycbcr) {
    if (info.saw_Adobe_marker) return info.Adobe_transform == 1;
    const jpeg_component_info* c = info.comp_info;
    if (c[0].component_id == 'R' && c[1].component_id == 'G' && c[2].component_id == 'B') return false;
    const bool subsampled = c[0].h_samp_factor != c[1].h_samp_factor || c[0].v_samp_factor != c[1].v_samp_factor;
    return tagged_ycbcr || info.saw_JFIF_marker || subsampled;
}

class JpegBlock {
public:
    JpegBlock() { fail_by_jump(info_, error_); }
    ~JpegBlock() { jpeg_destroy_decompress(&info_); }
    JpegBlock(const JpegBlock&) = delete;
    JpegBlock& operator=(const JpegBlock&) = delete;

    bool read_header(const std::uint8_t* data, std::size_t bytes, const std::vector<std::uint8_t>& tables) {
        if (setjmp(error_.jump)) return false;
        jpeg_create_decompress(&info_);
        watch_scans(info_, error_);
        if (!tables.empty()) {
            jpeg_mem_src(&info_, tables.data(), tables.size());
            if (jpeg_read_header(&info_, FALSE) != JPEG_HEADER_TABLES_ONLY) return refuse("JPEGTables hold an image");
        }
        jpeg_mem_src(&info_, data, bytes);
        jpeg_read_header(&info_, TRUE);
        return true;
    }

    bool read_pixels(Block& block, bool tagged_ycbcr) {
        if (setjmp(error_.jump)) return false;
        if (info_.image_width > static_cast<JDIMENSION>(block.width) || info_.image_height > static_cast<JDIMENSION>(block.height))
            return refuse("the JPEG is larger than its tile");
        if (info_.num_components != block.channels) return refuse("the JPEG has another number of channels than the TIFF");
        if (block.channels == 3) {
            info_.jpeg_color_space = is_ycbcr(info_, tagged_ycbcr) ? JCS_YCbCr : JCS_RGB;
            info_.out_color_space = JCS_RGB;
        } else {
            info_.jpeg_color_space = info_.out_color_space = block.channels == 1 ? JCS_GRAYSCALE : JCS_UNKNOWN;
        }
        jpeg_start_decompress(&info_);
        const std::size_t stride = static_cast<std::size_t>(block.width) * static_cast<std::size_t>(block.channels);
        while (info_.output_scanline < info_.output_height) {
            JSAMPROW rows[8];
            JDIMENSION count = 0;
            for (; count < 8 && info_.output_scanline + count < info_.output_height; ++count)
                rows[count] = block.samples.data() + stride * (info_.output_scanline + count);
            if (jpeg_read_scanlines(&info_, rows, count) == 0) return refuse("the JPEG ends too early");
        }
        return true;  // an end marker that is missing is of no harm to the pixels
    }

    const char* message() const { return error_.message; }

private:
    bool refuse(const char* why) {
        std::snprintf(error_.message, sizeof error_.message, "%s", why);
        return false;
    }

    jpeg_decompress_struct info_;
    JpegError error_;
};

}  // namespace

bool decode_jpeg(const std::uint8_t* data, std::size_t bytes, const std::vector<std::uint8_t>& tables, bool tagged_ycbcr, Block& block,
                 std::string& why) {
    JpegBlock jpeg;
    if (jpeg.read_header(data, bytes, tables) && jpeg.read_pixels(block, tagged_ycbcr)) return true;
    why = jpeg.message();
    return false;
}

}  // namespace c2l
