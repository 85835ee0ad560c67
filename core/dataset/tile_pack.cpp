#include "dataset/tile_pack.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "base/file.h"

namespace c2l {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'C', '2', 'L', 'T', 'I', 'L', 'E', 'S'};
constexpr std::uint64_t kHeader = 4096;  // a page, so that pixels start at one
constexpr std::uint64_t kMostTable = std::uint64_t{128} << 20;  // a thousand million tiles take about half
constexpr std::uint64_t kLeastRun = 12;                         // bytes of a run without names
constexpr int kMostSide = 4096;

struct Header {
    char magic[8];
    std::uint32_t version, size;
    std::uint64_t count, runs, table_bytes;
    double tile_um;
    char content[64];   // hexadecimal
    char checksum[64];  // of this header with zeros here, and the table
};
static_assert(sizeof(Header) == 176);

[[noreturn]] void malformed(const fs::path& path, const std::string& what) {
    throw Error(ErrorCode::BadInput, "is not a tile pack that can be read (" + what + "); cut the tiles again", path);
}

[[noreturn]] void failed_io(const fs::path& path, const char* what) { throw Error(ErrorCode::Io, what, path, std::strerror(errno)); }

std::string checksum(Header header, const std::string& table) {
    std::memset(header.checksum, 0, sizeof header.checksum);
    Sha256 hash;
    hash.update(&header, sizeof header);
    hash.update(table);
    return hash.hex();
}

std::vector<TileRun> parse_runs(const std::uint8_t* p, std::uint64_t bytes, std::uint64_t runs, std::uint64_t count, const fs::path& path) {
    if (runs > bytes / kLeastRun) malformed(path, "its table of sources is cut off");
    std::vector<TileRun> out;
    std::uint64_t left = count;
    const auto take = [&](void* to, std::uint64_t n) {
        if (n > bytes) malformed(path, "its table of sources is cut off");
        std::memcpy(to, p, n);
        p += n;
        bytes -= n;
    };
    for (std::uint64_t i = 0; i < runs; ++i) {
        TileRun run;
        std::uint16_t lengths[2];
        take(&run.count, sizeof run.count);
        take(lengths, sizeof lengths);
        if (run.count > left) malformed(path, "its table of sources names more tiles than there are");
        left -= run.count;
        for (auto* text : {&run.source, &run.group}) {
            text->resize(lengths[text == &run.group]);
            take(text->data(), text->size());
        }
        out.push_back(std::move(run));
    }
    if (left || bytes) malformed(path, "its table of sources does not cover its tiles");
    return out;
}

std::string table_of(const std::vector<TileRun>& runs) {
    std::string out;
    for (const auto& run : runs) {
        const std::string source = run.source.substr(0, 65535), group = run.group.substr(0, 65535);
        const std::uint16_t lengths[2] = {static_cast<std::uint16_t>(source.size()), static_cast<std::uint16_t>(group.size())};
        out.append(reinterpret_cast<const char*>(&run.count), sizeof run.count);
        out.append(reinterpret_cast<const char*>(lengths), sizeof lengths);
        out += source + group;
    }
    return out;
}

fs::path beside(fs::path path, const char* ending) { return path += ending; }

std::int64_t now_s() { return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

constexpr std::int64_t kJournalEvery = 10;  // seconds

// A journal: 64 digits that follow from the pack's key and all that comes after them, then tiles, runs and the table of runs. A journal
// of another pack and a damaged one are so the same thing: none.
std::string sealed(const std::string& key, const std::string& content) { return sha256_hex(key + content) + content; }

}  // namespace

TilePackWriter::TilePackWriter(fs::path path, int size, double tile_um, const std::string& key)
    : path_(std::move(path)), part_(beside(path_, ".part")), journal_(beside(path_, ".journal")), size_(size), tile_um_(tile_um), key_(sha256_hex(key)) {
    if (size < 8 || size > kMostSide) throw Error(ErrorCode::Internal, "a tile pack of tiles of " + std::to_string(size) + " px was asked for");
    if (path_.has_parent_path()) {
        std::error_code ignored;
        fs::create_directories(path_.parent_path(), ignored);
    }
    if (resume()) return;
    file_ = ::open(part_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file_ < 0) failed_io(part_, "cannot be written; check the permissions");
    const std::string header(kHeader, '\0');
    write(header.data(), header.size());
}

// The journal says which runs are complete; the pixels after them are cut off, those before are hashed again. Without a sound journal
// the pack is begun anew, which costs time only.
bool TilePackWriter::resume() {
    std::error_code failed;
    if (!fs::is_regular_file(journal_, failed) || !fs::is_regular_file(part_, failed) || fs::file_size(journal_, failed) > kMostTable) return false;
    const auto text = read_file(journal_, kMostTable);
    std::uint64_t numbers[2];  // tiles, runs
    if (text.size() < 64 + sizeof numbers || text != sealed(key_, text.substr(64))) return false;
    std::memcpy(numbers, text.data() + 64, sizeof numbers);
    const std::size_t skip = 64 + sizeof numbers;
    auto runs = parse_runs(reinterpret_cast<const std::uint8_t*>(text.data()) + skip, text.size() - skip, numbers[1], numbers[0], journal_);
    const std::uint64_t each = std::uint64_t{3} * static_cast<std::uint64_t>(size_) * size_, have = fs::file_size(part_);
    if (have < kHeader || numbers[0] > (have - kHeader) / each) return false;
    file_ = ::open(part_.c_str(), O_RDWR | O_CLOEXEC);
    if (file_ < 0) failed_io(part_, "cannot be opened; check the permissions");
    const std::uint64_t end = kHeader + numbers[0] * each;
    if (::ftruncate(file_, static_cast<off_t>(end)) != 0 || ::lseek(file_, kHeader, SEEK_SET) < 0) failed_io(part_, "cannot be written");
    std::vector<char> chunk(1 << 20);
    for (std::uint64_t at = kHeader; at < end;) {
        const auto got = ::read(file_, chunk.data(), std::min<std::uint64_t>(chunk.size(), end - at));
        if (got <= 0) failed_io(part_, "cannot be read");
        content_.update(chunk.data(), static_cast<std::size_t>(got));
        at += static_cast<std::uint64_t>(got);
    }
    runs_ = std::move(runs);
    count_ = in_runs_ = numbers[0];
    return true;
}

TilePackWriter::~TilePackWriter() {
    if (file_ < 0) return;
    try {
        save_journal();
    } catch (...) {  // the older journal stands
    }
    ::close(file_);
}

void TilePackWriter::write(const void* data, std::size_t bytes) {
    for (const auto* p = static_cast<const char*>(data); bytes > 0;) {
        const auto done = ::write(file_, p, bytes);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) failed_io(part_, "cannot be written; check the space on the disk, then start again: it goes on from here");
        p += done;
        bytes -= static_cast<std::size_t>(done);
    }
}

void TilePackWriter::add(const Image& tile) {
    if (tile.width != size_ || tile.height != size_)
        throw Error(ErrorCode::Mismatch, "a tile of " + std::to_string(tile.width) + " × " + std::to_string(tile.height) + " px does not belong in a pack of " + std::to_string(size_) + " px");
    write(tile.rgb.data(), tile.rgb.size());
    content_.update(tile.rgb.data(), tile.rgb.size());
    ++count_;
}

void TilePackWriter::end_run(const std::string& source, const std::string& group) {
    runs_.push_back({source, group, count_ - in_runs_});
    in_runs_ = count_;
    if (now_s() - saved_s_ >= kJournalEvery) save_journal();
}

void TilePackWriter::save_journal() {
    if (::fdatasync(file_) != 0) failed_io(part_, "cannot be written; check the disk");
    const std::uint64_t numbers[2] = {in_runs_, runs_.size()};
    write_file(journal_, sealed(key_, std::string(reinterpret_cast<const char*>(numbers), sizeof numbers) + table_of(runs_)));
    saved_s_ = now_s();
}

void TilePackWriter::close() {
    if (count_ != in_runs_) throw Error(ErrorCode::Internal, "a tile pack ends inside a run");
    const auto table = table_of(runs_);
    write(table.data(), table.size());
    Header header{};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.version = 1;
    header.size = static_cast<std::uint32_t>(size_);
    header.count = count_;
    header.runs = runs_.size();
    header.table_bytes = table.size();
    header.tile_um = tile_um_;
    std::memcpy(header.content, content_.hex().data(), 64);
    std::memcpy(header.checksum, checksum(header, table).data(), 64);
    if (::pwrite(file_, &header, sizeof header, 0) != static_cast<ssize_t>(sizeof header) || ::fsync(file_) != 0) failed_io(part_, "cannot be written; check the disk");
    ::close(file_);
    file_ = -1;
    std::error_code failed;
    fs::rename(part_, path_, failed);
    if (failed) throw Error(ErrorCode::Io, "cannot be written; check the permissions", path_, failed.message());
    fs::remove(journal_, failed);
}

std::shared_ptr<const TilePack> TilePack::open(const fs::path& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) throw Error(ErrorCode::NotFound, "cannot be opened; check the path and the permissions", path, std::strerror(errno));
    std::shared_ptr<TilePack> pack(new TilePack);
    pack->path_ = path;
    struct stat info {};
    const bool regular = ::fstat(file, &info) == 0 && S_ISREG(info.st_mode);
    pack->bytes_ = regular ? static_cast<std::uint64_t>(info.st_size) : 0;
    void* map = pack->bytes_ >= kHeader ? ::mmap(nullptr, pack->bytes_, PROT_READ, MAP_SHARED, file, 0) : nullptr;
    ::close(file);
    if (!map) malformed(path, "it is too short");
    if (map == MAP_FAILED) failed_io(path, "cannot be mapped into memory");
    pack->map_ = static_cast<const std::uint8_t*>(map);
    Header header;
    std::memcpy(&header, map, sizeof header);
    if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) malformed(path, "it does not start as one");
    if (header.version != 1) throw Error(ErrorCode::Unsupported, "is a tile pack of a later program; update this one", path);
    if (header.size < 8 || header.size > kMostSide || !std::isfinite(header.tile_um) || header.tile_um <= 0) malformed(path, "its tiles have no sensible size");
    const std::uint64_t each = std::uint64_t{3} * header.size * header.size, rest = pack->bytes_ - kHeader;
    if (header.table_bytes > std::min(rest, kMostTable) || header.count > (rest - header.table_bytes) / each || header.count * each + header.table_bytes != rest)
        malformed(path, "its length does not follow from its header");
    const std::string table(reinterpret_cast<const char*>(pack->map_) + kHeader + header.count * each, header.table_bytes);
    if (checksum(header, table) != std::string(header.checksum, 64)) malformed(path, "the checksum of its header is wrong");
    pack->runs_ = parse_runs(reinterpret_cast<const std::uint8_t*>(table.data()), table.size(), header.runs, header.count, path);
    pack->size_ = static_cast<int>(header.size);
    pack->tile_um_ = header.tile_um;
    pack->count_ = header.count;
    pack->id_.assign(header.content, 64);
    return pack;
}

TilePack::~TilePack() {
    if (map_) ::munmap(const_cast<std::uint8_t*>(map_), bytes_);
}

const std::uint8_t* TilePack::tile(std::uint64_t i) const { return map_ + kHeader + i * 3 * static_cast<std::uint64_t>(size_) * size_; }

void TilePack::release() const { ::madvise(const_cast<std::uint8_t*>(map_), bytes_, MADV_DONTNEED); }

void TilePack::verify() const {
    Sha256 hash;
    const std::uint64_t total = count_ * 3 * static_cast<std::uint64_t>(size_) * size_, step = std::uint64_t{64} << 20;
    for (std::uint64_t done = 0; done < total; done += step) {
        hash.update(map_ + kHeader + done, std::min(step, total - done));
        release();
    }
    if (hash.hex() != id_) throw Error(ErrorCode::BadInput, "has other pixels than were written; the disk may be failing: cut the tiles again", path_);
}

TileView view_of(const std::vector<std::shared_ptr<const TilePack>>& packs, const std::vector<std::string>& exclude) {
    if (packs.empty()) throw Error(ErrorCode::BadInput, "there is no tile pack to learn from");
    Sha256 id;
    const auto left_out = [&](const std::string& name) { return std::find(exclude.begin(), exclude.end(), name) != exclude.end(); };
    std::vector<std::pair<const std::uint8_t*, std::size_t>> parts;
    for (const auto& pack : packs) {
        if (pack->size() != packs[0]->size() || std::abs(pack->tile_um() - packs[0]->tile_um()) > 1e-6)
            throw Error(ErrorCode::Mismatch, "tile packs of different tile sizes cannot be used together; cut them for the same preset");
        id.update(pack->id());
        std::uint64_t first = 0;
        for (const auto& run : pack->runs()) {
            if (!left_out(run.source) && (run.group.empty() || !left_out(run.group))) {
                const auto* start = pack->tile(first);
                const bool follows = !parts.empty() && parts.back().first + parts.back().second * 3 * pack->size() * pack->size() == start;
                if (follows)
                    parts.back().second += run.count;
                else
                    parts.emplace_back(start, run.count);
                id.update("+" + std::to_string(first) + ":" + std::to_string(run.count));
            }
            first += run.count;
        }
    }
    TileView view(packs[0]->size(), id.hex());
    for (const auto& [start, count] : parts) view.add(start, count);
    if (view.count() == 0) throw Error(ErrorCode::BadInput, "no tiles are left in the tile packs; exclude less");
    view.on_release([packs] {
        for (const auto& pack : packs) pack->release();
    });
    return view;
}

}  // namespace c2l
