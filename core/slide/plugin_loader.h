// Shared libraries that read slides: found in an explicit list of folders, checked, kept for the life of the process. Private to core/slide.
#pragma once

#include <filesystem>
#include <vector>

#include "c2l_reader.h"
#include "slide/readers.h"

namespace c2l {

struct LoadedReader {
    ReaderPlugin about;
    const c2l_reader* table = nullptr;  // null where about.problem says why
};

LoadedReader load_reader(const std::filesystem::path& library);
// Every *.so of the folders, in order of name; of two readers with one name the first is used. Folders that do not exist are passed over.
std::vector<LoadedReader> load_readers(const std::vector<std::filesystem::path>& folders);

// The first plug-in that recognises the file's content; null when none does. Loads the plug-ins at the first call.
const c2l_reader* plugin_for(const std::filesystem::path& path);

}  // namespace c2l
