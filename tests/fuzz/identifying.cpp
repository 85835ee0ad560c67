// What a slide file would give away: OpenSlide's properties, TIFF tags, OME-XML, blocks of JPEG and PNG. What is listed may go to a terminal.
#include "fuzz/fuzz.h"
#include "slide/identifying.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto file = folder.write("slide.tif", fuzz::view(data, size));
    fuzz::refused_or_read([&] {
        for (const Identifying& found : list_identifying(file)) {
            if (found.value.empty() || found.value.size() > 400 + sizeof " …") std::abort();
            for (const char c : found.value)
                if (static_cast<unsigned char>(c) < 32 || c == 127) std::abort();
        }
    });
    return 0;
}
