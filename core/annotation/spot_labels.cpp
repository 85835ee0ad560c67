#include "annotation/spot_labels.h"

#include <charconv>
#include <cstdio>

#include "annotation/csv.h"
#include "base/error.h"
#include "base/file.h"

namespace c2l {
namespace {

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + '"';
}

std::optional<Rgb> colour_in(const std::string& text) {
    unsigned value = 0;
    if (text.size() != 7 || text[0] != '#') return std::nullopt;
    const auto [end, failed] = std::from_chars(text.data() + 1, text.data() + 7, value, 16);
    if (failed != std::errc() || end != text.data() + 7) return std::nullopt;
    return Rgb{static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8 & 255), static_cast<std::uint8_t>(value & 255)};
}

}  // namespace

SpotLabels read_spot_labels(const std::filesystem::path& path) {
    SpotLabels labels;
    std::error_code failed;
    if (!std::filesystem::exists(path, failed)) return labels;
    const CsvTable table = read_csv(path);
    if (table.header.size() != 3 || table.header[0] != "spot") throw Error(ErrorCode::BadInput, "is not a table of spot labels; move it away to start anew", path);
    for (const auto& row : table.rows) labels[row[0]] = {row[1], colour_in(row[2])};
    return labels;
}

void write_spot_labels(const std::filesystem::path& path, const SpotLabels& labels) {
    std::string out = "spot,label,colour\n";
    for (const auto& [spot, label] : labels) {
        char colour[8] = "";
        if (label.colour) std::snprintf(colour, sizeof colour, "#%02x%02x%02x", label.colour->r, label.colour->g, label.colour->b);
        out += quoted(spot) + ',' + quoted(label.name) + ',' + colour + '\n';
    }
    write_file(path, out);
}

std::filesystem::path spot_labels_file(const std::filesystem::path& store) { return store / "annotations" / "spot-labels.csv"; }

std::filesystem::path annotations_file(const std::filesystem::path& store, const std::string& content_id) {
    return store / "annotations" / (content_id.substr(0, 16) + ".geojson");
}

}  // namespace c2l
