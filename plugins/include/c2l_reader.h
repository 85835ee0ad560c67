/* A slide reader as a plug-in of C2L Studio: a shared library that exports one function, c2l_reader_table, which returns a table of
 * functions. Plain C; nothing else of C2L Studio is needed to build one. plugins/README.md shows a whole reader.
 *
 * Finding. The program loads every file that ends in ".so" from the folders named in $C2L_READERS (separated by colons), then from
 * lib/c2l/readers beside the folder of the program; where two readers have one name, the first stays. Libraries are never unloaded.
 * Plug-ins are asked about files that OpenSlide does not know; the first that recognises a file reads it.
 *
 * Memory. Whoever allocates frees: the program hands in every buffer and says its size. What a plug-in keeps for an open slide hangs on
 * its own c2l_slide. Strings that the table points to live as long as the library.
 *
 * Strings are UTF-8 and end with a zero byte. Numbers are of fixed width. Pixels are 8-bit RGB, row by row, without padding.
 *
 * Errors. A function returns C2L_OK or another c2l_status, and then has written one sentence for the user into `why` (what is wrong and
 * what to do; no file name, no full stop). No exception, longjmp or signal crosses the interface; nothing is printed; the process is not
 * ended. Files are hostile: check sizes before taking memory.
 *
 * Threads. `open` may be called from several threads at once, also for one path. For one slide, `tile` and `associated_pixels` may be called
 * from several threads at once; `close` is called once, after every other call has returned.
 *
 * Versions. `abi` of the table must equal C2L_READER_ABI; the program refuses others. Structures that the program hands in say their size:
 * a plug-in writes no field beyond it. Later versions of one abi only add fields at the end. */
#ifndef C2L_READER_H
#define C2L_READER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define C2L_READER_ABI 1u
#define C2L_READER_NAME 64 /* bytes of a name, with its zero byte */

typedef enum c2l_status {
    C2L_OK = 0,
    C2L_DAMAGED = 1,     /* the file breaks its format */
    C2L_UNSUPPORTED = 2, /* valid, but this reader cannot handle it */
    C2L_UNREADABLE = 3,  /* the disk or the permissions refuse it */
    C2L_NO_MEMORY = 4
} c2l_status;

typedef struct c2l_slide c2l_slide; /* an open slide; the plug-in's own */

typedef struct c2l_slide_info {
    uint32_t struct_size;      /* set by the program */
    uint32_t level_count;      /* at least 1 */
    uint32_t associated_count; /* label, macro, thumbnail */
    uint32_t issue_count;      /* what the user should know of how the slide is shown */
    double mpp_x, mpp_y;       /* micrometres per level-0 pixel; 0: not known */
    double objective;          /* magnification, e.g. 20; 0: not known */
    char format[C2L_READER_NAME];
} c2l_slide_info;

/* Level 0 is the finest; each further one is the same picture with fewer pixels. A level is cut into tiles of one size from the top left;
 * those at the right and bottom edge may reach beyond it. */
typedef struct c2l_level {
    uint32_t struct_size; /* set by the program */
    uint32_t tile_width, tile_height;
    uint32_t reserved;
    int64_t width, height;
} c2l_level;

typedef struct c2l_associated {
    uint32_t struct_size; /* set by the program */
    uint32_t width, height;
    uint32_t reserved;
    char name[C2L_READER_NAME]; /* "label" and "macro" are hidden in the window until asked for */
} c2l_associated;

/* Tells the program of something that gives away the patient, the people or the machine. `where`: a part of the file; `key`: what the
 * format calls it. */
typedef void (*c2l_finding)(void* user, const char* where, const char* key, const char* value);

typedef struct c2l_reader {
    uint32_t struct_size; /* sizeof(c2l_reader) */
    uint32_t abi;         /* C2L_READER_ABI */
    const char* name;     /* short, e.g. "dicom" */
    const char* version;

    /* 1: this reader's kind of file, 0: not. By content: `head` holds the file's first bytes (up to 4096). Quick, and never fails. */
    int32_t (*recognises)(const char* path, const uint8_t* head, uint64_t head_bytes);

    int32_t (*open)(const char* path, c2l_slide** slide, char* why, uint32_t why_bytes);
    void (*close)(c2l_slide* slide);

    int32_t (*info)(c2l_slide* slide, c2l_slide_info* info, char* why, uint32_t why_bytes);
    int32_t (*level)(c2l_slide* slide, uint32_t index, c2l_level* level, char* why, uint32_t why_bytes);
    int32_t (*associated)(c2l_slide* slide, uint32_t index, c2l_associated* image, char* why, uint32_t why_bytes);
    int32_t (*issue)(c2l_slide* slide, uint32_t index, char* text, uint32_t text_bytes);

    /* One tile, tile_width x tile_height x 3 bytes. The buffer comes white: leave as it is what the file leaves out. */
    int32_t (*tile)(c2l_slide* slide, uint32_t level, int64_t column, int64_t row, uint8_t* rgb, uint64_t rgb_bytes, char* why, uint32_t why_bytes);
    int32_t (*associated_pixels)(c2l_slide* slide, uint32_t index, uint8_t* rgb, uint64_t rgb_bytes, char* why, uint32_t why_bytes);

    /* Everything in the file that could identify someone, for the eyes of the user only. May be null: nothing can be told. */
    int32_t (*identifying)(const char* path, c2l_finding report, void* user, char* why, uint32_t why_bytes);
} c2l_reader;

/* The one symbol. `host_abi`: the program's C2L_READER_ABI. May return null where it has no table for that. */
#if defined(_WIN32)
#define C2L_READER_EXPORT __declspec(dllexport)
#else
#define C2L_READER_EXPORT __attribute__((visibility("default")))
#endif
C2L_READER_EXPORT const c2l_reader* c2l_reader_table(uint32_t host_abi);

#ifdef __cplusplus
}
#endif

#endif
