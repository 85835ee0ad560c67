// What a spot file tells about its array beside the spots in use: where no tissue was, and how large the pictures are that came with it.
// Hints for judging where the spots lie; read apart from the spots since nothing else needs them.
#pragma once

#include <filesystem>
#include <vector>

namespace c2l {

struct ArrayHints {
    std::vector<double> empty_x, empty_y;  // places that the file marks as without tissue, in the frame of the spots
    std::vector<double> image_scales;      // pixels of a smaller picture per level-0 pixel (Space Ranger's hires and lowres)
};

// Of what SpotSource::spots names. Empty where the file tells nothing of the kind, or cannot be read so.
ArrayHints read_array_hints(const std::filesystem::path& spots);

}  // namespace c2l
