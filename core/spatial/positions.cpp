#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "base/error.h"
#include "spatial/formats.h"
#include "spatial/text.h"

namespace c2l {
namespace {

// What a column means; -1 where the file has none.
struct Columns {
    int id = -1, array_x = -1, array_y = -1, pixel_x = -1, pixel_y = -1, selected = -1;
};

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

int find(const std::vector<std::string>& header, std::initializer_list<const char*> names) {
    for (const char* name : names)
        if (const auto found = std::find(header.begin(), header.end(), name); found != header.end()) return static_cast<int>(found - header.begin());
    return -1;
}

// The one table of headers. ST selection: x y new_x new_y pixel_x pixel_y [selected]; ST coordinates: [spot] X Y in pixels;
// Space Ranger 2: barcode,in_tissue,array_row,array_col,pxl_row_in_fullres,pxl_col_in_fullres; ours: barcode pixel_x pixel_y.
Columns named_columns(const std::vector<std::string_view>& fields) {
    std::vector<std::string> header;
    for (const auto field : fields) header.push_back(lower(field));
    Columns c;
    c.id = find(header, {"barcode", "barcodes", "spot", "spot_id", "spots", "id", "ids", "", "index"});
    c.array_x = find(header, {"array_col", "x"});
    c.array_y = find(header, {"array_row", "y"});
    c.pixel_x = find(header, {"pxl_col_in_fullres", "pixel_x", "x_pixel", "px", "imagecol"});
    c.pixel_y = find(header, {"pxl_row_in_fullres", "pixel_y", "y_pixel", "py", "imagerow"});
    c.selected = find(header, {"selected", "in_tissue", "tissue"});
    // A named spot without named pixels: x and y are its pixels, where it has array indices too as where it has nothing else.
    if (const int x = find(header, {"x"}), y = find(header, {"y"}); c.pixel_x < 0 && c.pixel_y < 0 && c.id >= 0 && x >= 0 && y >= 0) {
        c.pixel_x = x;
        c.pixel_y = y;
        if (c.array_x == x) c.array_x = -1;
        if (c.array_y == y) c.array_y = -1;
    } else if (c.pixel_x < 0 && c.pixel_y < 0 && c.id >= 0) {
        std::swap(c.pixel_x, c.array_x);
        std::swap(c.pixel_y, c.array_y);
    }
    return c;
}

bool complete(const Columns& c) { return c.pixel_x >= 0 && c.pixel_y >= 0 && (c.id >= 0 || (c.array_x >= 0 && c.array_y >= 0)); }

bool is_number(std::string_view text) {
    double value = 0;
    return parse_number(text, value);
}

// The first row of a file without a header: Space Ranger 1 (six columns), ST coordinates (x y new_x new_y pixel_x pixel_y
// [selected], all numbers), or a name and two numbers.
bool headless_columns(const std::vector<std::string_view>& row, Columns& c) {
    const auto numbers_from = [&](std::size_t first) { return std::all_of(row.begin() + static_cast<std::ptrdiff_t>(first), row.end(), is_number); };
    if (row.size() == 6 && !is_number(row[0]) && numbers_from(1)) return c = {0, 3, 2, 5, 4, 1}, true;
    if (row.size() == 7 && numbers_from(0)) return c = {-1, 0, 1, 4, 5, 6}, true;
    if (row.size() == 6 && numbers_from(0)) return c = {-1, 0, 1, 4, 5, -1}, true;
    if (row.size() == 4 && numbers_from(0)) return c = {-1, 0, 1, 2, 3, -1}, true;
    if (row.size() == 3 && !is_number(row[0]) && numbers_from(1)) return c = {0, -1, -1, 1, 2, -1}, true;
    return false;
}

class PositionParser {
public:
    explicit PositionParser(const std::filesystem::path& path) : lines_(path) { table_.path = path; }

    PositionTable parse() {
        std::string_view line;
        if (!lines_.next(line)) throw Error(ErrorCode::BadInput, "is empty; give a file with one spot per line", table_.path);
        const char delimiter = delimiter_of(line);
        split(line, delimiter, fields_);
        if (headless_columns(fields_, columns_)) add_row();
        else read_header();
        while (lines_.next(line)) {
            if (line.empty()) continue;
            split(line, delimiter, fields_);
            add_row();
        }
        if (table_.spots.size() == 0)
            throw Error(ErrorCode::BadInput, "has no spot that is selected or in tissue", table_.path);
        return std::move(table_);
    }

private:
    void read_header() {
        columns_ = named_columns(fields_);
        if (!complete(columns_))
            throw Error(ErrorCode::BadInput, "is not a spot table this program knows; it needs a header with a barcode (or x and y) and pixel_x, pixel_y", table_.path);
    }

    std::string_view field(int column) const {
        if (static_cast<std::size_t>(column) >= fields_.size())
            lines_.fail("has " + std::to_string(fields_.size()) + " columns where column " + std::to_string(column + 1) + " is needed");
        return fields_[static_cast<std::size_t>(column)];
    }

    double number(int column) const {
        double value = 0;
        if (!parse_number(field(column), value) || std::abs(value) > 1e8)
            lines_.fail("'" + std::string(field(column).substr(0, 40)) + "' is not a position");
        return value;
    }

    void add_row() {
        SpotTable& s = table_.spots;
        if (columns_.selected >= 0 && number(columns_.selected) == 0) {
            if (++table_.left_out > kMostSpots) lines_.fail("has more spots than any array");
            table_.empty_x.push_back(number(columns_.pixel_x));
            table_.empty_y.push_back(number(columns_.pixel_y));
            return;
        }
        if (s.size() >= kMostSpots) lines_.fail("has more spots than any array");
        const int ax = columns_.array_x >= 0 ? static_cast<int>(std::lround(number(columns_.array_x))) : -1;
        const int ay = columns_.array_y >= 0 ? static_cast<int>(std::lround(number(columns_.array_y))) : -1;
        std::string id = columns_.id >= 0 ? std::string(field(columns_.id)) : std::to_string(ax) + "x" + std::to_string(ay);
        if (id.empty()) lines_.fail("the spot has no name");
        int from_name_x = ax, from_name_y = ay;
        const bool st = looks_like_array_position(id, from_name_x, from_name_y);
        if (st) s.diameter_um = 100;  // the original Spatial Transcriptomics arrays
        s.barcodes.push_back(std::move(id));
        s.x.push_back(number(columns_.pixel_x));
        s.y.push_back(number(columns_.pixel_y));
        s.array_col.push_back(from_name_x);
        s.array_row.push_back(from_name_y);
        s.in_tissue.push_back(1);
    }

    PositionTable table_;
    LineReader lines_;
    Columns columns_;
    std::vector<std::string_view> fields_;
};

}  // namespace

bool is_position_table(const std::filesystem::path& path) {
    constexpr std::size_t kMostColumns = 64;  // a table of counts has a column per gene, and a gene may be called X
    LineReader lines(path);
    std::string_view line;
    if (!lines.next(line)) return false;
    std::vector<std::string_view> fields;
    const char delimiter = delimiter_of(line);
    if (static_cast<std::size_t>(std::count(line.begin(), line.end(), delimiter)) >= kMostColumns) return false;  // before memory is taken for them
    split(line, delimiter, fields);
    Columns columns;
    return (headless_columns(fields, columns) || complete(named_columns(fields)));
}

PositionTable read_text_positions(const std::filesystem::path& path) { return PositionParser(path).parse(); }

PositionTable read_positions(const std::filesystem::path& path) { return container_of(path) == Container::Parquet ? read_parquet_positions(path) : read_text_positions(path); }

}  // namespace c2l
