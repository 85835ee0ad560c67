// The losses of a training stage as a table that can be followed while it runs.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/file.h"

namespace c2l::generate {

// Columns step and loss. Steps that are done again after an interruption replace what was there.
class LossTable {
public:
    explicit LossTable(std::filesystem::path path) : path_(std::move(path)) {}
    void add(std::int64_t step, double loss) {
        if (!out_.is_open()) open(step);
        char line[64];
        std::snprintf(line, sizeof line, "%lld\t%.9g\n", static_cast<long long>(step), loss);
        out_ << line << std::flush;
    }

private:
    void open(std::int64_t step) {
        std::string kept = "step\tloss\n";
        std::ifstream old(path_);
        std::string line;
        std::getline(old, line);
        while (std::getline(old, line) && !old.eof() && std::strtoll(line.c_str(), nullptr, 10) < step) kept += line + "\n";
        old.close();
        write_file(path_, kept);
        out_.open(path_, std::ios::app);
    }
    std::filesystem::path path_;
    std::ofstream out_;
};

}  // namespace c2l::generate
