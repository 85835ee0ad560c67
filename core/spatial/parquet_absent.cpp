// Built without Arrow: positions in Parquet are recognised, and the way round is told.
#include "base/error.h"
#include "spatial/parts.h"

namespace c2l {

PositionTable read_parquet_positions(const std::filesystem::path& path) {
    throw Error(ErrorCode::Unsupported, "is a Parquet file, which this build does not read; convert it, in its folder, with: python3 -c \"import pandas; pandas.read_parquet('" +
                                            path.filename().string() + "').to_csv('tissue_positions.csv', index=False)\"", path);
}

}  // namespace c2l
