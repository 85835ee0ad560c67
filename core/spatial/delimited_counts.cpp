#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "spatial/parts.h"
#include "spatial/read.h"
#include "spatial/text.h"

namespace c2l {
namespace {

constexpr std::ptrdiff_t kMostGenes = 10'000'000;

// Scans one row of numbers; most are single digits, so that case comes first.
class RowScanner {
public:
    RowScanner(const LineReader& lines, std::string_view text, char delimiter)
        : lines_(lines), at_(text.data()), end_(text.data() + text.size()), delimiter_(delimiter) {}

    void scan(std::size_t columns, const std::vector<std::string>& names, ExpressionMatrix& into) {
        for (std::size_t c = 0; c < columns; ++c) {
            const float v = number(names[c]);
            if (v != 0) {
                into.indices.push_back(static_cast<std::int32_t>(c));
                into.values.push_back(v);
            }
            if (c + 1 < columns) {
                if (at_ == end_) lines_.fail("has " + std::to_string(c + 1) + " values where the header names " + std::to_string(columns));
                ++at_;
            }
        }
        if (at_ != end_) lines_.fail("has more values than the " + std::to_string(columns) + " the header names");
    }

private:
    float number(const std::string& column) {
        if (at_ + 1 <= end_ && *at_ >= '0' && *at_ <= '9' && (at_ + 1 == end_ || at_[1] == delimiter_)) return static_cast<float>(*at_++ - '0');
        const char* stop = at_;
        while (stop != end_ && *stop != delimiter_) ++stop;
        double v = 0;
        if (!parse_number({at_, static_cast<std::size_t>(stop - at_)}, v))
            lines_.fail("'" + std::string(at_, std::min<std::ptrdiff_t>(stop - at_, 40)) + "' in column '" + column + "' is not a number");
        if (v < 0 || v > 1e9) lines_.fail("'" + std::string(at_, std::min<std::ptrdiff_t>(stop - at_, 40)) + "' in column '" + column + "' cannot be a count");
        at_ = stop;
        return static_cast<float>(v);
    }

    const LineReader& lines_;
    const char* at_;
    const char* end_;
    char delimiter_;
};

std::string unquoted(std::string_view field) {
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
    return std::string(field);
}

}  // namespace

CountTable read_delimited_counts(const std::filesystem::path& path, const JobContext& ctx) {
    CountTable table;
    table.path = path;
    table.either_way = true;
    LineReader lines(path);
    std::string_view line;
    if (!lines.next(line)) throw Error(ErrorCode::BadInput, "is empty; give a table of counts, spots × genes", path);
    const char delimiter = delimiter_of(line);
    if (std::count(line.begin(), line.end(), delimiter) > kMostGenes) lines.fail("has more columns than there are genes; give a table of counts, spots × genes");
    std::vector<std::string_view> fields;
    split(line, delimiter, fields);
    std::vector<std::string>& names = table.matrix.genes;
    names.assign(fields.begin(), fields.end());
    if (unquoted(names[0]) == kAsGivenCorner) table.matrix.unit = ExpressionUnit::AsGiven;
    if (names.size() < 2) throw Error(ErrorCode::BadInput, "is not a table of counts; it needs a header and one row per spot, separated by tabs or commas", path);

    while (lines.next(line)) {
        if (line.empty()) continue;
        const auto name_end = line.find(delimiter);
        if (name_end == std::string_view::npos) lines.fail("has one column; counts are missing");
        if (table.spots.empty()) {  // R leaves out the corner of the header
            const auto values = std::count(line.begin() + static_cast<std::ptrdiff_t>(name_end), line.end(), delimiter);
            if (static_cast<std::size_t>(values) + 1 == names.size()) names.erase(names.begin());
            else if (static_cast<std::size_t>(values) != names.size())
                lines.fail("has " + std::to_string(values) + " values where the header names " + std::to_string(names.size() - 1));
        }
        table.spots.push_back(unquoted(line.substr(0, name_end)));
        RowScanner(lines, line.substr(name_end + 1), delimiter).scan(names.size(), names, table.matrix);
        table.matrix.indptr.push_back(static_cast<std::int64_t>(table.matrix.indices.size()));
        ctx.check_stop();
    }
    if (table.spots.empty()) throw Error(ErrorCode::BadInput, "has a header and no rows; give a table of counts, spots × genes", path);
    return table;
}

}  // namespace c2l
