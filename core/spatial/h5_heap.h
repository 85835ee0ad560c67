// Checks the variable-length strings of an HDF5 file before HDF5 follows them. Private to core/spatial.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace c2l::h5 {

// False when one of the `count` references stored from byte `offset` on, `stride` bytes apart, leads outside the file or to no object of its
// heap. HDF5 1.10 follows such a reference without looking and crashes.
bool references_are_sound(const std::filesystem::path& path, std::uint64_t offset, std::uint64_t count, std::uint64_t stride = 16);

// False when a heap of the file holds objects that are longer than itself, which HDF5 1.10 copies without looking. Reads the whole file
// once. References of attributes and of compressed chunks cannot be seen from outside: what they lead to can.
bool heaps_are_sound(const std::filesystem::path& path);

}  // namespace c2l::h5
