#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "spatial/parts.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPositionFiles[] = {"tissue_positions.csv", "tissue_positions_list.csv", "tissue_positions.parquet"};

fs::path first_existing(const std::vector<fs::path>& candidates) {
    for (const auto& path : candidates)
        if (fs::exists(path)) return path;
    return {};
}

// Empty when there are none.
fs::path find_positions(const fs::path& folder) {
    std::vector<fs::path> candidates;
    for (const char* name : kPositionFiles)
        for (const auto& at : {folder / "spatial", folder, folder / "outs" / "spatial"}) candidates.push_back(at / name);
    return first_existing(candidates);
}

// The filtered matrix before the raw one; in_tissue selects the same spots from either. Downloads carry a sample's prefix.
fs::path find_counts(const fs::path& folder) {
    for (const auto& root : {folder, folder / "outs"})
        for (const char* name : {"filtered_feature_bc_matrix", "raw_feature_bc_matrix"}) {
            const fs::path plain = first_existing({root / (std::string(name) + ".h5"), root / name / "matrix.mtx.gz", root / name / "matrix.mtx"});
            if (!plain.empty()) return plain.extension() == ".h5" ? plain : plain.parent_path();
            std::error_code failed;
            std::vector<fs::path> prefixed;
            for (const auto& entry : fs::directory_iterator(root, failed))
                if (entry.path().filename().string().ends_with(std::string("_") + name + ".h5")) prefixed.push_back(entry.path());
            std::sort(prefixed.begin(), prefixed.end());
            // All samples have the same barcodes, so that the wrong one would pair without a word.
            if (prefixed.size() > 1)
                throw Error(ErrorCode::BadInput, "holds the counts of several samples (" + prefixed[0].filename().string() + ", " + prefixed[1].filename().string() + " …); choose one with --counts", root);
            if (!prefixed.empty()) return prefixed[0];
        }
    throw Error(ErrorCode::NotFound, "has no filtered_feature_bc_matrix.h5 and no folder filtered_feature_bc_matrix; give the counts with --counts", folder);
}

// 8 of "square_008um", else 0.
int bin_um(const std::string& name) {
    constexpr std::string_view kPrefix = "square_", kSuffix = "um";
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix) || name.size() <= kPrefix.size() + kSuffix.size()) return 0;
    int um = 0;
    const char *first = name.data() + kPrefix.size(), *last = name.data() + name.size() - kSuffix.size();
    const auto [end, failed] = std::from_chars(first, last, um);
    return failed == std::errc{} && end == last && um > 0 && um <= 1000 ? um : 0;
}

struct BinFolder {
    int um;
    fs::path path;
};

// Bins of every size below the folder that a user is likely to name, the finest first.
std::vector<BinFolder> bin_folders(const fs::path& folder) {
    std::vector<BinFolder> found;
    for (const auto& root : {folder, folder / "binned_outputs", folder / "outs" / "binned_outputs"}) {
        std::error_code failed;
        for (const auto& entry : fs::directory_iterator(root, failed))
            if (const int um = bin_um(entry.path().filename().string()); um > 0 && !find_positions(entry.path()).empty()) found.push_back({um, entry.path()});
    }
    std::sort(found.begin(), found.end(), [](const BinFolder& a, const BinFolder& b) { return std::tie(a.um, a.path) < std::tie(b.um, b.path); });
    return found;
}

// 10x's own advice: 8 µm where there are several sizes, of which 2 µm holds few molecules in each bin.
const BinFolder& preferred(const std::vector<BinFolder>& bins) {
    constexpr int kPreferredUm = 8;
    const auto found = std::find_if(bins.begin(), bins.end(), [](const BinFolder& bin) { return bin.um >= kPreferredUm; });
    return found != bins.end() ? *found : bins.back();
}

Issue choice(const BinFolder& chosen, const std::vector<BinFolder>& bins) {
    std::string others;
    for (const BinFolder& bin : bins)
        if (bin.path != chosen.path) others += (others.empty() ? "" : ", ") + bin.path.filename().string() + " (" + std::to_string(bin.um) + " µm)";
    return {Severity::Info, "Bins of " + std::to_string(chosen.um) + " µm were read; to have others, give their folder: " + others + ".", chosen.path.string()};
}

class ScaleFactors {
public:
    explicit ScaleFactors(fs::path path) : path_(std::move(path)), json_(nlohmann::json::parse(read_file(path_, 1 << 20), nullptr, false)) {
        if (!json_.is_object()) throw Error(ErrorCode::BadInput, "is not valid JSON; fetch it again", path_);
    }
    std::optional<double> number(const char* key) const {
        const auto found = json_.find(key);
        if (found == json_.end() || !found->is_number()) return std::nullopt;
        const double v = found->get<double>();
        if (!(v > 0) || v > 1e6) throw Error(ErrorCode::BadInput, std::string("has an impossible ") + key, path_);
        return v;
    }

private:
    fs::path path_;
    nlohmann::json json_;
};

fs::path scale_factors_beside(const fs::path& positions) { return positions.parent_path() / "scalefactors_json.json"; }

// Visium spots measure 55 µm across. Bins of Visium HD are squares that fill the plane and say their size, and that of a pixel.
void read_scale_factors(const fs::path& positions, SpotData& data) {
    SpotTable& spots = data.spots;
    const int named_um = bin_um(positions.parent_path().parent_path().filename().string());
    spots.square = named_um > 0;
    spots.diameter_um = spots.square ? named_um : 55;
    const auto path = scale_factors_beside(positions);
    if (!fs::exists(path)) {
        data.issues.push_back({Severity::Warning, "scalefactors_json.json is missing beside the positions; spots are taken as " + std::to_string(std::lround(*spots.diameter_um)) + " µm wide.", path.string()});
        return;
    }
    const ScaleFactors factors(path);
    spots.diameter_px = factors.number("spot_diameter_fullres");
    if (const auto bin = factors.number("bin_size_um")) {
        spots.square = true;
        spots.diameter_um = bin;
    }
    spots.um_per_px = factors.number("microns_per_pixel");
    if (spots.square && spots.um_per_px) spots.diameter_px = *spots.diameter_um / *spots.um_per_px;
}

}  // namespace

bool is_space_ranger(const fs::path& folder) { return !find_positions(folder).empty(); }

bool is_visium_hd(const fs::path& folder) {
    const auto positions = find_positions(folder);
    if (positions.empty()) return !bin_folders(folder).empty();
    const auto factors = scale_factors_beside(positions);
    return bin_um(positions.parent_path().parent_path().filename().string()) > 0 || (fs::exists(factors) && ScaleFactors(factors).number("bin_size_um"));
}

bool is_visium_hd_cells(const fs::path& folder) {
    for (const auto& root : {folder, folder / "segmented_outputs", folder / "outs" / "segmented_outputs"})
        if (fs::exists(root / "filtered_feature_cell_matrix.h5") || fs::exists(root / "filtered_feature_cell_matrix")) return true;
    return false;
}

SpotData refuse_visium_hd_cells(const fs::path& folder, const fs::path&, const JobContext&) {
    throw Error(ErrorCode::Unsupported, "holds Visium HD counts by segmented cell, which have outlines and no spots; give the folder of bins instead, binned_outputs/square_008um", folder);
}

SpotData read_space_ranger(const fs::path& given, const fs::path& counts, const JobContext& ctx) {
    fs::path folder = given;
    std::vector<BinFolder> bins;
    if (find_positions(given).empty()) {
        bins = bin_folders(given);
        if (bins.empty())
            throw Error(ErrorCode::NotFound, "has no spatial/tissue_positions.csv or tissue_positions_list.csv; give Space Ranger's 'outs' folder", given);
        folder = preferred(bins).path;
    }
    const auto positions_path = find_positions(folder);
    auto positions = read_positions(positions_path);
    const auto counts_path = counts.empty() ? find_counts(folder) : counts;
    const bool mtx = fs::is_directory(counts_path);
    SpotData data = join(std::move(positions), mtx ? read_mtx_folder(counts_path, ctx) : read_10x_h5(counts_path, ctx));
    data.format = mtx ? "space_ranger_mtx" : "space_ranger_h5";
    read_scale_factors(positions_path, data);
    if (data.spots.square) data.format = "visium_hd";
    if (bins.size() > 1) data.issues.push_back(choice(preferred(bins), bins));
    return data;
}

}  // namespace c2l
