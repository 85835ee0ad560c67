// Compressed sparse matrices in HDF5 (10x and AnnData), checked in full before use. Private to core/spatial.
#pragma once

#include "spatial/h5.h"
#include "spatial/spots.h"

namespace c2l {

// `major` rows with column numbers below `minor`, from GROUP/{data,indices,indptr}; gene names are left empty.
ExpressionMatrix read_compressed(const h5::Reader& file, const std::string& group, std::uint64_t major, std::uint64_t minor);

}  // namespace c2l
