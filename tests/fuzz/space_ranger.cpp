// A Space Ranger folder with an mtx matrix. Input: POSITIONS, SCALE FACTORS (JSON), BARCODES, FEATURES, MATRIX.
#include "fuzz/fuzz.h"
#include "fuzz/sound.h"
#include "spatial/read.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    std::filesystem::create_directories(folder.path() / "spatial");
    std::filesystem::create_directories(folder.path() / "filtered_feature_bc_matrix");
    const char* names[] = {"spatial/tissue_positions.csv", "spatial/scalefactors_json.json", "filtered_feature_bc_matrix/barcodes.tsv",
                           "filtered_feature_bc_matrix/features.tsv", "filtered_feature_bc_matrix/matrix.mtx"};
    const auto part = fuzz::parts(fuzz::view(data, size), std::size(names));
    for (std::size_t i = 0; i < std::size(names); ++i) folder.write(names[i], part[i]);
    fuzz::refused_or_read([&] { fuzz::require_sound(read_spot_data({folder.path(), {}}, {})); });
    return 0;
}
