// The files of one series make one slide: VOLUME images are its levels, the others stand beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "frames.h"
#include "instance.h"

namespace dicom {

// An image in one file, or in several that are its concatenation.
class Picture {
public:
    // All of one concatenation, or one. Throws Refusal when frames are missing.
    explicit Picture(std::vector<Instance> instances);

    const Instance& about() const { return parts_.front()->instance; }
    std::int64_t planes() const;
    std::int64_t paths() const;

    // frame_width × frame_height pixels; untouched where the file leaves the tile out. Any number of threads at once.
    void tile(std::int64_t column, std::int64_t row, std::uint8_t* rgb) const;
    // The whole, width × height pixels.
    void whole(std::uint8_t* rgb) const;

private:
    struct Part {
        explicit Part(Instance one) : instance(std::move(one)), frames(instance) {}
        Instance instance;
        Frames frames;
    };
    struct Place {
        std::int32_t part = -1;  // none
        std::uint32_t frame = 0;
    };

    std::vector<std::unique_ptr<Part>> parts_;
    std::vector<Place> tiles_;  // row by row
};

struct Associated {
    std::string name;
    Picture picture;
};

struct Series {
    std::vector<Picture> levels;  // from fine to coarse, at least one
    std::vector<Associated> associated;
    std::vector<std::string> issues;
};

// Files of `path`'s folder that are of its series, `path` first, the others by name.
std::vector<std::string> files_of_series(const std::string& path);
// Throws Refusal.
Series open_series(const std::string& path);
// label, macro, thumbnail … as OpenSlide calls them
std::string name_of(const std::string& flavour);

}  // namespace dicom
