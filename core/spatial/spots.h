// Spots and their expression, as read from any supported format. No pixels here.
//
// Frame: spot centres are level-0 (full-resolution) pixels of the slide they belong to.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/issue.h"
#include "base/matrix.h"

namespace c2l {

struct SpotTable {
    std::vector<std::string> barcodes;  // unique
    std::vector<double> x, y;           // centres, level-0 pixels
    std::vector<int> array_row, array_col;  // grid position; -1 when unknown
    std::vector<std::uint8_t> in_tissue;    // 1 when the file says so or says nothing
    std::optional<double> diameter_px;  // spot diameter in level-0 pixels, when the file gives it
    bool square = false;                // bins that fill the plane; the diameter is then their side
    std::optional<double> diameter_um;  // spot diameter in µm, when the format fixes it (ST 100, Visium 55)
    std::optional<double> um_per_px;    // of the slide, when the spots' files say it (Visium HD); a hint where the slide is silent

    std::size_t size() const { return barcodes.size(); }
    double pitch_px() const;  // median distance to the nearest other spot, level-0 pixels; 0 for fewer than 2 spots
};

// AsGiven: labels or measurements of spots placed by hand, used as they are; Other: neither counts nor log1p of them.
enum class ExpressionUnit { Counts, Log1p, Other, AsGiven };
const char* to_string(ExpressionUnit unit);  // "counts", "log1p", "other", "as given"

// spots × genes, compressed sparse rows; column indices ascend within a row.
struct ExpressionMatrix {
    std::vector<std::string> genes;  // columns, unique
    std::vector<std::int64_t> indptr{0};  // rows + 1
    std::vector<std::int32_t> indices;
    std::vector<float> values;
    ExpressionUnit unit = ExpressionUnit::Counts;

    std::int64_t rows() const { return static_cast<std::int64_t>(indptr.size()) - 1; }
    std::int64_t cols() const { return static_cast<std::int64_t>(genes.size()); }
    std::vector<float> row_sums() const;
    std::vector<float> column(std::int64_t gene) const;      // dense, one value per spot
    std::int64_t find_gene(const std::string& name) const;  // exact, else case-insensitive; -1 when absent
    ExpressionMatrix select_rows(const std::vector<std::int64_t>& rows) const;
    static ExpressionMatrix from_dense(const Matrix& values, std::vector<std::string> genes, ExpressionUnit unit);
};

// Counts behind log1p values that were scaled per spot: expm1 of a row is a multiple of whole numbers when nothing else
// was done to it. Empty unless every value comes out whole (within a thousandth) in every row.
std::optional<ExpressionMatrix> recover_counts(const ExpressionMatrix& log1p);

struct SpotData {
    std::string format;  // "st_tsv", "space_ranger_h5", "space_ranger_mtx", "visium_hd", "h5ad", "csv"
    SpotTable spots;
    ExpressionMatrix expression;  // row i belongs to spot i
    std::map<std::string, std::vector<float>> obs;           // further numeric columns of the spots (h5ad)
    std::map<std::string, std::vector<std::string>> labels;  // further text columns of the spots (h5ad)
    std::map<std::string, Matrix> layers;                    // dense layers, spots × genes (h5ad maps)
    std::string provenance_json;                             // uns/c2l of our own files, else empty
    std::vector<Issue> issues;
};

}  // namespace c2l
