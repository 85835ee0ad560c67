#include "spatial/read.h"

#include "base/error.h"
#include "spatial/formats.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

// Of what is not recognised: the reader that is nearest says what is wrong, and where.
template <class Reader>
Reader nearest(const fs::path& path, Reader ReadableFormat::*reader) {
    const Container container = container_of(path);
    const auto formats = spot_formats();
    for (auto format = formats.rbegin(); format != formats.rend(); ++format)
        if (format->container == container && (*format).*reader) return (*format).*reader;
    return nullptr;
}

[[noreturn]] void refuse(const fs::path& path, const std::string& what) {
    const auto ending = path.extension();
    if (ending == ".h5" || ending == ".h5ad") throw Error(ErrorCode::BadInput, "is not an HDF5 file, whatever its name, or its beginning is damaged; fetch it again", path);
    throw Error(ErrorCode::Unsupported, "is not " + what + " this program knows; give a Space Ranger folder, an h5ad, or a spot table with its counts", path);
}

CountTable read_counts(const fs::path& path, const JobContext& ctx) {
    const ReadableFormat* format = find_format(path);
    const auto read = format ? format->counts : nearest(path, &ReadableFormat::counts);
    if (!read) refuse(path, "a table of counts");
    return read(path, ctx);
}

SpotData read_table_and_counts(const SpotSource& source, decltype(ReadableFormat::positions) read_positions, const JobContext& ctx) {
    if (source.counts.empty()) throw Error(ErrorCode::BadInput, "has positions but no counts; give the counts with --counts", source.spots);
    PositionTable positions = read_positions(source.spots);
    CountTable counts = read_counts(source.counts, ctx);
    const bool tenx = !counts.either_way;
    SpotData data = join(std::move(positions), std::move(counts));
    data.format = tenx ? (fs::is_directory(source.counts) ? "space_ranger_mtx" : "space_ranger_h5") : data.spots.diameter_um ? "st_tsv" : "csv";
    return data;
}

SpotData read_unrecognised(const SpotSource& source, const JobContext& ctx) {
    if (!source.counts.empty())
        if (const auto positions = nearest(source.spots, &ReadableFormat::positions)) return read_table_and_counts(source, positions, ctx);
    if (const auto both = nearest(source.spots, &ReadableFormat::both); both && container_of(source.spots) != Container::Folder) return both(source.spots, source.counts, ctx);
    refuse(source.spots, "spot data");
}

}  // namespace

SpotData read_spot_data(const SpotSource& source, const JobContext& ctx) try {
    for (const fs::path& path : {source.spots, source.counts})
        if (!path.empty() && !fs::exists(path)) throw Error(ErrorCode::NotFound, "is not there; check the path", path);
    const ReadableFormat* format = find_format(source.spots);
    if (!format) return read_unrecognised(source, ctx);
    if (format->both) return format->both(source.spots, source.counts, ctx);
    if (format->positions) return read_table_and_counts(source, format->positions, ctx);
    if (!source.counts.empty())  // named the wrong way round
        if (const ReadableFormat* other = find_format(source.counts); other && other->positions) return read_table_and_counts({source.counts, source.spots}, other->positions, ctx);
    throw Error(ErrorCode::BadInput, "has counts but no spot positions; give the positions with --spots and this file with --counts", source.spots);
} catch (const std::bad_alloc&) {
    throw Error(ErrorCode::Memory, "needs more memory than there is; close other programs or use a smaller section", source.spots);
} catch (const fs::filesystem_error& failed) {
    throw Error(ErrorCode::Io, "cannot be read; check the path and the permissions", source.spots, failed.code().message());
}

}  // namespace c2l
