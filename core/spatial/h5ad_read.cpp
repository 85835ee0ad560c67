#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/error.h"
#include "spatial/h5.h"
#include "spatial/h5ad.h"
#include "spatial/h5ad_frame.h"
#include "spatial/parts.h"
#include "spatial/sparse_h5.h"

namespace c2l {
namespace {

using h5::Kind;

class H5adReader {
public:
    H5adReader(const std::filesystem::path& path, bool positions) : file_(path), needs_positions_(positions) {
        if (file_.kind("/obs") == Kind::None || file_.kind("/var") == Kind::None) file_.fail("lacks obs or var; it is not an AnnData file");
        obs_.emplace(file_, "/obs");
    }

    SpotData read() {
        data_.format = "h5ad";
        SpotTable& spots = data_.spots;
        spots.barcodes = obs_->names();
        if (spots.size() == 0) file_.fail("has no spots");
        std::unordered_set<std::string> seen;
        for (const auto& name : spots.barcodes)
            if (!seen.insert(name).second) file_.fail("names the spot '" + name + "' twice; make obs_names unique");
        read_own();
        read_expression();
        read_obs();
        read_positions();
        read_spot_size();
        read_layers();
        return std::move(data_);
    }

private:
    std::size_t n() const { return data_.spots.size(); }

    std::vector<std::string> names_of(const std::string& frame) { return H5adFrame(file_, frame).names(); }

    void read_own() {
        if (file_.kind("/uns/c2l/provenance") == Kind::String)
            if (const auto text = file_.strings("/uns/c2l/provenance"); text.size() == 1) data_.provenance_json = text[0];
        if (file_.kind("/uns/c2l/unit") == Kind::String)
            if (const auto text = file_.strings("/uns/c2l/unit"); text.size() == 1)
                for (const auto unit : {ExpressionUnit::Counts, ExpressionUnit::Log1p, ExpressionUnit::Other, ExpressionUnit::AsGiven})
                    if (text[0] == to_string(unit)) own_unit_ = unit;
    }

    // spots × genes from a dense, CSR or CSC element.
    ExpressionMatrix matrix(const std::string& at, std::vector<std::string> genes) {
        if (file_.kind(at) != Kind::Group) return dense(at, std::move(genes));
        const std::string format = file_.text_attribute(at, "encoding-type").value_or(file_.text_attribute(at, "h5sparse_format").value_or(""));
        auto shape = file_.integer_attribute(at, "shape");
        if (shape.empty()) shape = file_.integer_attribute(at, "h5sparse_shape");
        if (shape.size() != 2 || shape[0] != static_cast<std::int64_t>(n()) || shape[1] != static_cast<std::int64_t>(genes.size()))
            file_.fail("has a shape at '" + at + "' that does not fit its " + std::to_string(n()) + " spots and " + std::to_string(genes.size()) + " genes");
        ExpressionMatrix m;
        if (format == "csr_matrix" || format == "csr") {
            m = read_compressed(file_, at, n(), genes.size());
            m.genes = std::move(genes);
        } else if (format == "csc_matrix" || format == "csc") {
            m = read_compressed(file_, at, genes.size(), n());
            m.genes = data_.spots.barcodes;  // its columns, until it is turned
            m = transposed(m, std::move(genes));
        } else {
            throw Error(ErrorCode::Unsupported, "stores '" + at + "' as '" + format + "', which is not dense, CSR or CSC", file_.path());
        }
        return finished(std::move(m));
    }

    Matrix dense_values(const std::string& at, std::size_t genes) {
        const auto shape = file_.shape(at);
        if (shape.size() != 2 || shape[0] != n() || shape[1] != genes)
            file_.fail("has a shape at '" + at + "' that does not fit its " + std::to_string(n()) + " spots and " + std::to_string(genes) + " genes");
        Matrix m;
        m.rows = static_cast<std::int64_t>(n());
        m.cols = static_cast<std::int64_t>(genes);
        m.values = file_.floats(at);
        return m;
    }

    ExpressionMatrix dense(const std::string& at, std::vector<std::string> genes) {
        const Matrix values = dense_values(at, genes.size());
        return finished(ExpressionMatrix::from_dense(values, std::move(genes), ExpressionUnit::Other));
    }

    ExpressionMatrix finished(ExpressionMatrix m) {
        make_unique(m.genes);
        tidy(m, file_.path());
        m.unit = unit_of(m.values);
        return m;
    }

    void note(const std::string& text) { data_.issues.push_back({Severity::Info, text, ""}); }

    // X where it holds counts; else counts from where they are kept by habit; else counts that X still determines.
    void read_expression() {
        const auto genes = names_of("/var");
        var_genes_ = genes.size();
        const bool has_x = file_.kind("/X") != Kind::None;
        if (has_x) data_.expression = matrix("/X", genes);
        if (own_unit_ && has_x) {
            const auto& values = data_.expression.values;
            if (*own_unit_ == ExpressionUnit::Counts && std::any_of(values.begin(), values.end(), [](float v) { return v < 0; })) file_.fail("says that X holds counts, and has negative ones");
            data_.expression.unit = *own_unit_;
            return;
        }
        if (has_x && data_.expression.unit == ExpressionUnit::Counts) return;
        for (const char* name : {"counts", "raw_counts", "raw"})
            if (take_counts("/layers/" + std::string(name), genes, "layers['" + std::string(name) + "']")) {
                layer_used_ = name;
                return;
            }
        for (const std::string raw : {"/raw/", "/raw."})  // the latter before anndata 0.7
            if (file_.kind(raw + "var") != Kind::None && take_counts(raw + "X", names_of(raw + "var"), "raw")) {
                var_replaced_ = true;
                return;
            }
        if (!has_x) file_.fail("has no X and no counts in layers or raw");
        if (data_.expression.unit != ExpressionUnit::Log1p) return;
        if (auto counts = recover_counts(data_.expression)) {
            data_.expression = *std::move(counts);
            note("X is log-transformed; its counts were recovered exactly and are used.");
        }
    }

    bool take_counts(const std::string& at, std::vector<std::string> genes, const std::string& name) {
        if (file_.kind(at) == Kind::None) return false;
        auto m = matrix(at, std::move(genes));
        if (m.unit != ExpressionUnit::Counts) return false;
        data_.expression = std::move(m);
        note("X is not counts; the counts of " + name + " are used.");
        return true;
    }

    void read_obs() {
        SpotTable& s = data_.spots;
        s.array_row.assign(n(), -1);
        s.array_col.assign(n(), -1);
        s.in_tissue.assign(n(), 1);
        for (const auto& name : obs_->columns()) {
            std::vector<double> numbers;
            std::vector<std::string> labels;
            obs_->column(name, numbers, labels);
            if (numbers.size() != n() && labels.size() != n()) {
                data_.issues.push_back({Severity::Warning, "The column '" + name + "' of obs was left out; its kind or length is not readable.", ""});
                continue;
            }
            const auto whole = [](double v) { return std::isfinite(v) && std::abs(v) < 1e9 ? static_cast<int>(v) : -1; };
            if (!labels.empty()) data_.labels[name] = std::move(labels);
            else if (name == "in_tissue") std::transform(numbers.begin(), numbers.end(), s.in_tissue.begin(), [](double v) { return v != 0; });
            else if (name == "array_row" || name == "array_col") std::transform(numbers.begin(), numbers.end(), (name == "array_row" ? s.array_row : s.array_col).begin(), whole);
            else data_.obs[name] = as_floats(numbers);
        }
    }

    // What a float cannot hold becomes infinite, as HDF5 itself has it.
    static std::vector<float> as_floats(const std::vector<double>& numbers) {
        constexpr double kMost = std::numeric_limits<float>::max();
        std::vector<float> out;
        for (const double v : numbers) out.push_back(v > kMost ? std::numeric_limits<float>::infinity() : v < -kMost ? -std::numeric_limits<float>::infinity() : static_cast<float>(v));
        return out;
    }

    void read_positions() {
        SpotTable& s = data_.spots;
        const Kind kind = file_.kind("/obsm/spatial");
        if (kind == Kind::Integer || kind == Kind::Float) {
            const auto shape = file_.shape("/obsm/spatial");
            if (shape.size() != 2 || shape[0] != n() || shape[1] < 2 || shape[1] > 3) file_.fail("has a shape of obsm['spatial'] that does not fit its " + std::to_string(n()) + " spots");
            const auto xy = file_.doubles("/obsm/spatial");
            for (std::size_t i = 0; i < n(); ++i) s.x.push_back(xy[i * shape[1]]), s.y.push_back(xy[i * shape[1] + 1]);
        } else if (old_positions() || numbers_of_obs("pxl_col_in_fullres", s.x, "pxl_row_in_fullres", s.y)) {
        } else if (!needs_positions_) {
            s.x.assign(n(), 0);
            s.y.assign(n(), 0);
        } else {
            file_.fail("has no spot positions; put full-resolution pixels into obsm['spatial']");
        }
        if (s.x.size() != n() || s.y.size() != n()) file_.fail("has positions for " + std::to_string(s.x.size()) + " of " + std::to_string(n()) + " spots");
        for (std::size_t i = 0; i < n(); ++i)
            if (!std::isfinite(s.x[i]) || !std::isfinite(s.y[i])) file_.fail("has no position for the spot '" + s.barcodes[i] + "'");
    }

    bool numbers_of_obs(const std::string& x, std::vector<double>& xs, const std::string& y, std::vector<double>& ys) {
        const auto columns = obs_->columns();
        std::vector<std::string> labels;
        for (const auto& [name, values] : {std::pair{x, &xs}, std::pair{y, &ys}}) {
            if (std::find(columns.begin(), columns.end(), name) == columns.end()) return false;
            obs_->column(name, *values, labels);
        }
        return labels.empty();
    }

    // Before anndata 0.7 obsm was one dataset of records, with a short row of numbers for each key.
    bool old_positions() {
        if (file_.kind("/obsm") != Kind::Records) return false;
        for (const auto& column : file_.records("/obsm")) {
            if (column.name != "spatial" || column.width < 2 || column.width > 3) continue;
            for (std::size_t i = 0; i + 1 < column.numbers.size(); i += column.width) data_.spots.x.push_back(column.numbers[i]), data_.spots.y.push_back(column.numbers[i + 1]);
            return true;
        }
        return false;
    }

    void read_spot_size() {
        int x = 0, y = 0;
        if (looks_like_array_position(data_.spots.barcodes.front(), x, y)) data_.spots.diameter_um = 100;
        const auto libraries = file_.children("/uns/spatial");
        if (libraries.size() > 1) data_.issues.push_back({Severity::Warning, "The file holds " + std::to_string(libraries.size()) + " sections; split it by section before pairing it with one slide.", ""});
        for (const auto& library : libraries) {
            const std::string at = "/uns/spatial/" + library;
            if (file_.kind(at + "/scalefactors/spot_diameter_fullres") == Kind::Float)
                if (const auto v = file_.doubles(at + "/scalefactors/spot_diameter_fullres"); v.size() == 1 && v[0] > 0 && std::isfinite(v[0])) data_.spots.diameter_px = v[0];
            const std::string bin = at + "/scalefactors/bin_size_um";  // Visium HD
            if (file_.kind(bin) == Kind::Float || file_.kind(bin) == Kind::Integer)
                if (const auto v = file_.doubles(bin); v.size() == 1 && v[0] > 0 && v[0] <= 1000) data_.spots.diameter_um = v[0], data_.spots.square = true;
            if (!data_.spots.square && file_.kind(at + "/metadata/software_version") == Kind::String)
                if (const auto v = file_.strings(at + "/metadata/software_version"); v.size() == 1 && v[0].starts_with("spaceranger")) data_.spots.diameter_um = 55;
            break;
        }
    }

    // Dense layers only: they are what maps have. Sparse ones are further counts, which would not fit densely; they are named.
    void read_layers() {
        constexpr std::uint64_t kMostValues = std::uint64_t{1} << 29;
        std::string not_read;
        const auto leave = [&](const std::string& name) { not_read += (not_read.empty() ? "'" : ", '") + name + "'"; };
        for (const auto& name : file_.children("/layers")) {
            const std::string at = "/layers/" + name;
            const Kind kind = file_.kind(at);
            if (name == layer_used_) continue;
            if (var_replaced_ || (kind != Kind::Float && kind != Kind::Integer)) leave(name);
            else if (file_.size(at) > kMostValues) data_.issues.push_back({Severity::Warning, "The layer '" + name + "' was left out; it is too large to read densely.", ""});
            else data_.layers[name] = dense_values(at, var_genes_);
        }
        if (not_read.empty()) return;
        note("Layers that were not read: " + not_read + ". " + (layer_used_.empty() ? "X" : "layers['" + layer_used_ + "']") +
             (var_replaced_ ? " was replaced by raw, whose genes they do not have." : " is used; to have another, save it as X."));
    }

    h5::Reader file_;
    bool needs_positions_;
    std::optional<H5adFrame> obs_;
    SpotData data_;
    std::string layer_used_;  // whose counts stand for X
    std::optional<ExpressionUnit> own_unit_;
    std::size_t var_genes_ = 0;
    bool var_replaced_ = false;  // the genes are those of raw, not of X
};

}  // namespace

SpotData read_h5ad(const std::filesystem::path& path, bool positions) { return H5adReader(path, positions).read(); }

}  // namespace c2l
