// The frames of one file: where each lies, its bytes, its pixels. Any number of threads at once.
#pragma once

#include <cstdint>
#include <vector>

#include "instance.h"

namespace dicom {

class Frames {
public:
    // Reads the table of fragments (8 bytes of each, no pixels). Throws Refusal.
    explicit Frames(const Instance& instance);

    // RGB of frame_width × frame_height pixels into `rgb`. Throws Refusal when the data is damaged.
    void decode(std::int64_t frame, std::uint8_t* rgb) const;

private:
    struct Fragment {
        std::uint64_t offset;
        std::uint32_t bytes;
    };

    void list_fragments();
    void join_fragments(const std::vector<std::uint32_t>& offsets, std::uint64_t base);
    std::vector<std::uint8_t> bytes_of(std::int64_t frame) const;

    const Instance& instance_;
    std::uint64_t raw_bytes_ = 0;         // of one uncompressed frame
    std::vector<Fragment> fragments_;     // encapsulated
    std::vector<std::uint32_t> starts_;   // first fragment of each frame, and the end; empty: one fragment a frame
};

}  // namespace dicom
