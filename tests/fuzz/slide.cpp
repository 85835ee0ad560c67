// The first look at a file that may be a slide: OpenSlide's recognition, its properties, and our reading of them.
#include "fuzz/fuzz.h"
#include "slide/slide.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto file = folder.write("slide.svs", fuzz::view(data, size));
    fuzz::refused_or_read([&] {
        const SlideInfo info = probe_slide(file);
        if (info.width < 1 || info.height < 1 || info.levels.empty()) std::abort();
        if (info.mpp && !(*info.mpp > 0)) std::abort();
    });
    return 0;
}
