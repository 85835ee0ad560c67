// The reader plug-ins that this program found: plugins/include/c2l_reader.h says what they are and where they are looked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace c2l {

struct ReaderPlugin {
    std::filesystem::path file;
    std::string name, version;  // empty where it could not be used
    std::string problem;        // why not, one sentence; else empty
};

// Loads them at the first call, which blocks for some milliseconds; from any thread. Never throws: what cannot be used says so.
std::vector<ReaderPlugin> list_reader_plugins();

}  // namespace c2l
