// Chunks of an HDF5 dataset read past the library's filters, which inflate on one thread under its lock. Private to core/spatial.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <functional>

namespace c2l::h5 {

// Gives all values of a one-dimensional dataset of `count` values of `value_bytes` each, as they are stored, to `take(first, n, bytes)`:
// from several threads at once, every stretch once, `bytes` aligned for 8. Blocks; the caller holds HDF5's lock. What `take` throws is
// thrown on.
// False where that cannot be done (another layout or filter, chunks that were never written, damage): start again with H5Dread, which
// knows all of it and says what is damaged. Some values may have been given by then.
bool read_chunks(hid_t dataset, std::uint64_t count, std::size_t value_bytes, const std::function<void(std::uint64_t first, std::size_t n, const void* bytes)>& take);

}  // namespace c2l::h5
