#include "pipeline/feature_file.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr char kMagic[8] = {'C', '2', 'L', 'M', 'A', 'T', '1', '\0'};
constexpr std::size_t kHeader = sizeof kMagic + 2 * sizeof(std::int64_t);
constexpr const char* kIndex = "places.json";

}  // namespace

void write_matrix(const fs::path& path, const Matrix& matrix) {
    std::string data(kHeader + matrix.values.size() * sizeof(float), '\0');
    std::memcpy(data.data(), kMagic, sizeof kMagic);
    std::memcpy(data.data() + 8, &matrix.rows, 8);
    std::memcpy(data.data() + 16, &matrix.cols, 8);
    if (!matrix.values.empty()) std::memcpy(data.data() + kHeader, matrix.values.data(), matrix.values.size() * sizeof(float));
    write_file(path, data);
}

Matrix read_matrix(const fs::path& path) {
    const std::string data = read_file(path, std::uint64_t{16} << 30);
    const auto damaged = [&] { return Error(ErrorCode::BadInput, "is damaged; remove its folder and run the step again", path); };
    if (data.size() < kHeader || std::memcmp(data.data(), kMagic, sizeof kMagic) != 0) throw damaged();
    std::int64_t rows = 0, cols = 0;
    std::memcpy(&rows, data.data() + 8, 8);
    std::memcpy(&cols, data.data() + 16, 8);
    const auto floats = static_cast<std::int64_t>((data.size() - kHeader) / sizeof(float));
    if (rows < 0 || cols < 0 || (cols > 0 && rows > floats / cols) || rows * cols != floats) throw damaged();
    Matrix matrix(rows, cols);
    if (floats > 0) std::memcpy(matrix.values.data(), data.data() + kHeader, matrix.values.size() * sizeof(float));
    return matrix;
}

void write_places(const fs::path& folder, const PlaceFeatures& places) {
    for (std::size_t i = 0; i < places.blocks.size(); ++i) write_matrix(folder / (places.names[i] + ".f32"), places.blocks[i]);
    write_file(folder / kIndex, nlohmann::json(places.names).dump());  // last: its presence means that the rest is there
}

PlaceFeatures read_places(const fs::path& folder) {
    PlaceFeatures places;
    try {
        places.names = nlohmann::json::parse(read_file(folder / kIndex)).get<std::vector<std::string>>();
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorCode::BadInput, "is damaged; remove its folder and run the step again", folder / kIndex);
    }
    for (const auto& name : places.names) places.blocks.push_back(read_matrix(folder / (name + ".f32")));
    for (const auto& block : places.blocks)
        if (block.rows != places.rows()) throw Error(ErrorCode::BadInput, "is damaged; remove it and run the step again", folder);
    return places;
}

bool has_places(const fs::path& folder) { return fs::exists(folder / kIndex); }

void append(PlaceFeatures& to, const PlaceFeatures& more) {
    if (to.blocks.empty()) {
        to = more;
        return;
    }
    if (to.names != more.names) throw Error(ErrorCode::Internal, "features of different kinds were put together");
    for (std::size_t i = 0; i < to.blocks.size(); ++i) {
        if (to.blocks[i].cols != more.blocks[i].cols) throw Error(ErrorCode::Internal, "features of different widths were put together");
        to.blocks[i].values.insert(to.blocks[i].values.end(), more.blocks[i].values.begin(), more.blocks[i].values.end());
        to.blocks[i].rows += more.blocks[i].rows;
    }
}

}  // namespace c2l
