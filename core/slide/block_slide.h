// A LevelSlide whose levels are grids of blocks that are decoded one by one. Reads of several threads share no lock but that of a small
// cache of blocks. Private to core/slide.
#pragma once

#include <memory>
#include <vector>

#include "slide/level_slide.h"

namespace c2l {

struct BlockGrid {
    std::int64_t width = 0, height = 0;              // pixels of the level
    std::int64_t block_width = 0, block_height = 0;  // blocks at the right and bottom edge may reach beyond it
};

class BlockSlide : public LevelSlide {
public:
    // Blocks of which only a part was asked for are kept, so that neighbours need not decode them again.
    static constexpr std::size_t kBlockCacheBytes = std::size_t{32} << 20;

    Image read_patch(int level, std::int64_t x, std::int64_t y, int width, int height) const final;
    int natural_rows() const final;

protected:
    BlockSlide();
    ~BlockSlide() override;

    // Levels from fine to coarse: sets size and levels of info_. Before any read.
    void set_grids(std::vector<BlockGrid> grids);
    // The whole block, block_width × block_height. Blocks; from any thread.
    virtual Image decode(int level, std::int64_t bx, std::int64_t by) const = 0;

private:
    struct BlockCache;

    std::shared_ptr<const Image> block(int level, std::int64_t bx, std::int64_t by, bool keep) const;

    std::vector<BlockGrid> grids_;
    std::unique_ptr<BlockCache> cache_;
};

}  // namespace c2l
