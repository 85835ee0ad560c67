// AnnData files that anndata, scanpy and squidpy open: root encoding, X as CSR float32 (or dense), obs, var, dense layers,
// obsm/spatial in full-resolution pixels, uns/spatial/<library> with scale factors and images, uns/c2l provenance.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/image.h"
#include "spatial/spots.h"

namespace c2l {

struct H5adContent {
    const SpotData* data = nullptr;  // X, obs, layers, positions; not owned
    std::string library = "slide";   // name under uns/spatial
    Image hires;                     // optional overview image
    double hires_scale = 1;          // hires pixels per full-resolution pixel
    double spot_diameter_fullres = 1;
    std::string provenance_json;     // stored under uns/c2l/provenance
};

void write_h5ad(const std::filesystem::path& path, const H5adContent& content);  // atomic
// Of a file made elsewhere, counts are taken from the first of these that has whole numbers: X, layers['counts'], ['raw_counts'], ['raw'],
// raw.X, X with its logarithm undone; what is used instead of X, and layers that are not read, are told by Issues. Dense layers are read.
// Without `positions` a file that has none is read too, with all of them at 0: single cells have profiles but no place.
SpotData read_h5ad(const std::filesystem::path& path, bool positions = true);

}  // namespace c2l
