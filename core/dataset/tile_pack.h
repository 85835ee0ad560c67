// Tiles in one memory-mapped file: what central pretraining reads at random, more than memory holds.
//
// Raw RGB, not compressed: a step reads thousands of crops at random places, and a page of a mapped file costs less than decoding a
// tile; losslessly compressed tissue would still take half the space. Tiles of one source (a slide, an image) lie together as a run
// with its name and group, so that patients or data sets can be left out without cutting again.
//
// Layout, little-endian: 4096 bytes of header (magic, version, side, count, field, SHA-256 of the pixels, SHA-256 of header and
// table), count × side × side × 3 bytes of pixels, the table of runs. Written to PATH.part with a journal; renamed when complete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/image.h"
#include "base/tile_view.h"

namespace c2l {

struct TileRun {
    std::string source, group;  // file name; group (patient, slide, data set) or empty
    std::uint64_t count = 0;
};

class TilePackWriter {
public:
    // Goes on from an unfinished pack with the same `key` (what its content follows from); any other unfinished one, and one whose
    // journal is damaged, is replaced.
    // Throws Error(Io).
    TilePackWriter(std::filesystem::path path, int size, double tile_um, const std::string& key);
    ~TilePackWriter();  // what is unfinished stays on disk, to go on from
    TilePackWriter(const TilePackWriter&) = delete;
    TilePackWriter& operator=(const TilePackWriter&) = delete;

    const std::vector<TileRun>& runs() const { return runs_; }  // complete ones, also those of an earlier attempt
    std::uint64_t count() const { return count_; }
    void add(const Image& tile);                                       // size × size
    void end_run(const std::string& source, const std::string& group);  // takes the tiles since the last one; none: an empty run
    void close();                                                      // the pack is complete

private:
    bool resume();
    void write(const void* data, std::size_t bytes);
    void save_journal();

    std::filesystem::path path_, part_, journal_;
    int size_;
    double tile_um_;
    std::string key_;
    int file_ = -1;
    std::uint64_t count_ = 0, in_runs_ = 0;
    std::vector<TileRun> runs_;
    Sha256 content_;
    std::int64_t saved_s_ = 0;
};

class TilePack {
public:
    // Maps the file; the table and the sizes are checked, the pixels are not read. Throws Error(NotFound|BadInput|Io).
    static std::shared_ptr<const TilePack> open(const std::filesystem::path& path);
    ~TilePack();
    TilePack(const TilePack&) = delete;
    TilePack& operator=(const TilePack&) = delete;

    int size() const { return size_; }
    double tile_um() const { return tile_um_; }  // field of a tile
    std::uint64_t count() const { return count_; }
    const std::vector<TileRun>& runs() const { return runs_; }
    const std::string& id() const { return id_; }  // SHA-256 of the pixels, as the writer found it
    const std::uint8_t* tile(std::uint64_t i) const;
    void release() const;  // lets go of pages that were read; they come back when read again
    void verify() const;   // reads everything; throws Error(BadInput) where the pixels are not those that were written

private:
    TilePack() = default;
    std::filesystem::path path_;
    const std::uint8_t* map_ = nullptr;
    std::uint64_t bytes_ = 0, count_ = 0;
    int size_ = 0;
    double tile_um_ = 0;
    std::string id_;
    std::vector<TileRun> runs_;
};

// The tiles of all packs but those whose source or group is in `exclude`; keeps the packs alive. Throws Error(Mismatch) where
// packs differ in size or field, Error(BadInput) when nothing is left.
TileView view_of(const std::vector<std::shared_ptr<const TilePack>>& packs, const std::vector<std::string>& exclude = {});

}  // namespace c2l
