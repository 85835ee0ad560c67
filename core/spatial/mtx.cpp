#include <cmath>

#include "base/error.h"
#include "spatial/parts.h"
#include "spatial/text.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

fs::path find_part(const fs::path& folder, std::initializer_list<const char*> names) {
    for (const char* name : names)
        for (const char* ending : {".gz", ""})
            if (const auto path = folder / (std::string(name) + ending); fs::is_regular_file(path)) return path;
    throw Error(ErrorCode::NotFound, "lacks " + std::string(*names.begin()) + " (or .gz); give the whole folder of the count matrix", folder);
}

struct Features {
    std::vector<std::int32_t> number;  // of the gene, -1 for other features
    std::vector<std::string> genes;
};

constexpr std::size_t kMostFeatures = 10'000'000, kMostBarcodes = 50'000'000;  // Visium HD has 24 million bins of 2 µm

// id, name, type; the oldest files have no type, and some only one column.
Features read_features(const fs::path& path) {
    Features out;
    LineReader lines(path);
    std::string_view line;
    std::vector<std::string_view> fields;
    while (lines.next(line)) {
        if (line.empty()) continue;
        if (out.number.size() >= kMostFeatures) lines.fail("is beyond the most features that can be read");
        split(line, '\t', fields);
        const bool gene = fields.size() < 3 || fields[2] == "Gene Expression";
        out.number.push_back(gene ? static_cast<std::int32_t>(out.genes.size()) : -1);
        if (gene) out.genes.emplace_back(fields.size() > 1 ? fields[1] : fields[0]);
    }
    return out;
}

std::vector<std::string> read_barcodes(const fs::path& path) {
    std::vector<std::string> out;
    LineReader lines(path);
    std::string_view line;
    std::vector<std::string_view> fields;
    while (lines.next(line)) {
        if (line.empty()) continue;
        if (out.size() >= kMostBarcodes) lines.fail("is beyond the most barcodes that can be read");
        split(line, '\t', fields);
        out.emplace_back(fields[0]);
    }
    return out;
}

// Three numbers of a line: row, column and value of the file, or rows, columns and entries of its head. The first two are whole.
void three_numbers(const LineReader& lines, std::string_view line, std::vector<std::string_view>& fields, double (&out)[3]) {
    split(line, ' ', fields);
    if (fields.size() != 3) lines.fail("has " + std::to_string(fields.size()) + " numbers where a Matrix Market file has 3");
    for (int i = 0; i < 3; ++i)
        if (!parse_number(fields[static_cast<std::size_t>(i)], out[i])) lines.fail("'" + std::string(fields[static_cast<std::size_t>(i)].substr(0, 40)) + "' is not a number");
    if (std::floor(out[0]) != out[0] || std::floor(out[1]) != out[1]) lines.fail("has a fraction where a whole number is needed");
}

}  // namespace

CountTable read_mtx_folder(const fs::path& folder, const JobContext& ctx) {
    CountTable table;
    table.path = folder;
    table.spots = read_barcodes(find_part(folder, {"barcodes.tsv"}));
    Features features = read_features(find_part(folder, {"features.tsv", "genes.tsv"}));
    const auto path = find_part(folder, {"matrix.mtx"});

    LineReader lines(path);
    std::string_view line;
    if (!lines.next(line) || line.substr(0, 32) != "%%MatrixMarket matrix coordinate" || line.find("general") == std::string_view::npos)
        throw Error(ErrorCode::BadInput, "is not a Matrix Market file with coordinates; give Space Ranger's matrix.mtx", path);
    do
        if (!lines.next(line)) throw Error(ErrorCode::BadInput, "ends before its size is given; fetch it again", path);
    while (!line.empty() && line[0] == '%');
    std::vector<std::string_view> fields;
    double v[3];
    three_numbers(lines, line, fields, v);
    if (v[0] != static_cast<double>(features.number.size()) || v[1] != static_cast<double>(table.spots.size()))
        lines.fail("names a size that does not fit " + std::to_string(features.number.size()) + " features and " + std::to_string(table.spots.size()) + " barcodes");
    const double entries = v[2];
    if (!(entries >= 0 && entries <= 1e15) || std::floor(entries) != entries) lines.fail("announces an impossible number of entries");

    // Gathered by column of the file (spot); files are in that order, but the format does not promise it.
    struct Entry {
        std::int32_t spot, gene;
        float value;
    };
    std::vector<Entry> entries_read;
    double read = 0;
    while (lines.next(line)) {
        if (line.empty()) continue;
        three_numbers(lines, line, fields, v);
        if (v[0] < 1 || v[0] > static_cast<double>(features.number.size()) || v[1] < 1 || v[1] > static_cast<double>(table.spots.size()))
            lines.fail("names a feature or barcode that does not exist");
        const auto gene = features.number[static_cast<std::size_t>(v[0]) - 1];
        if (gene >= 0) entries_read.push_back({static_cast<std::int32_t>(v[1]) - 1, gene, static_cast<float>(v[2])});
        if (++read > entries) lines.fail("there are more entries than the " + std::to_string(static_cast<std::int64_t>(entries)) + " announced");
        if (lines.line_number() % 65536 == 0) ctx.check_stop();
    }
    if (read < entries)
        throw Error(ErrorCode::BadInput, "ends after " + std::to_string(static_cast<std::int64_t>(read)) + " of " + std::to_string(static_cast<std::int64_t>(entries)) + " entries; fetch it again", path);

    ExpressionMatrix& m = table.matrix;
    m.genes = std::move(features.genes);
    m.indptr.assign(table.spots.size() + 1, 0);
    for (const auto& e : entries_read) ++m.indptr[static_cast<std::size_t>(e.spot) + 1];
    for (std::size_t i = 1; i < m.indptr.size(); ++i) m.indptr[i] += m.indptr[i - 1];
    std::vector<std::int64_t> next(m.indptr.begin(), m.indptr.end() - 1);
    m.indices.resize(entries_read.size());
    m.values.resize(entries_read.size());
    for (const auto& e : entries_read) {
        const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(e.spot)]++);
        m.indices[to] = e.gene;
        m.values[to] = e.value;
    }
    return table;
}

}  // namespace c2l
