// Checks the variable-length strings of an HDF5 file before HDF5 follows them. Private to core/spatial.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace c2l::h5 {

// False when one of the `count` references stored from byte `offset` on leads outside the file or to no object of its
// heap. HDF5 1.10 follows such a reference without looking and crashes.
bool references_are_sound(const std::filesystem::path& path, std::uint64_t offset, std::uint64_t count);

}  // namespace c2l::h5
