#include <openjpeg.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "slide/block_codecs.h"
#include "slide/tiff_pixels.h"

namespace c2l {

namespace {

// OpenJPEG reads through callbacks.
struct Memory {
    const std::uint8_t* data;
    std::size_t bytes, at;
};

OPJ_SIZE_T read_memory(void* to, OPJ_SIZE_T bytes, void* user) {
    auto& memory = *static_cast<Memory*>(user);
    const std::size_t count = std::min<std::size_t>(bytes, memory.bytes - memory.at);
    if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
    std::memcpy(to, memory.data + memory.at, count);
    memory.at += count;
    return count;
}
OPJ_OFF_T skip_memory(OPJ_OFF_T bytes, void* user) {
    auto& memory = *static_cast<Memory*>(user);
    if (bytes < 0) return -1;
    const auto count = std::min<std::size_t>(static_cast<std::size_t>(bytes), memory.bytes - memory.at);
    memory.at += count;
    return static_cast<OPJ_OFF_T>(count);
}
OPJ_BOOL seek_memory(OPJ_OFF_T to, void* user) {
    auto& memory = *static_cast<Memory*>(user);
    if (to < 0 || static_cast<std::size_t>(to) > memory.bytes) return OPJ_FALSE;
    memory.at = static_cast<std::size_t>(to);
    return OPJ_TRUE;
}

void keep_message(const char* text, void* user) {
    auto& why = *static_cast<std::string*>(user);
    if (!why.empty()) return;
    why = text;
    while (!why.empty() && (why.back() == '\n' || why.back() == ' ')) why.pop_back();
}
void ignore_message(const char*, void*) {}

using Stream = std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)>;
using Codec = std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)>;
using OpjImage = std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)>;

bool refuse(std::string& why, const char* reason) {
    if (why.empty()) why = reason;
    return false;
}

// Sizes are those of the header: nothing has been decoded yet.
bool fits(const opj_image_t& image, const Block& block, std::string& why) {
    if (image.x1 <= image.x0 || image.y1 <= image.y0 || image.x1 - image.x0 > static_cast<OPJ_UINT32>(block.width) ||
        image.y1 - image.y0 > static_cast<OPJ_UINT32>(block.height))
        return refuse(why, "the JPEG 2000 image is empty or larger than its tile");
    if (static_cast<int>(image.numcomps) != block.channels)
        return refuse(why, "the JPEG 2000 image has another number of channels than the TIFF");
    for (OPJ_UINT32 c = 0; c < image.numcomps; ++c) {
        const auto& comp = image.comps[c];
        if (comp.dx < 1 || comp.dy < 1 || comp.dx > 4 || comp.dy > 4 || comp.prec < 1 || comp.prec > 16)
            return refuse(why, "the JPEG 2000 image is of an unusual kind");
    }
    return true;
}

// Components may be subsampled (chroma), signed, and of any precision up to 16 bits.
bool interleave(const opj_image_t& image, Block& block, std::string& why) {
    const auto width = static_cast<std::size_t>(image.x1 - image.x0), height = static_cast<std::size_t>(image.y1 - image.y0);
    const auto channels = static_cast<std::size_t>(block.channels);
    for (std::size_t c = 0; c < channels; ++c) {
        const auto& comp = image.comps[c];
        if (!comp.data || comp.w < 1 || comp.h < 1) return refuse(why, "the JPEG 2000 image lacks a channel");
        const int add = comp.sgnd ? 1 << (comp.prec - 1) : 0, most = (1 << comp.prec) - 1, full = block.bits == 8 ? 255 : 65535;
        for (std::size_t y = 0; y < height; ++y) {
            const OPJ_INT32* row = comp.data + std::min<std::size_t>(y / comp.dy, comp.h - 1) * comp.w;
            for (std::size_t x = 0; x < width; ++x) {
                int v = std::clamp(row[std::min<std::size_t>(x / comp.dx, comp.w - 1)] + add, 0, most);
                if (most != full) v = static_cast<int>((static_cast<std::int64_t>(v) * full + most / 2) / most);
                const std::size_t at = (y * static_cast<std::size_t>(block.width) + x) * channels + c;
                if (block.bits == 8)
                    block.samples[at] = static_cast<std::uint8_t>(v);
                else {
                    const auto wide = static_cast<std::uint16_t>(v);
                    std::memcpy(block.samples.data() + 2 * at, &wide, 2);
                }
            }
        }
    }
    return true;
}

}  // namespace

bool decode_jp2k(const std::uint8_t* data, std::size_t bytes, bool ycbcr, Block& block, std::string& why) {
    Memory memory{data, bytes, 0};
    const bool jp2 = bytes >= 12 && std::memcmp(data + 4, "jP  ", 4) == 0;
    const Codec codec(opj_create_decompress(jp2 ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), &opj_destroy_codec);
    const Stream stream(opj_stream_create(64 * 1024, OPJ_TRUE), &opj_stream_destroy);
    if (!codec || !stream) return refuse(why, "there is not enough memory");
    opj_set_error_handler(codec.get(), keep_message, &why);
    opj_set_warning_handler(codec.get(), ignore_message, nullptr);
    opj_set_info_handler(codec.get(), ignore_message, nullptr);
    opj_stream_set_user_data(stream.get(), &memory, nullptr);
    opj_stream_set_user_data_length(stream.get(), bytes);
    opj_stream_set_read_function(stream.get(), read_memory);
    opj_stream_set_skip_function(stream.get(), skip_memory);
    opj_stream_set_seek_function(stream.get(), seek_memory);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec.get(), &parameters)) return refuse(why, "JPEG 2000 cannot be set up");
    opj_image_t* header = nullptr;
    const bool read = opj_read_header(stream.get(), codec.get(), &header);
    const OpjImage image(header, &opj_image_destroy);
    if (!read || !image || !fits(*image, block, why)) return refuse(why, "the JPEG 2000 header is damaged");
    if (!opj_decode(codec.get(), stream.get(), image.get())) return refuse(why, "the JPEG 2000 data is damaged");
    if (!interleave(*image, block, why)) return false;
    if (ycbcr && block.channels >= 3 && block.bits == 8)
        ycbcr_to_rgb(block.samples.data(), block.samples.size() / static_cast<std::size_t>(block.channels), block.channels);
    return true;
}

}  // namespace c2l
