// Whole-file helpers that never leave a half-written file behind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace c2l {

// Writes beside `path` and renames over it, so that readers see the old file or the new one, never a part.
void write_file(const std::filesystem::path& path, std::string_view data);
// The same for writers that want a path: `write(temporary)` fills the temporary file, which then replaces `path`;
// when it throws, the temporary is removed and `path` is untouched.
void replace_file(const std::filesystem::path& path, const std::function<void(const std::filesystem::path& temporary)>& write);
// Onto the disk, so that a full one is noticed before an older file is replaced: network file systems tell only then.
// Throws std::filesystem::filesystem_error.
void flush_to_disk(const std::filesystem::path& path);
// With its parents; Error(Io) where it cannot be made.
void make_folder(const std::filesystem::path& folder);
// Throws Error(Io) that says both figures unless the disk of `folder` (or of its nearest parent that exists) has room for `bytes` more;
// `what` names what needs them ("the tile pack").
void require_space(const std::filesystem::path& folder, std::uint64_t bytes, const std::string& what);
// Throws Error(NotFound|Io), and Error(BadInput) above `limit` bytes before any memory is taken.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 30);

}  // namespace c2l
