#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refusal.h"

namespace dicom {

File::File(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat about {};
    if (descriptor_ >= 0 && fstat(descriptor_, &about) == 0 && S_ISREG(about.st_mode)) {
        size_ = static_cast<std::uint64_t>(about.st_size);
        return;
    }
    if (descriptor_ >= 0) close(descriptor_);
    throw Refusal(C2L_UNREADABLE, "cannot be read; check the permissions");
}

File::~File() { close(descriptor_); }

void File::read(std::uint64_t offset, void* to, std::size_t bytes) const {
    if (offset > size_ || bytes > size_ - offset) damaged();
    for (std::size_t done = 0; done < bytes;) {
        const ssize_t n = pread(descriptor_, static_cast<char*>(to) + done, bytes - done, static_cast<off_t>(offset + done));
        if (n <= 0) throw Refusal(C2L_UNREADABLE, "a part of the slide cannot be read; check the disk");
        done += static_cast<std::size_t>(n);
    }
}

}  // namespace dicom
