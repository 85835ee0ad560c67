// The DICOM reader's side of the C interface: exceptions become statuses and sentences, nothing else happens here.
#include <algorithm>
#include <cstring>
#include <new>

#include "c2l_reader.h"
#include "identifying.h"
#include "refusal.h"
#include "series.h"

struct c2l_slide {
    dicom::Series series;
};

namespace {

using namespace dicom;

void copy_text(const std::string& text, char* to, std::size_t bytes) {
    if (bytes == 0) return;
    std::size_t length = std::min(text.size(), bytes - 1);
    while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;  // no half characters
    std::memcpy(to, text.data(), length);
    to[length] = '\0';
}

template <typename Work>
int32_t guarded(char* why, uint32_t why_bytes, const Work& work) noexcept {
    try {
        work();
        return C2L_OK;
    } catch (const Refusal& refusal) {
        copy_text(refusal.what(), why, why_bytes);
        return refusal.status;
    } catch (const std::bad_alloc&) {
        copy_text("needs more memory than there is; close other slides", why, why_bytes);
        return C2L_NO_MEMORY;
    } catch (const std::exception& error) {
        copy_text(std::string("cannot be read (") + error.what() + "); copy or export it again", why, why_bytes);
        return C2L_UNREADABLE;
    }
}

// The size that the program hands in is that of its own version: what does not fit is a fault of the program.
void require(bool fits) {
    if (!fits) throw Refusal(C2L_UNSUPPORTED, "was asked for in a way that this reader does not know; use the reader of this program's version");
}

int32_t recognises(const char*, const uint8_t* head, uint64_t head_bytes) noexcept { return head_bytes >= 132 && std::memcmp(head + 128, "DICM", 4) == 0 ? 1 : 0; }

int32_t open_slide(const char* path, c2l_slide** slide, char* why, uint32_t why_bytes) noexcept {
    return guarded(why, why_bytes, [&] { *slide = new c2l_slide{open_series(path)}; });
}

void close_slide(c2l_slide* slide) noexcept { delete slide; }

int32_t describe(c2l_slide* slide, c2l_slide_info* info, char* why, uint32_t why_bytes) noexcept {
    return guarded(why, why_bytes, [&] {
        require(info->struct_size >= sizeof *info);
        const Series& series = slide->series;
        const Instance& full = series.levels.front().about();
        info->level_count = static_cast<uint32_t>(series.levels.size());
        info->associated_count = static_cast<uint32_t>(series.associated.size());
        info->issue_count = static_cast<uint32_t>(series.issues.size());
        info->mpp_x = full.mpp_x;
        info->mpp_y = full.mpp_y;
        info->objective = full.objective;
        copy_text("dicom", info->format, sizeof info->format);
    });
}

int32_t describe_level(c2l_slide* slide, uint32_t index, c2l_level* level, char* why, uint32_t why_bytes) noexcept {
    return guarded(why, why_bytes, [&] {
        require(level->struct_size >= sizeof *level && index < slide->series.levels.size());
        const Instance& it = slide->series.levels[index].about();
        level->width = it.width;
        level->height = it.height;
        level->tile_width = static_cast<uint32_t>(it.frame_width);
        level->tile_height = static_cast<uint32_t>(it.frame_height);
    });
}

int32_t describe_associated(c2l_slide* slide, uint32_t index, c2l_associated* image, char* why, uint32_t why_bytes) noexcept {
    return guarded(why, why_bytes, [&] {
        require(image->struct_size >= sizeof *image && index < slide->series.associated.size());
        const Associated& it = slide->series.associated[index];
        image->width = static_cast<uint32_t>(it.picture.about().width);
        image->height = static_cast<uint32_t>(it.picture.about().height);
        copy_text(it.name, image->name, sizeof image->name);
    });
}

int32_t issue(c2l_slide* slide, uint32_t index, char* text, uint32_t text_bytes) noexcept {
    if (index >= slide->series.issues.size()) return C2L_UNSUPPORTED;
    copy_text(slide->series.issues[index], text, text_bytes);
    return C2L_OK;
}

int32_t tile(c2l_slide* slide, uint32_t level, int64_t column, int64_t row, uint8_t* rgb, uint64_t rgb_bytes, char* why, uint32_t why_bytes) noexcept {
    return guarded(why, why_bytes, [&] {
        require(level < slide->series.levels.size());
        const Picture& picture = slide->series.levels[level];
        require(rgb_bytes == static_cast<uint64_t>(picture.about().frame_width * picture.about().frame_height * 3));
        picture.tile(column, row, rgb);
    });
}

int32_t associated_pixels(c2l_slide* slide, uint32_t index, uint8_t* rgb, uint64_t rgb_bytes, char* why, uint32_t why_bytes) noexcept {
    return guarded(why, why_bytes, [&] {
        require(index < slide->series.associated.size());
        const Picture& picture = slide->series.associated[index].picture;
        require(rgb_bytes == static_cast<uint64_t>(picture.about().width * picture.about().height * 3));
        picture.whole(rgb);
    });
}

int32_t identifying(const char* path, c2l_finding report, void* user, char* why, uint32_t why_bytes) noexcept {
    return guarded(why, why_bytes, [&] { report_identifying(path, report, user); });
}

constexpr c2l_reader kReader = {sizeof(c2l_reader), C2L_READER_ABI, "dicom",  "1.0",        recognises, open_slide,        close_slide, describe,
                                describe_level,     describe_associated, issue, tile, associated_pixels, identifying};

}  // namespace

extern "C" C2L_READER_EXPORT const c2l_reader* c2l_reader_table(uint32_t host_abi) { return host_abi == C2L_READER_ABI ? &kReader : nullptr; }
