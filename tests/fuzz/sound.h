// What every table that a reader of core/spatial accepts must keep.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

#include "spatial/spots.h"

namespace c2l::fuzz {

inline void require(bool kept) {
    if (!kept) std::abort();
}

inline void require_sound(const ExpressionMatrix& m) {
    require(!m.indptr.empty() && m.indptr.front() == 0 && m.indptr.back() == static_cast<std::int64_t>(m.indices.size()));
    require(m.indices.size() == m.values.size() && std::is_sorted(m.indptr.begin(), m.indptr.end()));
    require(std::all_of(m.indices.begin(), m.indices.end(), [&](std::int32_t c) { return c >= 0 && c < m.cols(); }));
}

inline void require_sound(const SpotData& d) {
    const auto n = d.spots.size();
    require(n > 0 && d.spots.x.size() == n && d.spots.y.size() == n && d.spots.in_tissue.size() == n);
    require(d.spots.array_row.size() == n && d.spots.array_col.size() == n && d.expression.rows() == static_cast<std::int64_t>(n));
    require(std::set<std::string>(d.spots.barcodes.begin(), d.spots.barcodes.end()).size() == n);
    for (std::size_t i = 0; i < n; ++i) require(std::isfinite(d.spots.x[i]) && std::isfinite(d.spots.y[i]));
    require_sound(d.expression);
    for (const auto& [name, column] : d.obs) require(column.size() == n);
    for (const auto& [name, column] : d.labels) require(column.size() == n);
    for (const auto& [name, layer] : d.layers) require(layer.values.size() == static_cast<std::size_t>(layer.rows * layer.cols) && layer.rows == d.expression.rows());
    if (d.spots.diameter_px) require(std::isfinite(*d.spots.diameter_px) && *d.spots.diameter_px > 0);
    d.spots.pitch_px();
    if (d.expression.unit == ExpressionUnit::Log1p) recover_counts(d.expression);
}

}  // namespace c2l::fuzz
