// Text tables: positions and counts (TSV, CSV; plain or gzip), recognised, read and joined. Input: POSITIONS, COUNTS.
#include "fuzz/fuzz.h"
#include "fuzz/sound.h"
#include "spatial/read.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto part = fuzz::parts(fuzz::view(data, size), 2);
    const auto positions = folder.write("positions", part[0]), counts = folder.write("counts", part[1]);
    fuzz::refused_or_read([&] { fuzz::require_sound(read_spot_data({positions, counts}, {})); });
    recognise_spot_file(counts);
    return 0;
}
