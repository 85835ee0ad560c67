#include "spatial/parts.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "spatial/text.h"

namespace c2l {
namespace {

// "10x13" for every way the grid position is written, where that keeps the names apart; else, and where no name is one, empty.
std::vector<std::string> canonical(const std::vector<std::string>& names) {
    int x = 0, y = 0;
    if (std::none_of(names.begin(), names.end(), [&](const auto& name) { return looks_like_array_position(name, x, y); })) return {};
    std::vector<std::string> out;
    std::unordered_set<std::string> seen;
    for (const auto& name : names) {
        out.push_back(looks_like_array_position(name, x, y) ? std::to_string(x) + "x" + std::to_string(y) : name);
        if (!seen.insert(out.back()).second) return {};
    }
    return out;
}

// Rows by the canonical form of their names. The names must stay where they are.
class NameIndex {
public:
    explicit NameIndex(const std::vector<std::string>& names) : names_(names), canonical_(canonical(names)) {
        rows_.reserve(names.size());
        for (std::size_t i = 0; i < names.size(); ++i)
            if (!rows_.emplace(key(i), i).second && twice_.empty()) twice_ = names[i];
    }
    const std::string& key(std::size_t i) const { return canonical_.empty() ? names_[i] : canonical_[i]; }
    std::optional<std::size_t> find(const std::string& name) const {
        const auto found = rows_.find(name);
        return found != rows_.end() ? std::optional(found->second) : std::nullopt;
    }
    std::size_t count_known(const NameIndex& others) const {
        std::size_t n = 0;
        for (std::size_t i = 0; i < others.names_.size(); ++i) n += rows_.count(others.key(i));
        return n;
    }
    void check_unique(const std::filesystem::path& path) const {
        if (!twice_.empty()) throw Error(ErrorCode::BadInput, "names the spot '" + twice_ + "' twice; keep one of them", path);
    }

private:
    const std::vector<std::string>& names_;
    std::vector<std::string> canonical_;
    std::unordered_map<std::string_view, std::size_t> rows_;
    std::string twice_;
};

// The spots `kept`, in ascending order, in place.
void keep(SpotTable& s, const std::vector<std::size_t>& kept) {
    const auto take = [&](auto& column) {
        for (std::size_t to = 0; to < kept.size(); ++to)
            if (kept[to] != to) column[to] = std::move(column[kept[to]]);
        column.resize(kept.size());
    };
    take(s.barcodes);
    take(s.x);
    take(s.y);
    take(s.array_row);
    take(s.array_col);
    take(s.in_tissue);
}

// The rows `kept` of a matrix that is not needed otherwise: in place where their order allows it.
ExpressionMatrix keep_rows(ExpressionMatrix m, const std::vector<std::int64_t>& kept) {
    if (!std::is_sorted(kept.begin(), kept.end())) return m.select_rows(kept);
    std::int64_t to = 0;
    for (std::size_t row = 0; row < kept.size(); ++row) {
        const auto from = static_cast<std::size_t>(kept[row]);
        const auto first = m.indptr[from], last = m.indptr[from + 1];
        if (first != to) {
            std::copy(m.indices.begin() + first, m.indices.begin() + last, m.indices.begin() + to);
            std::copy(m.values.begin() + first, m.values.begin() + last, m.values.begin() + to);
        }
        m.indptr[row] = to;
        to += last - first;
    }
    m.indptr.resize(kept.size() + 1);
    m.indptr.back() = to;
    m.indices.resize(static_cast<std::size_t>(to));
    m.values.resize(static_cast<std::size_t>(to));
    return m;
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
    constexpr float kAllWhole = 1 << 24;  // from here on a float has no fraction
    const auto whole = [](float v) { return v >= kAllWhole || v == static_cast<float>(static_cast<std::int32_t>(v)); };
    if (std::all_of(values.begin(), values.end(), [&](float v) { return v >= 0 && whole(v); })) return ExpressionUnit::Counts;
    const bool log = std::all_of(values.begin(), values.end(), [](float v) { return v >= 0 && v < kLargestLog; });
    return log ? ExpressionUnit::Log1p : ExpressionUnit::Other;
}

constexpr float kMostValue = 1e9f;

void tidy(ExpressionMatrix& m, const std::filesystem::path& path) {
    std::vector<std::pair<std::int32_t, float>> row;
    std::size_t kept = 0;  // zeros that are written out would count as values in every later step
    for (std::int64_t r = 0, begin = 0; r < m.rows(); ++r) {
        const auto first = static_cast<std::size_t>(begin), last = static_cast<std::size_t>(m.indptr[static_cast<std::size_t>(r) + 1]);
        bool ascends = true;
        for (auto i = first; i < last; ++i) {
            if (!std::isfinite(m.values[i])) throw Error(ErrorCode::BadInput, "has expression that is not a number; repair or export it again", path);
            if (std::abs(m.values[i]) > kMostValue) throw Error(ErrorCode::BadInput, "has expression above 1,000,000,000, which no spot has; repair or export it again", path);
            ascends = ascends && (i == first || m.indices[i - 1] < m.indices[i]);
        }
        if (!ascends) {
            row.clear();
            for (auto i = first; i < last; ++i) row.emplace_back(m.indices[i], m.values[i]);
            std::stable_sort(row.begin(), row.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
            for (auto i = first; i < last; ++i) std::tie(m.indices[i], m.values[i]) = row[i - first];
            for (auto i = first + 1; i < last; ++i)
                if (m.indices[i] == m.indices[i - 1])
                    throw Error(ErrorCode::BadInput, "gives the gene '" + m.genes[static_cast<std::size_t>(m.indices[i])] + "' twice in row " + std::to_string(r + 1), path);
        }
        for (auto i = first; i < last; ++i) {
            if (m.values[i] == 0) continue;
            m.indices[kept] = m.indices[i];
            m.values[kept++] = m.values[i];
        }
        begin = m.indptr[static_cast<std::size_t>(r) + 1];
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

void keep_columns(ExpressionMatrix& m, const std::vector<std::int32_t>& new_number, std::vector<std::string> genes) {
    const bool all = genes.size() == new_number.size();
    m.genes = std::move(genes);
    if (all) return;
    std::size_t kept = 0;
    for (std::size_t r = 0, i = 0; r + 1 < m.indptr.size(); ++r) {
        for (; i < static_cast<std::size_t>(m.indptr[r + 1]); ++i)
            if (const auto c = new_number[static_cast<std::size_t>(m.indices[i])]; c >= 0) {
                m.indices[kept] = c;
                m.values[kept++] = m.values[i];
            }
        m.indptr[r + 1] = static_cast<std::int64_t>(kept);
    }
    m.indices.resize(kept);
    m.values.resize(kept);
}

SpotData join(PositionTable positions, CountTable counts) {
    const std::size_t positioned = positions.spots.size();
    const NameIndex known(positions.spots.barcodes);
    known.check_unique(positions.path);
    if (counts.either_way && known.count_known(NameIndex(counts.matrix.genes)) > known.count_known(NameIndex(counts.spots))) {
        auto spots = counts.matrix.genes;
        counts.matrix = transposed(counts.matrix, std::move(counts.spots));
        counts.spots = std::move(spots);
    }
    const NameIndex rows(counts.spots);
    rows.check_unique(counts.path);

    std::vector<std::size_t> kept;
    std::vector<std::int64_t> kept_rows;
    std::string first_without_counts, first_without_position;
    for (std::size_t i = 0; i < positioned; ++i) {
        if (const auto row = rows.find(known.key(i))) {
            kept.push_back(i);
            kept_rows.push_back(static_cast<std::int64_t>(*row));
        } else if (first_without_counts.empty()) {
            first_without_counts = positions.spots.barcodes[i];
        }
    }
    if (kept.empty())
        throw Error(ErrorCode::BadInput, "none of the " + std::to_string(positioned) + " spots has counts in '" + counts.path.filename().string() +
                                             "'; check that both files are of the same section", positions.path);
    for (std::size_t r = 0; kept.size() < counts.spots.size() && first_without_position.empty() && r < counts.spots.size(); ++r)
        if (!known.find(rows.key(r))) first_without_position = counts.spots[r];

    SpotData data;
    data.spots = std::move(positions.spots);
    keep(data.spots, kept);
    data.expression = keep_rows(std::move(counts.matrix), kept_rows);
    make_unique(data.expression.genes);
    tidy(data.expression, counts.path);
    const auto& values = data.expression.values;
    if (std::any_of(values.begin(), values.end(), [](float v) { return v < 0; }))
        throw Error(ErrorCode::BadInput, "has negative expression, which counts cannot be; give raw counts", counts.path);
    if (data.expression.unit != ExpressionUnit::AsGiven) data.expression.unit = unit_of(values);
    report(data, positions.left_out, "not selected or not in tissue were left out.", "", Severity::Info);
    report(data, positioned - kept.size(), "without counts left out.", first_without_counts);
    // What is off the tissue has counts in an unfiltered matrix; that is no finding.
    if (positions.left_out == 0 || counts.either_way)
        report(data, counts.spots.size() - kept.size(), "with counts but without a selected position left out.", first_without_position);
    return data;
}

}  // namespace c2l
