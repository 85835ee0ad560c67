// What the harnesses share. A harness is one function, LLVMFuzzerTestOneInput, that gives bytes to one parser; libFuzzer drives it
// with new inputs and replay.cpp with those of corpus/.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace c2l::fuzz {

inline std::string_view view(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// Hostile bytes may be refused with c2l::Error and nothing else: any other exception ends the program, as a crash does.
template <class F>
void refused_or_read(F&& parse) {
    try {
        parse();
    } catch (const Error& error) {
        if (std::string_view(error.what()).empty()) std::abort();  // a refusal says why
    }
}

// A folder of this process alone, removed at its end. Parsers that take paths get their bytes through it.
class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "c2l-fuzz-XXXXXX").string();
        if (!mkdtemp(name.data())) std::abort();
        path_ = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path write(const std::string& name, std::string_view bytes) const {
        const auto file = path_ / name;
        std::ofstream out(file, std::ios::binary | std::ios::trunc);
        out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        if (!out.flush()) std::abort();
        return file;
    }

private:
    std::filesystem::path path_;
};

// Inputs of a parser that reads several files are one file with the parts between record separators (byte 30).
constexpr char kSeparator = '\x1e';

inline std::vector<std::string_view> parts(std::string_view all, std::size_t count) {
    std::vector<std::string_view> out;
    while (out.size() + 1 < count) {
        const auto end = all.find(kSeparator);
        out.push_back(all.substr(0, end));
        all = end == std::string_view::npos ? std::string_view() : all.substr(end + 1);
    }
    out.push_back(all);
    return out;
}

}  // namespace c2l::fuzz
