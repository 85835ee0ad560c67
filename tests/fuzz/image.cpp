// Plain images: JPEG, PNG and TIFF, recognised by content and decoded to the last row.
#include "fuzz/fuzz.h"
#include "slide/png.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto file = folder.write("image", fuzz::view(data, size));
    fuzz::refused_or_read([&] {
        constexpr std::int64_t kMostPixels = 1 << 20;  // larger ones take the time of smaller ones
        const Image image = read_image(file, kMostPixels);
        if (image.rgb.size() != static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3) std::abort();
    });
    return 0;
}
