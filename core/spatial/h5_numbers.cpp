// Numbers of an HDF5 dataset in the type that is wanted: chunks on several threads where they are of the usual kind, else by HDF5.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/job.h"
#include "spatial/h5.h"
#include "spatial/h5_chunks.h"

namespace c2l::h5 {
namespace {

// As HDF5 converts: what is too large becomes the largest, or infinite.
template <class To, class From>
To converted(From v) {
    if constexpr (std::is_same_v<To, float> && std::is_same_v<From, double>)
        return std::abs(v) > std::numeric_limits<float>::max() ? std::copysign(std::numeric_limits<float>::infinity(), static_cast<float>(v > 0 ? 1 : -1)) : static_cast<float>(v);
    else if constexpr (std::is_same_v<To, std::int64_t> && std::is_same_v<From, std::uint64_t>)
        return static_cast<std::int64_t>(std::min<std::uint64_t>(v, std::numeric_limits<std::int64_t>::max()));
    else
        return static_cast<To>(v);
}

void check_stop(const std::stop_token& stop) {
    JobContext ctx;
    ctx.stop = stop;
    ctx.check_stop();
}

// Calls `read` with a value of the C++ type that the file's type is the same as; false when there is none.
template <class F>
bool with_type(hid_t stored, bool fractions, F&& read) {
    const auto is = [&](hid_t native) { return H5Tequal(stored, native) > 0; };
    if (is(H5T_NATIVE_INT8)) return read(std::int8_t{});
    if (is(H5T_NATIVE_UINT8)) return read(std::uint8_t{});
    if (is(H5T_NATIVE_INT16)) return read(std::int16_t{});
    if (is(H5T_NATIVE_UINT16)) return read(std::uint16_t{});
    if (is(H5T_NATIVE_INT32)) return read(std::int32_t{});
    if (is(H5T_NATIVE_UINT32)) return read(std::uint32_t{});
    if (is(H5T_NATIVE_INT64)) return read(std::int64_t{});
    if (is(H5T_NATIVE_UINT64)) return read(std::uint64_t{});
    if (fractions && is(H5T_NATIVE_FLOAT)) return read(float{});
    if (fractions && is(H5T_NATIVE_DOUBLE)) return read(double{});
    return false;
}

}  // namespace

template <class T>
bool read_numbers_by_chunk(hid_t dataset, hid_t stored, std::vector<T>& out, const std::stop_token& stop) {
    return with_type(stored, std::is_floating_point_v<T>, [&](auto type) {
        using Stored = decltype(type);
        return read_chunks(dataset, out.size(), sizeof(Stored), [&](std::uint64_t first, std::size_t n, const void* bytes) {
            check_stop(stop);
            const auto* from = static_cast<const Stored*>(bytes);
            std::transform(from, from + n, out.begin() + static_cast<std::ptrdiff_t>(first), converted<T, Stored>);
        });
    });
}
template bool read_numbers_by_chunk(hid_t, hid_t, std::vector<float>&, const std::stop_token&);
template bool read_numbers_by_chunk(hid_t, hid_t, std::vector<double>&, const std::stop_token&);
template bool read_numbers_by_chunk(hid_t, hid_t, std::vector<std::int64_t>&, const std::stop_token&);

std::vector<std::int32_t> Reader::column_numbers(const std::string& at, std::uint64_t limit) const {
    if (kind(at) != Kind::Integer) fail("has no whole numbers at '" + at + "'");
    const Handle set = dataset(at), stored(H5Dget_type(set), H5Tclose);
    const auto count = size(at);
    check_numbers(set, stored, at, count, sizeof(std::int64_t));
    std::vector<std::int32_t> out(count);
    const auto take = [&](std::uint64_t first, std::size_t n, const auto* from) {
        check_stop(stop_);
        for (std::size_t i = 0; i < n; ++i) {
            if (static_cast<std::uint64_t>(from[i]) >= limit)  // a negative one is larger still
                fail("names column " + std::to_string(from[i]) + " of " + std::to_string(limit) + " at '" + at + "'; the file is damaged");
            out[first + i] = static_cast<std::int32_t>(from[i]);
        }
    };
    const bool read = with_type(stored, false, [&](auto type) {
        using Stored = decltype(type);
        return read_chunks(set, count, sizeof(Stored), [&](std::uint64_t first, std::size_t n, const void* bytes) { take(first, n, static_cast<const Stored*>(bytes)); });
    });
    if (read) return out;
    // A stretch at a time: as 64-bit numbers they would need twice the memory.
    constexpr std::uint64_t kStretch = std::uint64_t{1} << 20;
    const Handle space(H5Dget_space(set), H5Sclose);
    std::vector<std::int64_t> stretch;
    for (std::uint64_t first = 0; first < count; first += kStretch) {
        const hsize_t start = first, n = std::min(kStretch, count - first);
        const Handle memory(H5Screate_simple(1, &n, nullptr), H5Sclose);
        stretch.resize(n);
        if (H5Sget_simple_extent_ndims(space) != 1 || H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, nullptr, &n, nullptr) < 0 ||
            H5Dread(set, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, stretch.data()) < 0)
            fail("cannot be read at '" + at + "'; the file is damaged");
        take(first, n, stretch.data());
    }
    return out;
}

}  // namespace c2l::h5
