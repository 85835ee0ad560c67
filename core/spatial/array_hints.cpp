#include "spatial/array_hints.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json_depth.h"
#include "spatial/parts.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

// Text only: bins of Visium HD come in Parquet, and those without tissue are far too many to be worth a second reading.
fs::path positions_of(const fs::path& spots) {
    std::error_code failed;
    if (!fs::is_directory(spots, failed)) return fs::is_regular_file(spots, failed) && spots.extension() != ".h5ad" ? spots : fs::path();
    for (const auto& folder : {spots / "spatial", spots, spots / "outs" / "spatial"})
        for (const char* name : {"tissue_positions.csv", "tissue_positions_list.csv"})
            if (fs::exists(folder / name, failed)) return folder / name;
    return {};
}

std::vector<double> scales_beside(const fs::path& positions) {
    std::vector<double> out;
    const fs::path file = positions.parent_path() / "scalefactors_json.json";
    std::error_code failed;
    if (!fs::exists(file, failed)) return out;
    const std::string text = read_file(file, 1 << 20);
    if (is_nested_deeper(text)) return out;
    const auto json = nlohmann::json::parse(text, nullptr, false);
    for (const char* picture : {"tissue_hires_scalef", "tissue_lowres_scalef"})
        if (json.is_object() && json.contains(picture) && json[picture].is_number())
            if (const double scale = json[picture]; scale > 1e-4 && scale < 1e4) out.push_back(scale);
    return out;
}

}  // namespace

ArrayHints read_array_hints(const fs::path& spots) try {
    ArrayHints hints;
    const fs::path positions = positions_of(spots);
    if (positions.empty() || !is_position_table(positions)) return hints;
    PositionTable table = read_text_positions(positions);
    hints.empty_x = std::move(table.empty_x);
    hints.empty_y = std::move(table.empty_y);
    hints.image_scales = scales_beside(positions);
    return hints;
} catch (const Error&) {
    return {};  // the spots themselves were read, or their reader says what is wrong
}

}  // namespace c2l
