// A file read at any place, from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace dicom {

class File {
public:
    explicit File(const std::string& path);  // a regular file; throws Refusal
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    std::uint64_t size() const { return size_; }
    // All `bytes` from `offset`; throws Refusal where the file ends earlier.
    void read(std::uint64_t offset, void* to, std::size_t bytes) const;

private:
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

}  // namespace dicom
