// Lines of delimited text, plain or gzip-compressed, with caps on length and expansion. Private to core/spatial.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace c2l {

class LineReader {
public:
    explicit LineReader(std::filesystem::path path);
    ~LineReader();

    // The next line without its end; valid until the next call. False at the end of the file.
    bool next(std::string_view& line);
    std::int64_t line_number() const { return number_; }
    // Throws Error(BadInput): "line N: text".
    [[noreturn]] void fail(const std::string& text) const;

private:
    void fill();
    struct File;
    std::unique_ptr<File> file_;
    std::filesystem::path path_;
    std::string buffer_;
    std::size_t at_ = 0;
    bool end_ = false;
    std::int64_t number_ = 0;
};

char delimiter_of(std::string_view line);  // tab where the line has one, else comma, else blank
void split(std::string_view line, char delimiter, std::vector<std::string_view>& fields);  // quotes around a field removed
bool parse_number(std::string_view text, double& value);  // the whole text, finite
bool is_gzip(const std::filesystem::path& path);

}  // namespace c2l
