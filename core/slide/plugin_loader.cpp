#include "slide/plugin_loader.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

namespace c2l {

namespace fs = std::filesystem;

namespace {

bool is_name(const char* text) {
    const std::size_t length = text ? strnlen(text, C2L_READER_NAME) : 0;
    return length > 0 && length < C2L_READER_NAME && std::all_of(text, text + length, [](unsigned char c) { return c > 32 && c < 127; });
}

// Empty when the table can be used. `abi` and `struct_size` stand first in every version; nothing else is looked at before they fit.
std::string fault_of(const c2l_reader* table) {
    const auto newest = std::to_string(C2L_READER_ABI);
    if (!table) return "has no reader for version " + newest + " of the interface; build it again for this program";
    if (table->abi != C2L_READER_ABI)
        return "is made for version " + std::to_string(table->abi) + " of the reader interface, this program has version " + newest + "; build it again";
    if (table->struct_size < sizeof(c2l_reader)) return "has a table of functions that is too short; build it again for this program";
    if (!is_name(table->name) || !is_name(table->version)) return "does not say its name and version; ask its authors";
    const bool complete = table->recognises && table->open && table->close && table->info && table->level && table->associated && table->issue && table->tile &&
                          table->associated_pixels;
    return complete ? "" : "lacks functions that every reader needs; ask its authors";
}

std::vector<fs::path> reader_folders() {
    std::vector<fs::path> folders;
    if (const char* set = std::getenv("C2L_READERS")) {
        std::istringstream list(set);
        for (std::string folder; std::getline(list, folder, ':');)
            if (!folder.empty()) folders.emplace_back(folder);
    }
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);  // installed, or in a build tree: bin/ and lib/ are neighbours
    if (!failed) folders.push_back((program.parent_path() / "../lib/c2l/readers").lexically_normal());
    return folders;
}

const std::vector<LoadedReader>& installed_readers() {
    static const std::vector<LoadedReader> readers = load_readers(reader_folders());
    return readers;
}

}  // namespace

LoadedReader load_reader(const fs::path& library) {
    LoadedReader out;
    out.about.file = library;
    // Never closed: its code may be in use until the process ends. Local: two plug-ins may bring different versions of one library.
    void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char* why = dlerror();
        out.about.problem = std::string("cannot be loaded; install what it needs (") + (why ? why : "no reason given") + ")";
        return out;
    }
    using Entry = const c2l_reader* (*)(std::uint32_t);
    const auto entry = reinterpret_cast<Entry>(dlsym(handle, "c2l_reader_table"));
    if (!entry) {
        out.about.problem = "is no reader plug-in: it lacks the function c2l_reader_table; remove it from the folder";
        return out;
    }
    const c2l_reader* table = entry(C2L_READER_ABI);
    out.about.problem = fault_of(table);
    if (!out.about.problem.empty()) return out;
    out.table = table;
    out.about.name = table->name;
    out.about.version = table->version;
    return out;
}

std::vector<LoadedReader> load_readers(const std::vector<fs::path>& folders) {
    std::vector<LoadedReader> readers;
    for (const fs::path& folder : folders) {
        std::vector<fs::path> files;
        std::error_code failed;
        for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
            if (at->path().extension() == ".so") files.push_back(at->path());
        std::sort(files.begin(), files.end());
        for (const fs::path& file : files) {
            LoadedReader reader = load_reader(file);
            const bool known = reader.table && std::any_of(readers.begin(), readers.end(), [&](const LoadedReader& each) { return each.about.name == reader.about.name; });
            if (!known) readers.push_back(std::move(reader));
        }
    }
    return readers;
}

const c2l_reader* plugin_for(const fs::path& path) {
    std::array<char, 4096> head{};
    std::ifstream in(path, std::ios::binary);
    in.read(head.data(), head.size());
    const auto bytes = static_cast<std::uint64_t>(std::max<std::streamsize>(in.gcount(), 0));
    for (const LoadedReader& reader : installed_readers())
        if (reader.table && reader.table->recognises(path.c_str(), reinterpret_cast<const std::uint8_t*>(head.data()), bytes) == 1) return reader.table;
    return nullptr;
}

std::vector<ReaderPlugin> list_reader_plugins() {
    std::vector<ReaderPlugin> list;
    for (const LoadedReader& reader : installed_readers()) list.push_back(reader.about);
    return list;
}

}  // namespace c2l
