// Spots placed by hand on a slide that has no spatial transcriptomics: points of annotations, with labels or values from a table joined by
// name, written as two tables that `c2l import --spots POSITIONS --counts VALUES` reads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "annotation/annotation.h"
#include "base/issue.h"
#include "base/matrix.h"

namespace c2l {

struct PlacedSpots {
    std::vector<std::string> names;   // unique
    std::vector<Point2> at;           // level-0 pixels
    std::vector<std::string> labels;  // the class each point has; empty: none
    std::vector<std::string> columns; // of values: a numeric column keeps its name, a text column becomes "column: text" for each of its texts
    Matrix values;                    // spots × columns
    std::vector<Issue> issues;
    std::size_t size() const { return names.size(); }
};

// Every point of the Point and MultiPoint annotations, in their order. A point without a name gets "S1", "S2", …; the points of a named set
// are numbered; names that occur twice are told apart. Values are one column for each class ("label: Tumour", 0 or 1).
PlacedSpots place_spots(const std::vector<Annotation>& annotations);
// Values from a CSV or TSV: a header, the spot's name in the first column, numbers or labels in the others. Spots that are not in the table
// are left out, and said in an issue. Throws Error(BadInput|Mismatch|NotFound) with the line.
PlacedSpots with_values(PlacedSpots spots, const std::filesystem::path& table);
// POSITIONS: barcode,pixel_x,pixel_y. VALUES: as_given, then one column for each value; not written when there is none.
void write_placed_spots(const PlacedSpots& spots, const std::filesystem::path& positions, const std::filesystem::path& values);

}  // namespace c2l
