#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "spatial/parts.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

fs::path first_existing(const std::vector<fs::path>& candidates) {
    for (const auto& path : candidates)
        if (fs::exists(path)) return path;
    return {};
}

fs::path find_positions(const fs::path& folder) {
    std::vector<fs::path> candidates;
    for (const char* name : {"tissue_positions.csv", "tissue_positions_list.csv", "tissue_positions.parquet"})
        for (const auto& at : {folder / "spatial", folder, folder / "outs" / "spatial"}) candidates.push_back(at / name);
    const auto found = first_existing(candidates);
    if (found.empty())
        throw Error(ErrorCode::NotFound, "has no spatial/tissue_positions.csv or tissue_positions_list.csv; give Space Ranger's 'outs' folder", folder);
    return found;
}

// The filtered matrix before the raw one; in_tissue selects the same spots from either. Downloads carry a sample's prefix.
fs::path find_counts(const fs::path& folder) {
    for (const auto& root : {folder, folder / "outs"})
        for (const char* name : {"filtered_feature_bc_matrix", "raw_feature_bc_matrix"}) {
            const fs::path plain = first_existing({root / (std::string(name) + ".h5"), root / name / "matrix.mtx.gz", root / name / "matrix.mtx"});
            if (!plain.empty()) return plain.extension() == ".h5" ? plain : plain.parent_path();
            std::error_code failed;
            for (const auto& entry : fs::directory_iterator(root, failed))
                if (entry.path().filename().string().ends_with(std::string("_") + name + ".h5")) return entry.path();
        }
    throw Error(ErrorCode::NotFound, "has no filtered_feature_bc_matrix.h5 and no folder filtered_feature_bc_matrix; give the counts with --counts", folder);
}

// Visium spots measure 55 µm across; the bins of Visium HD say their size.
void read_scale_factors(const fs::path& positions, SpotData& data) {
    data.spots.diameter_um = 55;
    const auto path = positions.parent_path() / "scalefactors_json.json";
    if (!fs::exists(path)) {
        data.issues.push_back({Severity::Warning, "scalefactors_json.json is missing beside the positions; spots are taken as 55 µm wide.", path.string()});
        return;
    }
    const auto json = nlohmann::json::parse(read_file(path, 1 << 20), nullptr, false);
    if (!json.is_object()) throw Error(ErrorCode::BadInput, "is not valid JSON; fetch it again", path);
    const auto number = [&](const char* key) -> std::optional<double> {
        const auto found = json.find(key);
        if (found == json.end() || !found->is_number()) return std::nullopt;
        const double v = found->get<double>();
        if (!(v > 0) || v > 1e6) throw Error(ErrorCode::BadInput, std::string("has an impossible ") + key, path);
        return v;
    };
    data.spots.diameter_px = number("spot_diameter_fullres");
    if (const auto bin = number("bin_size_um")) data.spots.diameter_um = bin;
}

}  // namespace

SpotData read_space_ranger(const fs::path& folder, const fs::path& counts, const JobContext& ctx) {
    const auto positions_path = find_positions(folder);
    const auto positions = read_positions(positions_path);
    const auto counts_path = counts.empty() ? find_counts(folder) : counts;
    const bool mtx = fs::is_directory(counts_path);
    SpotData data = join(positions, mtx ? read_mtx_folder(counts_path, ctx) : read_10x_h5(counts_path, ctx));
    data.format = mtx ? "space_ranger_mtx" : "space_ranger_h5";
    read_scale_factors(positions_path, data);
    return data;
}

}  // namespace c2l
