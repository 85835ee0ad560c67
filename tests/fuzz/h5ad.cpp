// AnnData files.
#include "fuzz/fuzz.h"
#include "fuzz/sound.h"
#include "spatial/h5ad.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto file = folder.write("fuzzed.h5ad", fuzz::view(data, size));
    fuzz::refused_or_read([&] { fuzz::require_sound(read_h5ad(file)); });
    return 0;
}
