// Reads the includes and link lines of a source tree and says where they break the directions written in ARCHITECTURE.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace c2l::architecture {

// One line per broken rule, "file:line: what"; empty when all is well. `root` holds core/, ui/ and app/.
std::vector<std::string> check_tree(const std::filesystem::path& root);

}  // namespace c2l::architecture
