// Comma- or tab-separated tables as spreadsheets write them (RFC 4180: quoted fields, doubled quotes). Private to core/annotation.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace c2l {

struct CsvTable {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;  // each as long as the header
    std::vector<std::size_t> lines;              // where each row begins, from 1
};

// Delimiter: tab, semicolon or comma, whichever the first line has most of. Empty lines are skipped. Throws Error(BadInput) with the line.
CsvTable read_csv(const std::filesystem::path& path);

}  // namespace c2l
