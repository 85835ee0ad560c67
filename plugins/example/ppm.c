/* A whole reader as an example: binary PPM (P6, 8 bits), one level, read in tiles without loading the file. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "c2l_reader.h"

enum { TILE = 256, MAX_SIDE = 1 << 30 };

struct c2l_slide {
    int file;
    int64_t width, height, pixels_at; /* where the pixels begin */
};

static int32_t fail(int32_t status, const char* sentence, char* why, uint32_t why_bytes) {
    if (why_bytes > 0) snprintf(why, why_bytes, "%s", sentence);
    return status;
}

static int32_t recognises(const char* path, const uint8_t* head, uint64_t head_bytes) {
    (void)path;
    return head_bytes > 3 && head[0] == 'P' && head[1] == '6' && (head[2] == '\n' || head[2] == ' ');
}

static int32_t open_slide(const char* path, c2l_slide** out, char* why, uint32_t why_bytes) {
    char head[64] = "";
    long width = 0, height = 0, most = 0;
    int header = 0;
    struct stat about;
    c2l_slide slide;
    slide.file = open(path, O_RDONLY | O_CLOEXEC);
    if (slide.file < 0) return fail(C2L_UNREADABLE, "cannot be read; check the permissions", why, why_bytes);
    if (pread(slide.file, head, sizeof head - 1, 0) < 0 || sscanf(head, "P6 %10ld %10ld %5ld%n", &width, &height, &most, &header) != 3 || header == 0 || width < 1 || height < 1 ||
        width > MAX_SIDE || height > MAX_SIDE) {
        close(slide.file);
        return fail(C2L_DAMAGED, "is a damaged PPM file; copy it again", why, why_bytes);
    }
    slide.width = width;
    slide.height = height;
    slide.pixels_at = header + 1;
    if (most != 255) {
        close(slide.file);
        return fail(C2L_UNSUPPORTED, "is a PPM file of more than 8 bits; save it with 8", why, why_bytes);
    }
    if (fstat(slide.file, &about) != 0 || (about.st_size - slide.pixels_at) / 3 / width < height) {
        close(slide.file);
        return fail(C2L_DAMAGED, "is an incomplete PPM file; copy it again", why, why_bytes);
    }
    *out = malloc(sizeof slide);
    if (!*out) {
        close(slide.file);
        return fail(C2L_NO_MEMORY, "needs more memory than there is", why, why_bytes);
    }
    **out = slide;
    return C2L_OK;
}

static void close_slide(c2l_slide* slide) {
    if (slide) close(slide->file);
    free(slide);
}

static int32_t describe(c2l_slide* slide, c2l_slide_info* info, char* why, uint32_t why_bytes) {
    (void)slide, (void)why, (void)why_bytes;
    info->level_count = 1;
    snprintf(info->format, sizeof info->format, "ppm");
    return C2L_OK;
}

static int32_t describe_level(c2l_slide* slide, uint32_t index, c2l_level* level, char* why, uint32_t why_bytes) {
    if (index != 0) return fail(C2L_UNSUPPORTED, "has no such level", why, why_bytes);
    level->width = slide->width;
    level->height = slide->height;
    level->tile_width = level->tile_height = TILE;
    return C2L_OK;
}

static int32_t no_associated(c2l_slide* slide, uint32_t index, c2l_associated* image, char* why, uint32_t why_bytes) {
    (void)slide, (void)index, (void)image;
    return fail(C2L_UNSUPPORTED, "has no such image", why, why_bytes);
}

static int32_t no_issue(c2l_slide* slide, uint32_t index, char* text, uint32_t text_bytes) {
    (void)slide, (void)index;
    return fail(C2L_UNSUPPORTED, "", text, text_bytes);
}

static int32_t read_tile(c2l_slide* slide, uint32_t level, int64_t column, int64_t row, uint8_t* rgb, uint64_t rgb_bytes, char* why, uint32_t why_bytes) {
    const int64_t x = column * TILE, y = row * TILE;
    int64_t line, width, height;
    if (level != 0 || x < 0 || y < 0 || x >= slide->width || y >= slide->height || rgb_bytes != TILE * TILE * 3) return fail(C2L_UNSUPPORTED, "has no such tile", why, why_bytes);
    width = slide->width - x < TILE ? slide->width - x : TILE;
    height = slide->height - y < TILE ? slide->height - y : TILE;
    for (line = 0; line < height; ++line) { /* pread: several threads share the file without a lock */
        const off_t from = (off_t)(slide->pixels_at + ((y + line) * slide->width + x) * 3);
        if (pread(slide->file, rgb + line * TILE * 3, (size_t)(width * 3), from) != width * 3)
            return fail(C2L_UNREADABLE, "a part of the slide cannot be read; check the disk", why, why_bytes);
    }
    return C2L_OK;
}

static int32_t no_pixels(c2l_slide* slide, uint32_t index, uint8_t* rgb, uint64_t rgb_bytes, char* why, uint32_t why_bytes) {
    (void)slide, (void)index, (void)rgb, (void)rgb_bytes;
    return fail(C2L_UNSUPPORTED, "has no such image", why, why_bytes);
}

static const c2l_reader reader = {sizeof(c2l_reader), C2L_READER_ABI, "ppm", "1.0", recognises, open_slide, close_slide, describe,
                                  describe_level, no_associated, no_issue, read_tile, no_pixels, NULL};

const c2l_reader* c2l_reader_table(uint32_t host_abi) { return host_abi == C2L_READER_ABI ? &reader : NULL; }
