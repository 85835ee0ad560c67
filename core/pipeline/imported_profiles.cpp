// Profiles from a table of somebody else: found by gene name, brought to the unit of the panel.
#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/random.h"
#include "pipeline/profiles.h"
#include "pipeline/synthetic.h"
#include "spatial/h5ad.h"

namespace c2l {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kMostUnasked = 20000;               // rows that are drawn without saying how many
constexpr std::int64_t kMostValues = std::int64_t{1} << 29;  // tiles × genes: 2 GB
constexpr double kAlike = 0.01;                            // totals that differ by less were normalised
constexpr double kPer = 1e4;                               // counts per 10,000

// Sums of each row in counts, or in what log1p was taken of.
std::vector<double> totals_of(const ExpressionMatrix& e) {
    std::vector<double> totals(static_cast<std::size_t>(e.rows()));
    for (std::size_t r = 0; r < totals.size(); ++r)
        for (auto i = e.indptr[r]; i < e.indptr[r + 1]; ++i) {
            const double v = e.values[static_cast<std::size_t>(i)];
            totals[r] += e.unit == ExpressionUnit::Log1p ? std::expm1(v) : v;
        }
    return totals;
}

// The total counts that the file states, as scanpy and Seurat name them: a table of few genes has larger ones than its own sums.
bool stated_totals(const SpotData& data, std::vector<double>& totals) {
    for (const char* name : {"total_counts", "n_counts", "nCount_RNA", "nCount_Spatial"}) {
        const auto found = data.obs.find(name);
        if (found == data.obs.end() || found->second.size() != totals.size()) continue;
        bool larger = true;
        for (std::size_t r = 0; r < totals.size(); ++r) larger = larger && std::isfinite(found->second[r]) && found->second[r] >= 0.999 * totals[r];
        if (!larger) continue;
        totals.assign(found->second.begin(), found->second.end());
        return true;
    }
    return false;
}

// How a value of each row becomes counts per 10,000: its factor; none: as it is.
std::optional<std::vector<double>> factors_of(const SpotData& data, const fs::path& file, std::int64_t measured_genes, std::vector<Issue>& issues) {
    const ExpressionMatrix& e = data.expression;
    auto totals = totals_of(e);
    if (e.unit == ExpressionUnit::Log1p) {
        const auto [low, high] = std::minmax_element(totals.begin(), totals.end());
        if (*high - *low > kAlike * *high) {
            issues.push_back({Severity::Warning, "The totals of the log1p values differ from row to row; they were taken as log1p of counts per 10,000.", file.string()});
            return std::nullopt;
        }
    } else if (!stated_totals(data, totals) && 2 * e.cols() < measured_genes) {
        issues.push_back({Severity::Warning,
                          "The file holds only " + std::to_string(e.cols()) + " genes, and counts were divided by their sums over these; put the counts of whole cells into obs['total_counts'].",
                          file.string()});
    }
    for (double& total : totals) total = total > 0 ? kPer / total : 0;
    return totals;
}

float in_unit(double value, ExpressionUnit from, TargetUnit to, double factor) {
    if (from == ExpressionUnit::Log1p) value = std::expm1(value);
    return static_cast<float>(std::log1p(to == TargetUnit::Log1pCp10k ? value * factor : value));
}

std::vector<std::int64_t> chosen_rows(std::int64_t rows, std::int64_t number, std::int64_t genes, const fs::path& file) {
    if (number <= 0 && rows > kMostUnasked)
        throw Error(ErrorCode::BadInput, "holds " + std::to_string(rows) + " profiles; say with -n how many tiles to draw", file);
    if (number <= 0) number = rows;
    if (number > kMostValues / std::max<std::int64_t>(genes, 1)) throw Error(ErrorCode::BadInput, "is too large for so many tiles at once; give a smaller -n", file);
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < number; ++i) chosen.push_back(number < rows ? i * rows / number : i % rows);
    return chosen;
}

}  // namespace

std::vector<std::int64_t> find_genes(const ExpressionMatrix& e, const GenePanel& panel, const fs::path& file, const char* advice, nlohmann::json& report,
                                     std::vector<Issue>& issues) {
    std::vector<std::int64_t> columns;
    std::vector<std::string> missing;
    for (const auto& gene : panel.genes) {
        columns.push_back(e.find_gene(gene));
        if (columns.back() < 0) missing.push_back(gene);
    }
    std::string first;
    for (std::size_t i = 0; i < std::min<std::size_t>(5, missing.size()); ++i) first += (i ? ", " : "") + missing[i];
    const std::string what = std::to_string(missing.size()) + " of the generator's " + std::to_string(panel.genes.size()) + " genes";
    if (2 * missing.size() > panel.genes.size())
        throw Error(ErrorCode::Mismatch,
                    "lacks " + what + " (" + first + ", …); its own are named like '" + (e.genes.empty() ? "" : e.genes.front()) + "'; " + advice, file);
    if (!missing.empty()) issues.push_back({Severity::Warning, "The file lacks " + what + " (" + first + (missing.size() > 5 ? ", …" : "") + "); they stand at their mean.", file.string()});
    report["genes_missing"] = missing.size();
    report["genes_missing_first"] = std::vector<std::string>(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(5, missing.size())));
    return columns;
}

ProfileSet imported_profiles(const fs::path& file, const GenePanel& panel, std::int64_t number, std::uint64_t seed, std::int64_t measured_genes) {
    const SpotData data = read_h5ad(file, false);
    const ExpressionMatrix& e = data.expression;
    const bool as_given = panel.unit == TargetUnit::AsGiven;  // no unit to bring them to
    if (!as_given && (e.unit == ExpressionUnit::Other || e.unit == ExpressionUnit::AsGiven)) throw Error(ErrorCode::Unsupported, "holds neither counts nor log1p of them; put counts into X or layers['counts']", file);
    ProfileSet set;
    const auto columns = find_genes(e, panel, file, "give gene symbols as var_names, or another file", set.report, set.table.issues);
    const auto rows = chosen_rows(e.rows(), number, static_cast<std::int64_t>(panel.genes.size()), file);
    const auto factors = as_given ? std::nullopt : factors_of(data, file, measured_genes, set.table.issues);
    std::vector<std::int64_t> place(static_cast<std::size_t>(e.cols()), -1);
    for (std::size_t g = 0; g < columns.size(); ++g)
        if (columns[g] >= 0) place[static_cast<std::size_t>(columns[g])] = static_cast<std::int64_t>(g);

    set.values = Matrix(static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(panel.genes.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto r = static_cast<std::size_t>(rows[i]);
        float* values = set.values.row(static_cast<std::int64_t>(i));
        for (std::size_t g = 0; g < columns.size(); ++g) values[g] = columns[g] < 0 ? panel.mean[g] : 0.f;
        for (auto k = e.indptr[r]; k < e.indptr[r + 1]; ++k) {
            const auto at = static_cast<std::size_t>(k);
            const auto g = place[static_cast<std::size_t>(e.indices[at])];
            if (g < 0) continue;
            const double value = e.values[at];
            values[g] = factors ? in_unit(value, e.unit, panel.unit, (*factors)[r]) : static_cast<float>(value);
        }
        set.add("imported", data.spots.barcodes[r], data.spots.x[r], data.spots.y[r], derive_seed(seed, "imported", i));
    }
    set.report["file"] = file.filename().string();
    set.report["profiles"] = e.rows();
    set.report["unit"] = to_string(e.unit);
    return set;
}

}  // namespace c2l
