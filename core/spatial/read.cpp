#include "spatial/read.h"

#include <algorithm>

#include "base/error.h"
#include "spatial/h5.h"
#include "spatial/h5ad.h"
#include "spatial/parts.h"
#include "spatial/text.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

bool is_space_ranger(const fs::path& folder) {
    for (const auto& at : {folder, folder / "spatial", folder / "outs" / "spatial"})
        for (const char* name : {"tissue_positions.csv", "tissue_positions_list.csv", "tissue_positions.parquet"})
            if (fs::exists(at / name)) return true;
    return false;
}

bool is_mtx(const fs::path& folder) { return fs::exists(folder / "matrix.mtx") || fs::exists(folder / "matrix.mtx.gz"); }

std::string recognise_hdf5(const fs::path& path) {
    const h5::Reader file(path);
    using h5::Kind;
    if (file.kind("/obs") != Kind::None && file.kind("/var") != Kind::None) return "h5ad";
    if (file.kind("/matrix/barcodes") == Kind::String) return "10x_h5";
    for (const auto& name : file.children("/"))
        if (file.kind("/" + name + "/gene_names") == Kind::String) return "10x_h5";
    return "";
}

bool has_hdf5_signature(const fs::path& path) {
    const auto held = h5::lock();
    return H5Fis_hdf5(path.c_str()) > 0;
}

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

std::string recognise_text(const fs::path& path) {
    if (is_position_table(path)) {
        LineReader lines(path);
        std::string_view line;
        lines.next(line);
        return delimiter_of(line) == ',' ? "csv" : "st_tsv_spots";
    }
    return is_count_table(path) ? "st_tsv_counts" : "";
}

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
    if (!fs::exists(path)) throw Error(ErrorCode::NotFound, "is not there; check the path", path);
    throw Error(ErrorCode::Unsupported, "is not " + what + " this program knows; give a Space Ranger folder, an h5ad, or a spot table with its counts", path);
}

CountTable counts_from_h5ad(const fs::path& path) {
    SpotData data = read_h5ad(path);
    CountTable table;
    table.path = path;
    table.spots = std::move(data.spots.barcodes);
    table.matrix = std::move(data.expression);
    return table;
}

CountTable read_counts(const fs::path& path, const JobContext& ctx) {
    const std::string kind = recognise_spot_file(path);
    if (kind == "st_tsv_counts") return read_delimited_counts(path, ctx);
    if (kind == "10x_h5") return read_10x_h5(path, ctx);
    if (kind == "mtx") return read_mtx_folder(path, ctx);
    if (kind == "h5ad") return counts_from_h5ad(path);
    if (kind.empty() && fs::is_regular_file(path) && !has_hdf5_signature(path) && path.extension() != ".h5") return read_delimited_counts(path, ctx);  // says which line is wrong
    if (path.extension() == ".h5" && fs::is_regular_file(path)) return read_10x_h5(path, ctx);
    refuse(path, "a table of counts");
}

SpotData read_table_and_counts(const SpotSource& source, const JobContext& ctx) {
    if (source.counts.empty()) throw Error(ErrorCode::BadInput, "has positions but no counts; give the counts with --counts", source.spots);
    const PositionTable positions = read_positions(source.spots);
    CountTable counts = read_counts(source.counts, ctx);
    const bool tenx = !counts.either_way;
    SpotData data = join(positions, std::move(counts));
    data.format = tenx ? (fs::is_directory(source.counts) ? "space_ranger_mtx" : "space_ranger_h5") : data.spots.diameter_um ? "st_tsv" : "csv";
    return data;
}

}  // namespace

std::string recognise_spot_file(const fs::path& path) {
    try {
        if (fs::is_directory(path)) return is_space_ranger(path) ? "space_ranger" : is_mtx(path) ? "mtx" : "";
        if (!fs::is_regular_file(path)) return "";
        return has_hdf5_signature(path) ? recognise_hdf5(path) : recognise_text(path);
    } catch (const Error&) {
        return "";  // nothing this program reads
    } catch (const fs::filesystem_error&) {
        return "";
    }
}

SpotData read_spot_data(const SpotSource& source, const JobContext& ctx) try {
    if (!fs::exists(source.spots)) throw Error(ErrorCode::NotFound, "is not there; check the path", source.spots);
    if (!source.counts.empty() && !fs::exists(source.counts)) throw Error(ErrorCode::NotFound, "is not there; check the path", source.counts);
    if (source.spots.extension() == ".parquet") read_positions(source.spots);  // throws, and says how to convert it
    const std::string kind = recognise_spot_file(source.spots);
    if (kind == "st_tsv_counts" && !source.counts.empty()) {  // named the wrong way round
        const std::string other = recognise_spot_file(source.counts);
        if (other == "st_tsv_spots" || other == "csv") return read_table_and_counts({source.counts, source.spots}, ctx);
    }
    if (kind == "st_tsv_counts" || kind == "10x_h5" || kind == "mtx")
        throw Error(ErrorCode::BadInput, "has counts but no spot positions; give the positions with --spots and this file with --counts", source.spots);
    if (kind == "space_ranger") return read_space_ranger(source.spots, source.counts, ctx);
    if (kind == "h5ad" || (kind.empty() && source.spots.extension() == ".h5ad")) {
        if (!source.counts.empty()) throw Error(ErrorCode::BadInput, "holds spots and counts together; leave out --counts", source.spots);
        return read_h5ad(source.spots);
    }
    if (kind == "st_tsv_spots" || kind == "csv" || (!fs::is_directory(source.spots) && !has_hdf5_signature(source.spots) && !source.counts.empty()))
        return read_table_and_counts(source, ctx);
    refuse(source.spots, "spot data");
} catch (const std::bad_alloc&) {
    throw Error(ErrorCode::Memory, "needs more memory than there is; close other programs or use a smaller section", source.spots);
} catch (const fs::filesystem_error& failed) {
    throw Error(ErrorCode::Io, "cannot be read; check the path and the permissions", source.spots, failed.code().message());
}

}  // namespace c2l
