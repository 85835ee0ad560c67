// libjpeg's way of failing, made usable: a jump back to the caller with the message kept. Private to core/slide.
//
// Every function that libjpeg may leave by longjmp begins with `if (setjmp(error.jump)) return false;` and holds no object with a
// destructor.
#pragma once

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

namespace c2l {

struct JpegError {
    jpeg_error_mgr base;  // first: libjpeg hands back a pointer to it
    jpeg_progress_mgr progress;
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
};

// Before jpeg_create_decompress; `watch_scans` after it.
void fail_by_jump(jpeg_decompress_struct& info, JpegError& error);
// A progressive file can carry thousands of empty scans that each cost a pass over the whole image.
void watch_scans(jpeg_decompress_struct& info, JpegError& error);

}  // namespace c2l
