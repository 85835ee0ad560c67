#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fstream>

#include "base/error.h"

namespace c2l {

namespace fs = std::filesystem;

void flush_to_disk(const fs::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool done = descriptor >= 0 && (::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP);  // some file systems have nothing to flush
    const std::error_code cause(errno, std::generic_category());
    if (descriptor >= 0) ::close(descriptor);
    if (!done) throw fs::filesystem_error("fsync", path, cause);
}

void make_folder(const fs::path& folder) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) throw Error(ErrorCode::Io, "the folder cannot be made; choose another place", folder, failed.message());
}

void replace_file(const fs::path& path, const std::function<void(const fs::path&)>& write) {
    static std::atomic<unsigned> counter{0};
    if (path.has_parent_path()) make_folder(path.parent_path());
    // Keeps the ending, since some writers choose the format by it.
    fs::path temporary = path;
    temporary.replace_filename("." + path.stem().string() + ".part" + std::to_string(::getpid()) + "-" +
                               std::to_string(counter++) + path.extension().string());
    try {
        write(temporary);
        flush_to_disk(temporary);
        fs::rename(temporary, path);
    } catch (const fs::filesystem_error& failed) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path, failed.code().message());
    } catch (...) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw;
    }
}

void write_file(const fs::path& path, std::string_view data) {
    replace_file(path, [&](const fs::path& temporary) {
        std::ofstream out(temporary, std::ios::binary);
        out.write(data.data(), static_cast<std::streamsize>(data.size()));
        out.close();
        if (!out) throw Error(ErrorCode::Io, "cannot be written; check the space and the permissions", path);
    });
}

void require_space(const fs::path& folder, std::uint64_t bytes, const std::string& what) {
    std::error_code failed;
    fs::path there = folder.empty() ? fs::current_path(failed) : fs::absolute(folder, failed);
    while (!fs::exists(there, failed) && there.has_parent_path() && there != there.parent_path()) there = there.parent_path();
    const auto space = fs::space(there, failed);
    if (failed || space.available >= bytes) return;  // a disk that does not say is tried
    const auto gigabytes = [](std::uint64_t n) {
        char text[32];
        std::snprintf(text, sizeof text, "%.1f GB", static_cast<double>(n) * 1e-9);
        return std::string(text);
    };
    throw Error(ErrorCode::Io, what + " needs " + gigabytes(bytes) + " and only " + gigabytes(space.available) + " are free here; choose a folder on another disk or ask for less",
                folder);
}

std::string read_file(const fs::path& path, std::uint64_t limit) {
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    if (failed) throw Error(ErrorCode::NotFound, "cannot be opened; check the path and the permissions", path);
    if (size > limit) throw Error(ErrorCode::BadInput, "is larger than any file of its kind should be", path);
    std::ifstream in(path, std::ios::binary);
    std::string data(size, '\0');
    in.read(data.data(), static_cast<std::streamsize>(size));
    if (!in) throw Error(ErrorCode::Io, "cannot be read; check the disk and the permissions", path);
    return data;
}

}  // namespace c2l
