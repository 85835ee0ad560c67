#include "slide/jp2k_encoder.h"

#include <openjpeg.h>

namespace c2l::test {

std::vector<std::uint8_t> encode_jp2k(const std::uint8_t* rgb, int side) {
    opj_cparameters_t parameters;
    opj_set_default_encoder_parameters(&parameters);
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    parameters.numresolution = 3;
    opj_image_cmptparm_t component[3] = {};
    for (auto& c : component) c = {1, 1, OPJ_UINT32(side), OPJ_UINT32(side), 0, 0, 8, 8, 0};
    opj_image_t* image = opj_image_create(3, component, OPJ_CLRSPC_SRGB);
    image->x1 = image->y1 = OPJ_UINT32(side);
    for (int i = 0; i < side * side; ++i)
        for (int c = 0; c < 3; ++c) image->comps[c].data[i] = rgb[3 * i + c];
    opj_codec_t* codec = opj_create_compress(OPJ_CODEC_J2K);
    opj_setup_encoder(codec, &parameters, image);
    std::vector<std::uint8_t> out;
    opj_stream_t* stream = opj_stream_create(1 << 16, OPJ_FALSE);
    opj_stream_set_user_data(stream, &out, nullptr);
    opj_stream_set_write_function(stream, [](void* data, OPJ_SIZE_T bytes, void* user) {
        auto& to = *static_cast<std::vector<std::uint8_t>*>(user);
        to.insert(to.end(), static_cast<std::uint8_t*>(data), static_cast<std::uint8_t*>(data) + bytes);
        return bytes;
    });
    opj_start_compress(codec, image, stream);
    opj_encode(codec, stream);
    opj_end_compress(codec, stream);
    opj_stream_destroy(stream);
    opj_destroy_codec(codec);
    opj_image_destroy(image);
    return out;
}

}  // namespace c2l::test
