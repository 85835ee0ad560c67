#include "spatial/formats.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "spatial/h5.h"
#include "spatial/h5ad.h"
#include "spatial/text.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

bool is_mtx(const fs::path& folder) { return fs::exists(folder / "matrix.mtx") || fs::exists(folder / "matrix.mtx.gz"); }

bool is_h5ad(const fs::path& path) {
    const h5::Reader file(path);
    return file.kind("/obs") != h5::Kind::None && file.kind("/var") != h5::Kind::None;
}

bool is_10x_h5(const fs::path& path) {
    const h5::Reader file(path);
    if (file.kind("/matrix/barcodes") == h5::Kind::String) return true;
    const auto names = file.children("/");
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return file.kind("/" + name + "/gene_names") == h5::Kind::String; });
}

bool always(const fs::path&) { return true; }

char delimiter_of_file(const fs::path& path) {
    LineReader lines(path);
    std::string_view line;
    return lines.next(line) ? delimiter_of(line) : '\0';
}

bool is_csv_positions(const fs::path& path) { return is_position_table(path) && delimiter_of_file(path) == ','; }

// A name and then numbers in the second line, as many as the header names.
bool is_count_table(const fs::path& path) {
    LineReader lines(path);
    std::string_view line;
    if (!lines.next(line)) return false;
    const char delimiter = delimiter_of(line);
    const auto columns = std::count(line.begin(), line.end(), delimiter) + 1;
    if (columns < 3 || !lines.next(line)) return false;
    std::vector<std::string_view> fields;
    split(line, delimiter, fields);
    double value = 0;
    const auto n = static_cast<std::ptrdiff_t>(fields.size());
    return (n == columns || n == columns + 1) && !parse_number(fields[0], value) &&
           std::all_of(fields.begin() + 1, fields.end(), [&](auto field) { return parse_number(field, value); });
}

SpotData h5ad_alone(const fs::path& path, const fs::path& counts, const JobContext&) {
    if (!counts.empty()) throw Error(ErrorCode::BadInput, "holds spots and counts together; leave out --counts", path);
    return read_h5ad(path);
}

CountTable counts_of_h5ad(const fs::path& path, const JobContext&) {
    SpotData data = read_h5ad(path);
    CountTable table;
    table.path = path;
    table.spots = std::move(data.spots.barcodes);
    table.matrix = std::move(data.expression);
    return table;
}

// In the order in which they are tried. Of what no line matches, the last line of its container that could fill the role reads it, to
// say what is wrong (read.cpp).
constexpr ReadableFormat kFormats[] = {
    {{"visium_hd", SpotRole::Both}, Container::Folder, is_visium_hd, read_space_ranger, nullptr, nullptr},
    {{"space_ranger", SpotRole::Both}, Container::Folder, is_space_ranger, read_space_ranger, nullptr, nullptr},
    {{"visium_hd_cells", SpotRole::Both}, Container::Folder, is_visium_hd_cells, refuse_visium_hd_cells, nullptr, nullptr},
    {{"mtx", SpotRole::Counts}, Container::Folder, is_mtx, nullptr, nullptr, read_mtx_folder},
    {{"h5ad", SpotRole::Both}, Container::Hdf5, is_h5ad, h5ad_alone, nullptr, counts_of_h5ad},
    {{"10x_h5", SpotRole::Counts}, Container::Hdf5, is_10x_h5, nullptr, nullptr, read_10x_h5},
    {{"parquet", SpotRole::Positions}, Container::Parquet, always, nullptr, read_parquet_positions, nullptr},
    {{"csv", SpotRole::Positions}, Container::Text, is_csv_positions, nullptr, read_text_positions, nullptr},
    {{"st_tsv_spots", SpotRole::Positions}, Container::Text, is_position_table, nullptr, read_text_positions, nullptr},
    {{"st_tsv_counts", SpotRole::Counts}, Container::Text, is_count_table, nullptr, nullptr, read_delimited_counts},
};

}  // namespace

Container container_of(const fs::path& path) {
    std::error_code failed;
    if (fs::is_directory(path, failed)) return Container::Folder;
    if (!fs::is_regular_file(path, failed)) return Container::None;
    char start[4] = {};
    std::ifstream(path, std::ios::binary).read(start, sizeof start);
    if (std::string_view(start, sizeof start) == "PAR1") return Container::Parquet;
    const auto held = h5::lock();
    return H5Fis_hdf5(path.c_str()) > 0 ? Container::Hdf5 : Container::Text;  // a user's block may stand before HDF5's signature
}

std::span<const ReadableFormat> spot_formats() { return kFormats; }

const ReadableFormat* find_format(const fs::path& path) {
    const Container container = container_of(path);
    for (const ReadableFormat& format : kFormats) try {
            if (format.container == container && format.matches(path)) return &format;
        } catch (const Error&) {  // not this one
        } catch (const fs::filesystem_error&) {
        }
    return nullptr;
}

const SpotFormat* recognise_spots(const fs::path& path) { return find_format(path); }

std::string recognise_spot_file(const fs::path& path) {
    const SpotFormat* format = recognise_spots(path);
    return format ? format->name : "";
}

bool is_spot_container(const fs::path& path) {
    const Container container = container_of(path);
    return container == Container::Hdf5 || container == Container::Parquet;
}

}  // namespace c2l
