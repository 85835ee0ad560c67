#pragma once

#include <cstdint>
#include <vector>

namespace c2l::test {

// A JPEG 2000 codestream, reversible; `rgb` rows of `side` pixels.
std::vector<std::uint8_t> encode_jp2k(const std::uint8_t* rgb, int side);

}  // namespace c2l::test
