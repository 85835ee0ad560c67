// Feature matrices on disk, between steps: a short header and the floats, in the byte order of the machine. Private to core/pipeline.
#pragma once

#include <filesystem>
#include <vector>

#include "base/matrix.h"
#include "predict/predict.h"

namespace c2l {

void write_matrix(const std::filesystem::path& path, const Matrix& matrix);  // atomic
Matrix read_matrix(const std::filesystem::path& path);                       // throws Error(BadInput) when it is not one

// One file for each block: "<block>.f32".
void write_places(const std::filesystem::path& folder, const PlaceFeatures& places);
PlaceFeatures read_places(const std::filesystem::path& folder);
bool has_places(const std::filesystem::path& folder);
void append(PlaceFeatures& to, const PlaceFeatures& more);

}  // namespace c2l
