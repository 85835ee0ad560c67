#include "spatial/parts.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "spatial/text.h"

namespace c2l {
namespace {

using NameIndex = std::unordered_map<std::string, std::size_t>;

// "10x13" for every way the grid position is written, where that keeps the names apart; else the names as they are.
std::vector<std::string> canonical(const std::vector<std::string>& names) {
    std::vector<std::string> out;
    std::unordered_set<std::string> seen;
    for (const auto& name : names) {
        int x = 0, y = 0;
        out.push_back(looks_like_array_position(name, x, y) ? std::to_string(x) + "x" + std::to_string(y) : name);
        if (!seen.insert(out.back()).second) return names;
    }
    return out;
}

NameIndex index_of(const std::vector<std::string>& names) {
    NameIndex index;
    for (std::size_t i = 0; i < names.size(); ++i) index.emplace(names[i], i);
    return index;
}

std::size_t count_known(const std::vector<std::string>& names, const NameIndex& known) {
    const auto plain = canonical(names);
    return static_cast<std::size_t>(std::count_if(plain.begin(), plain.end(), [&](const auto& name) { return known.count(name) > 0; }));
}

void check_unique(const std::vector<std::string>& names, const std::filesystem::path& path) {
    std::unordered_set<std::string> seen;
    for (const auto& name : names)
        if (!seen.insert(name).second) throw Error(ErrorCode::BadInput, "names the spot '" + name + "' twice; keep one of them", path);
}

SpotTable select(const SpotTable& s, const std::vector<std::size_t>& kept) {
    SpotTable out;
    out.diameter_px = s.diameter_px;
    out.diameter_um = s.diameter_um;
    out.square = s.square;
    out.um_per_px = s.um_per_px;
    for (const auto i : kept) {
        out.barcodes.push_back(s.barcodes[i]);
        out.x.push_back(s.x[i]);
        out.y.push_back(s.y[i]);
        out.array_row.push_back(s.array_row[i]);
        out.array_col.push_back(s.array_col[i]);
        out.in_tissue.push_back(s.in_tissue[i]);
    }
    return out;
}

void report(SpotData& data, std::size_t n, const std::string& text, const std::string& location, Severity severity = Severity::Warning) {
    if (n > 0) data.issues.push_back({severity, std::to_string(n) + (n == 1 ? " spot " : " spots ") + text, location});
}

}  // namespace

bool looks_like_array_position(std::string_view name, int& x, int& y) {
    if (!name.empty() && (name.front() == 'X' || name.front() == 'x')) name.remove_prefix(1);
    const auto cross = name.find('x');
    double a = 0, b = 0;
    if (cross == std::string_view::npos || !parse_number(name.substr(0, cross), a) || !parse_number(name.substr(cross + 1), b)) return false;
    if (std::abs(a) > 1e6 || std::abs(b) > 1e6) return false;
    x = static_cast<int>(std::lround(a));
    y = static_cast<int>(std::lround(b));
    return true;
}

void make_unique(std::vector<std::string>& names) {
    std::unordered_set<std::string> all(names.begin(), names.end()), seen;
    std::unordered_map<std::string, int> copies;
    for (auto& name : names) {
        if (seen.insert(name).second) continue;
        const std::string original = name;
        do name = original + "-" + std::to_string(++copies[original]);
        while (!all.insert(name).second);
        seen.insert(name);
    }
}

ExpressionUnit unit_of(const std::vector<float>& values) {
    constexpr float kLargestLog = 20;  // log1p of 5·10⁸
    if (std::all_of(values.begin(), values.end(), [](float v) { return v >= 0 && v == std::floor(v); })) return ExpressionUnit::Counts;
    const bool log = std::all_of(values.begin(), values.end(), [](float v) { return v >= 0 && v < kLargestLog; });
    return log ? ExpressionUnit::Log1p : ExpressionUnit::Other;
}

void tidy(ExpressionMatrix& m, const std::filesystem::path& path) {
    for (const float v : m.values)
        if (!std::isfinite(v)) throw Error(ErrorCode::BadInput, "has expression that is not a number; repair or export it again", path);
    std::vector<std::pair<std::int32_t, float>> row;
    for (std::int64_t r = 0; r < m.rows(); ++r) {
        const auto first = static_cast<std::size_t>(m.indptr[static_cast<std::size_t>(r)]), last = static_cast<std::size_t>(m.indptr[static_cast<std::size_t>(r) + 1]);
        const auto begin = m.indices.begin();
        if (!std::is_sorted(begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last))) {
            row.clear();
            for (auto i = first; i < last; ++i) row.emplace_back(m.indices[i], m.values[i]);
            std::stable_sort(row.begin(), row.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
            for (auto i = first; i < last; ++i) std::tie(m.indices[i], m.values[i]) = row[i - first];
        }
        for (auto i = first + 1; i < last; ++i)
            if (m.indices[i] == m.indices[i - 1])
                throw Error(ErrorCode::BadInput, "gives the gene '" + m.genes[static_cast<std::size_t>(m.indices[i])] + "' twice in row " + std::to_string(r + 1), path);
    }
    // Zeros that are written out would count as values in every later step.
    std::size_t kept = 0;
    for (std::int64_t r = 0, first = 0; r < m.rows(); ++r) {
        const auto last = m.indptr[static_cast<std::size_t>(r) + 1];
        for (; first < last; ++first) {
            const auto i = static_cast<std::size_t>(first);
            if (m.values[i] == 0) continue;
            m.indices[kept] = m.indices[i];
            m.values[kept++] = m.values[i];
        }
        m.indptr[static_cast<std::size_t>(r) + 1] = static_cast<std::int64_t>(kept);
    }
    m.indices.resize(kept);
    m.values.resize(kept);
}

ExpressionMatrix transposed(const ExpressionMatrix& m, std::vector<std::string> new_columns) {
    ExpressionMatrix out;
    out.unit = m.unit;
    out.genes = std::move(new_columns);
    out.indptr.assign(static_cast<std::size_t>(m.cols()) + 1, 0);
    for (const auto c : m.indices) ++out.indptr[static_cast<std::size_t>(c) + 1];
    std::partial_sum(out.indptr.begin(), out.indptr.end(), out.indptr.begin());
    std::vector<std::int64_t> next(out.indptr.begin(), out.indptr.end() - 1);
    out.indices.resize(m.indices.size());
    out.values.resize(m.values.size());
    for (std::int64_t r = 0; r < m.rows(); ++r)
        for (auto i = m.indptr[static_cast<std::size_t>(r)]; i < m.indptr[static_cast<std::size_t>(r) + 1]; ++i) {
            const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(m.indices[static_cast<std::size_t>(i)])]++);
            out.indices[to] = static_cast<std::int32_t>(r);
            out.values[to] = m.values[static_cast<std::size_t>(i)];
        }
    return out;
}

ExpressionMatrix select_columns(const ExpressionMatrix& m, const std::vector<std::int32_t>& new_number, std::vector<std::string> genes) {
    ExpressionMatrix out;
    out.unit = m.unit;
    out.genes = std::move(genes);
    for (std::int64_t r = 0; r < m.rows(); ++r) {
        for (auto i = static_cast<std::size_t>(m.indptr[static_cast<std::size_t>(r)]); i < static_cast<std::size_t>(m.indptr[static_cast<std::size_t>(r) + 1]); ++i)
            if (const auto c = new_number[static_cast<std::size_t>(m.indices[i])]; c >= 0) {
                out.indices.push_back(c);
                out.values.push_back(m.values[i]);
            }
        out.indptr.push_back(static_cast<std::int64_t>(out.indices.size()));
    }
    return out;
}

SpotData join(const PositionTable& positions, CountTable counts) {
    check_unique(positions.spots.barcodes, positions.path);
    const auto keys = canonical(positions.spots.barcodes);
    const auto known = index_of(keys);
    if (counts.either_way && count_known(counts.matrix.genes, known) > count_known(counts.spots, known)) {
        auto spots = counts.matrix.genes;
        counts.matrix = transposed(counts.matrix, std::move(counts.spots));
        counts.spots = std::move(spots);
    }
    check_unique(counts.spots, counts.path);
    const auto rows = index_of(canonical(counts.spots));

    std::vector<std::size_t> kept;
    std::vector<std::int64_t> kept_rows;
    std::string first_without_counts, first_without_position;
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (const auto found = rows.find(keys[i]); found != rows.end()) {
            kept.push_back(i);
            kept_rows.push_back(static_cast<std::int64_t>(found->second));
        } else if (first_without_counts.empty()) {
            first_without_counts = positions.spots.barcodes[i];
        }
    }
    if (kept.empty())
        throw Error(ErrorCode::BadInput, "none of the " + std::to_string(keys.size()) + " spots has counts in '" + counts.path.filename().string() +
                                             "'; check that both files are of the same section", positions.path);
    const auto row_keys = canonical(counts.spots);
    for (std::size_t r = 0; first_without_position.empty() && r < row_keys.size(); ++r)
        if (!known.count(row_keys[r])) first_without_position = counts.spots[r];

    SpotData data;
    data.spots = select(positions.spots, kept);
    data.expression = counts.matrix.select_rows(kept_rows);
    make_unique(data.expression.genes);
    tidy(data.expression, counts.path);
    for (const float v : data.expression.values)
        if (v < 0) throw Error(ErrorCode::BadInput, "has negative expression, which counts cannot be; give raw counts", counts.path);
    data.expression.unit = unit_of(data.expression.values);
    report(data, positions.left_out, "not selected or not in tissue were left out.", "", Severity::Info);
    report(data, keys.size() - kept.size(), "without counts left out.", first_without_counts);
    // What is off the tissue has counts in an unfiltered matrix; that is no finding.
    if (positions.left_out == 0 || counts.either_way)
        report(data, counts.spots.size() - kept.size(), "with counts but without a selected position left out.", first_without_position);
    return data;
}

}  // namespace c2l
