#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/error.h"
#include "spatial/h5.h"
#include "spatial/h5ad.h"
#include "spatial/parts.h"
#include "spatial/sparse_h5.h"

namespace c2l {
namespace {

using h5::Kind;

class H5adReader {
public:
    H5adReader(const std::filesystem::path& path, bool positions) : file_(path), needs_positions_(positions) {}

    SpotData read() {
        if (file_.kind("/obs") == Kind::None || file_.kind("/var") == Kind::None) file_.fail("lacks obs or var; it is not an AnnData file");
        data_.format = "h5ad";
        SpotTable& spots = data_.spots;
        spots.barcodes = index("/obs");
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

    // Row names of obs or var.
    std::vector<std::string> index(const std::string& table) {
        if (file_.kind(table) != Kind::Group)
            throw Error(ErrorCode::Unsupported, "was written by an anndata older than 0.7; open and save it with a current one", file_.path());
        for (const auto& name : {file_.text_attribute(table, "_index").value_or("_index"), std::string("_index"), std::string("index")})
            if (file_.kind(table + "/" + name) == Kind::String) return file_.strings(table + "/" + name);
        file_.fail("has no row names in '" + table + "'");
    }

    void read_own() {
        if (file_.kind("/uns/c2l/provenance") == Kind::String)
            if (const auto text = file_.strings("/uns/c2l/provenance"); text.size() == 1) data_.provenance_json = text[0];
        if (file_.kind("/uns/c2l/unit") == Kind::String)
            if (const auto text = file_.strings("/uns/c2l/unit"); text.size() == 1)
                for (const auto unit : {ExpressionUnit::Counts, ExpressionUnit::Log1p, ExpressionUnit::Other})
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
        const auto genes = index("/var");
        var_genes_ = genes.size();
        const bool has_x = file_.kind("/X") != Kind::None;
        if (has_x) data_.expression = matrix("/X", genes);
        if (own_unit_ && has_x) {
            data_.expression.unit = *own_unit_;
            return;
        }
        if (has_x && data_.expression.unit == ExpressionUnit::Counts) return;
        for (const char* name : {"counts", "raw_counts", "raw"})
            if (take_counts("/layers/" + std::string(name), genes, "layers['" + std::string(name) + "']")) return;
        if (file_.kind("/raw/var") == Kind::Group && take_counts("/raw/X", index("/raw/var"), "raw")) {
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
        const std::string row_names = file_.text_attribute("/obs", "_index").value_or("_index");
        for (const auto& name : file_.children("/obs")) {
            if (name == row_names || name == "_index" || name == "__categories") continue;
            std::vector<float> numbers;
            std::vector<std::string> labels;
            if (!column("/obs/" + name, name, numbers, labels)) continue;
            if (!labels.empty()) data_.labels[name] = std::move(labels);
            else if (name == "in_tissue") std::transform(numbers.begin(), numbers.end(), s.in_tissue.begin(), [](float v) { return v != 0; });
            else if (name == "array_row" || name == "array_col") std::transform(numbers.begin(), numbers.end(), (name == "array_row" ? s.array_row : s.array_col).begin(), [](float v) { return std::isfinite(v) && std::abs(v) < 1e9f ? static_cast<int>(v) : -1; });
            else data_.obs[name] = std::move(numbers);
        }
    }

    // One column of obs: numbers or labels. False, with an issue, where it is neither or its length is wrong.
    bool column(const std::string& at, const std::string& name, std::vector<float>& numbers, std::vector<std::string>& labels) {
        const Kind kind = file_.kind(at);
        if (kind == Kind::Group && file_.kind(at + "/categories") != Kind::None) labels_of(at + "/codes", at + "/categories", labels);
        else if (kind == Kind::Group && file_.kind(at + "/values") != Kind::None) nullable(at, numbers);
        else if (kind == Kind::Integer && file_.kind("/obs/__categories/" + name) != Kind::None) labels_of(at, "/obs/__categories/" + name, labels);
        else if (kind == Kind::String) labels = file_.strings(at);
        else if (kind == Kind::Integer || kind == Kind::Float || kind == Kind::Boolean) numbers = file_.floats(at);
        if (numbers.size() == n() || labels.size() == n()) return true;
        data_.issues.push_back({Severity::Warning, "The column '" + name + "' of obs was left out; its kind or length is not readable.", ""});
        return false;
    }

    void labels_of(const std::string& codes_at, const std::string& categories_at, std::vector<std::string>& labels) {
        std::vector<std::string> categories;
        if (file_.kind(categories_at) == Kind::String) categories = file_.strings(categories_at);
        else
            for (const double v : file_.doubles(categories_at)) {
                std::string text = std::to_string(v);
                text.erase(text.find_last_not_of('0') + 1);
                if (text.back() == '.') text.pop_back();
                categories.push_back(text);
            }
        for (const auto code : file_.integers(codes_at)) {
            if (code >= static_cast<std::int64_t>(categories.size())) file_.fail("names a category that does not exist at '" + codes_at + "'");
            labels.push_back(code < 0 ? "" : categories[static_cast<std::size_t>(code)]);
        }
    }

    void nullable(const std::string& at, std::vector<float>& numbers) {
        numbers = file_.floats(at + "/values");
        if (file_.kind(at + "/mask") == Kind::None) return;
        const auto mask = file_.floats(at + "/mask");
        for (std::size_t i = 0; i < std::min(mask.size(), numbers.size()); ++i)
            if (mask[i] != 0) numbers[i] = std::numeric_limits<float>::quiet_NaN();
    }

    void read_positions() {
        SpotTable& s = data_.spots;
        const Kind kind = file_.kind("/obsm/spatial");
        if (kind == Kind::Integer || kind == Kind::Float) {
            const auto shape = file_.shape("/obsm/spatial");
            if (shape.size() != 2 || shape[0] != n() || shape[1] < 2 || shape[1] > 3) file_.fail("has a shape of obsm['spatial'] that does not fit its " + std::to_string(n()) + " spots");
            const auto xy = file_.doubles("/obsm/spatial");
            for (std::size_t i = 0; i < n(); ++i) s.x.push_back(xy[i * shape[1]]), s.y.push_back(xy[i * shape[1] + 1]);
        } else if (file_.kind("/obs/pxl_col_in_fullres") != Kind::None && file_.kind("/obs/pxl_row_in_fullres") != Kind::None) {
            s.x = file_.doubles("/obs/pxl_col_in_fullres");
            s.y = file_.doubles("/obs/pxl_row_in_fullres");
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

    void read_spot_size() {
        int x = 0, y = 0;
        if (looks_like_array_position(data_.spots.barcodes.front(), x, y)) data_.spots.diameter_um = 100;
        const auto libraries = file_.children("/uns/spatial");
        if (libraries.size() > 1) data_.issues.push_back({Severity::Warning, "The file holds " + std::to_string(libraries.size()) + " sections; split it by section before pairing it with one slide.", ""});
        for (const auto& library : libraries) {
            const std::string at = "/uns/spatial/" + library;
            if (file_.kind(at + "/scalefactors/spot_diameter_fullres") == Kind::Float)
                if (const auto v = file_.doubles(at + "/scalefactors/spot_diameter_fullres"); v.size() == 1 && v[0] > 0 && std::isfinite(v[0])) data_.spots.diameter_px = v[0];
            if (file_.kind(at + "/metadata/software_version") == Kind::String)
                if (const auto v = file_.strings(at + "/metadata/software_version"); v.size() == 1 && v[0].starts_with("spaceranger")) data_.spots.diameter_um = 55;
            break;
        }
    }

    // Dense layers only: they are what maps have. Sparse ones are further counts, which would not fit densely.
    void read_layers() {
        constexpr std::uint64_t kMostValues = std::uint64_t{1} << 29;
        if (var_replaced_) return;
        for (const auto& name : file_.children("/layers")) {
            const std::string at = "/layers/" + name;
            const Kind kind = file_.kind(at);
            if (kind != Kind::Float && kind != Kind::Integer) continue;
            if (file_.size(at) > kMostValues) data_.issues.push_back({Severity::Warning, "The layer '" + name + "' was left out; it is too large to read densely.", ""});
            else data_.layers[name] = dense_values(at, var_genes_);
        }
    }

    h5::Reader file_;
    bool needs_positions_;
    SpotData data_;
    std::optional<ExpressionUnit> own_unit_;
    std::size_t var_genes_ = 0;
    bool var_replaced_ = false;  // the genes are those of raw, not of X
};

}  // namespace

SpotData read_h5ad(const std::filesystem::path& path, bool positions) { return H5adReader(path, positions).read(); }

}  // namespace c2l
