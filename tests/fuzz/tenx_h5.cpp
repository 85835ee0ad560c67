// The count matrix of Cell Ranger and Space Ranger in HDF5.
#include "fuzz/fuzz.h"
#include "fuzz/sound.h"
#include "spatial/parts.h"
#include "spatial/read.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto file = folder.write("matrix.h5", fuzz::view(data, size));
    recognise_spot_file(file);
    fuzz::refused_or_read([&] {
        const CountTable counts = read_10x_h5(file, {});
        fuzz::require_sound(counts.matrix);
        fuzz::require(counts.matrix.rows() == static_cast<std::int64_t>(counts.spots.size()));
    });
    return 0;
}
