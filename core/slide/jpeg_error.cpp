#include "slide/jpeg_error.h"

#include <cstring>

#include <jerror.h>

namespace c2l {

namespace {

constexpr int kMaxScans = 500;

void fail(j_common_ptr info) {
    auto* error = reinterpret_cast<JpegError*>(info->err);
    error->base.format_message(info, error->message);
    std::longjmp(error->jump, 1);
}

// libjpeg fills what is missing with grey and only warns; a section with a grey half is worse than a refusal.
void warn(j_common_ptr info, int level) {
    if (level >= 0) return;
    switch (info->err->msg_code) {
        case JWRN_EXTRANEOUS_DATA:
        case JWRN_JFIF_MAJOR:
        case JWRN_ADOBE_XFORM:
        case JWRN_TOO_MUCH_DATA:
            return;
        default:
            fail(info);
    }
}

void limit_scans(j_common_ptr info) {
    if (!info->is_decompressor || reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
    auto* error = reinterpret_cast<JpegError*>(info->err);
    std::snprintf(error->message, sizeof error->message, "more than %d scans", kMaxScans);
    std::longjmp(error->jump, 1);
}

}  // namespace

void fail_by_jump(jpeg_decompress_struct& info, JpegError& error) {
    std::memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&error.base);
    error.base.error_exit = fail;
    error.base.emit_message = warn;
    error.message[0] = 0;
}

void watch_scans(jpeg_decompress_struct& info, JpegError& error) {
    error.progress = {};
    error.progress.progress_monitor = limit_scans;
    info.progress = &error.progress;
}

}  // namespace c2l
