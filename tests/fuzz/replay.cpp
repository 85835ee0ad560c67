// Gives every file of the named folders to the harness it is linked with: the corpus as an ordinary test, with any compiler.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "fuzz/fuzz.h"

int main(int count, char** arguments) {
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < count; ++i) {
        if (!std::filesystem::is_directory(arguments[i])) files.emplace_back(arguments[i]);
        else
            for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(in), {}};
        if (in.bad()) return std::fprintf(stderr, "%s cannot be read\n", file.c_str()), 1;
        std::printf("%s\n", file.filename().c_str());  // the last name is the one that crashed
        std::fflush(stdout);
        // A block of exactly this size, so that a sanitizer sees one byte too far.
        const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
        std::copy(bytes.begin(), bytes.end(), exact.get());
        LLVMFuzzerTestOneInput(exact.get(), bytes.size());
    }
    if (files.empty()) return std::fprintf(stderr, "there is nothing to replay\n"), 1;
    return 0;
}
