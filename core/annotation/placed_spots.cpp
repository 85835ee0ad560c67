#include "annotation/placed_spots.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "annotation/csv.h"
#include "base/error.h"
#include "base/file.h"

namespace c2l {
namespace {

constexpr double kMostValue = 1e9;  // as the reader of counts

// Names without what separates columns: the tables are read by simple readers.
std::string plain(std::string text) {
    for (char& c : text)
        if (c == ',' || c == '"' || c == '\t' || c == '\n' || c == '\r') c = ' ';
    const auto first = text.find_first_not_of(' '), last = text.find_last_not_of(' ');
    return first == std::string::npos ? std::string() : text.substr(first, last - first + 1);
}

std::string unique_name(const std::string& wanted, std::set<std::string>& taken) {
    std::string name = wanted;
    for (int n = 2; !taken.insert(name).second; ++n) name = wanted + "-" + std::to_string(n);
    return name;
}

std::optional<double> number_in(const std::string& text) {
    double value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    return !text.empty() && failed == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// One-hot columns of one text per spot.
void add_labels(PlacedSpots& spots, std::vector<std::vector<float>>& columns, const std::string& prefix, const std::vector<std::string>& labels) {
    const std::set<std::string> names(labels.begin(), labels.end());
    for (const std::string& name : names) {
        if (name.empty()) continue;
        spots.columns.push_back(plain(prefix + ": " + name));
        std::vector<float> column;
        for (const std::string& label : labels) column.push_back(label == name ? 1.f : 0.f);
        columns.push_back(std::move(column));
    }
}

void set_values(PlacedSpots& spots, const std::vector<std::vector<float>>& columns) {
    spots.values = Matrix(static_cast<std::int64_t>(spots.size()), static_cast<std::int64_t>(columns.size()));
    for (std::size_t c = 0; c < columns.size(); ++c)
        for (std::size_t r = 0; r < spots.size(); ++r) spots.values.at(static_cast<std::int64_t>(r), static_cast<std::int64_t>(c)) = columns[c][r];
}

// Rows of the table in the order of the spots that it has; the others leave `spots`.
std::vector<std::size_t> join(PlacedSpots& spots, const CsvTable& table, const std::filesystem::path& path) {
    std::map<std::string, std::size_t> row_of;
    for (std::size_t r = 0; r < table.rows.size(); ++r)
        if (!row_of.emplace(plain(table.rows[r][0]), r).second)
            throw Error(ErrorCode::BadInput, "line " + std::to_string(table.lines[r]) + ": spot '" + table.rows[r][0] + "' is there twice", path);
    PlacedSpots kept;
    std::vector<std::size_t> rows;
    std::string first_without;
    for (std::size_t i = 0; i < spots.size(); ++i) {
        const auto found = row_of.find(spots.names[i]);
        if (found == row_of.end()) {
            if (first_without.empty()) first_without = spots.names[i];
            continue;
        }
        kept.names.push_back(spots.names[i]);
        kept.at.push_back(spots.at[i]);
        kept.labels.push_back(spots.labels[i]);
        rows.push_back(found->second);
    }
    if (rows.empty()) throw Error(ErrorCode::Mismatch, "names none of the placed spots in its first column; name the points as the table does", path);
    if (kept.size() < spots.size())
        kept.issues.push_back({Severity::Warning, std::to_string(spots.size() - kept.size()) + " placed spots are not in the table and are left out", first_without});
    if (rows.size() < table.rows.size())
        kept.issues.push_back({Severity::Warning, std::to_string(table.rows.size() - rows.size()) + " rows of the table name no placed spot", path.filename().string()});
    spots = std::move(kept);
    return rows;
}

float value_at(const CsvTable& table, std::size_t row, std::size_t column, const std::filesystem::path& path) {
    const auto value = number_in(table.rows[row][column]);
    const auto fail = [&](const std::string& what) {
        throw Error(ErrorCode::BadInput, "line " + std::to_string(table.lines[row]) + ": '" + table.header[column].substr(0, 40) + "' " + what, path);
    };
    if (!value) fail("has no value");
    if (!(*value >= 0) || *value > kMostValue) fail("must be a number from 0 to 1,000,000,000");
    return static_cast<float>(*value);
}

}  // namespace

PlacedSpots place_spots(const std::vector<Annotation>& annotations) {
    PlacedSpots spots;
    std::set<std::string> taken;
    for (const Annotation& a : annotations)  // given names first: a made-up one never takes them
        if (a.geometry.type == GeometryType::Point && !a.name.empty()) taken.insert(plain(a.name));
    std::set<std::string> given;
    int made = 0;
    for (const Annotation& a : annotations) {
        if (!a.geometry.is_points() || a.geometry.empty()) continue;
        const Ring& points = a.geometry.parts[0][0];
        const std::string base = plain(a.name);
        for (std::size_t i = 0; i < points.size(); ++i) {
            std::string name;
            if (base.empty()) {
                do name = "S" + std::to_string(++made);
                while (!taken.insert(name).second);
            } else if (points.size() > 1) {
                name = unique_name(base + "-" + std::to_string(i + 1), taken);
            } else {
                name = given.insert(base).second ? base : unique_name(base, taken);
            }
            spots.names.push_back(std::move(name));
            spots.at.push_back(points[i]);
            spots.labels.push_back(a.classification ? plain(a.classification->name) : std::string());
        }
    }
    std::vector<std::vector<float>> columns;
    add_labels(spots, columns, "label", spots.labels);
    set_values(spots, columns);
    return spots;
}

PlacedSpots with_values(PlacedSpots spots, const std::filesystem::path& path) {
    const CsvTable table = read_csv(path);
    if (table.header.size() < 2 || table.rows.empty())
        throw Error(ErrorCode::BadInput, "is not a table of values; it needs a header, the spot's name in the first column, and one column or more of values", path);
    const auto rows = join(spots, table, path);
    std::vector<std::vector<float>> columns;
    for (std::size_t c = 1; c < table.header.size(); ++c) {
        // A column of numbers, or of texts when no cell of it is a number.
        const bool numeric = std::any_of(rows.begin(), rows.end(), [&](std::size_t r) { return number_in(table.rows[r][c]).has_value(); });
        if (numeric) {
            std::vector<float> column;
            for (const std::size_t r : rows) column.push_back(value_at(table, r, c, path));
            spots.columns.push_back(plain(table.header[c]));
            columns.push_back(std::move(column));
        } else {
            std::vector<std::string> labels;
            for (const std::size_t r : rows) labels.push_back(plain(table.rows[r][c]));
            add_labels(spots, columns, table.header[c], labels);
        }
    }
    if (columns.empty()) throw Error(ErrorCode::BadInput, "has no values; every cell beside the names is empty", path);
    std::set<std::string> taken;
    for (std::string& name : spots.columns) name = unique_name(name.empty() ? "value" : name, taken);
    set_values(spots, columns);
    return spots;
}

void write_placed_spots(const PlacedSpots& spots, const std::filesystem::path& positions, const std::filesystem::path& values) {
    if (spots.size() == 0) throw Error(ErrorCode::BadInput, "there is no spot to write; place points on the slide first", positions);
    std::ostringstream out;
    out.precision(12);
    out << "barcode,pixel_x,pixel_y\n";
    for (std::size_t i = 0; i < spots.size(); ++i) out << spots.names[i] << ',' << spots.at[i].x << ',' << spots.at[i].y << '\n';
    write_file(positions, out.str());
    if (spots.columns.empty()) return;
    std::ostringstream table;
    table.precision(9);
    table << "as_given";  // neither counts nor to be normalised
    for (const std::string& name : spots.columns) table << ',' << name;
    table << '\n';
    for (std::size_t i = 0; i < spots.size(); ++i) {
        table << spots.names[i];
        for (std::int64_t c = 0; c < spots.values.cols; ++c) table << ',' << spots.values.at(static_cast<std::int64_t>(i), c);
        table << '\n';
    }
    write_file(values, table.str());
}

}  // namespace c2l
