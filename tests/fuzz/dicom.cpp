// DICOM whole-slide images: header, frames and what identifies, through the plug-in's table and the program's checks of it.
#include "c2l_reader.h"
#include "fuzz/fuzz.h"
#include "slide/plugin_slide.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    static const c2l_reader& reader = *c2l_reader_table(C2L_READER_ABI);
    const auto file = folder.write("slide.dcm", fuzz::view(data, size));
    fuzz::refused_or_read([&] {
        try {
            const PluginSlide slide(reader, file);
            constexpr std::int64_t kMostPixels = 1 << 20;
            if (slide.info().width * slide.info().height <= kMostPixels) slide.overview(64);
            for (const std::string& name : slide.info().associated) slide.associated(name);
        } catch (const Error& error) {
            if (error.code() == ErrorCode::Internal) std::abort();  // the reader's answers made no sense
            throw;
        }
    });
    const auto ignore = [](void*, const char* where, const char* key, const char* value) {
        if (!where || !key || !value) std::abort();
    };
    char why[512] = "";
    if (reader.identifying(file.c_str(), ignore, nullptr, why, sizeof why) != C2L_OK && !why[0]) std::abort();
    return 0;
}
