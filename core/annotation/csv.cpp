#include "annotation/csv.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"

namespace c2l {
namespace {

constexpr std::uint64_t kMostBytes = std::uint64_t{256} << 20;

char delimiter_of(std::string_view line) {
    char best = ',';
    for (const char c : {'\t', ';'})
        if (std::count(line.begin(), line.end(), c) > std::count(line.begin(), line.end(), best)) best = c;
    return best;
}

class CsvParser {
public:
    CsvParser(std::string_view text, const std::filesystem::path& path) : text_(text), path_(path), delimiter_(delimiter_of(text.substr(0, text.find('\n')))) {}

    CsvTable parse() {
        CsvTable table;
        while (at_ < text_.size()) {
            const std::size_t line = line_;
            std::vector<std::string> row = record();
            if (row.size() == 1 && row[0].empty()) continue;
            if (table.header.empty()) {
                table.header = std::move(row);
                continue;
            }
            if (row.size() != table.header.size())
                fail(line, "has " + std::to_string(row.size()) + " columns where the header has " + std::to_string(table.header.size()));
            table.rows.push_back(std::move(row));
            table.lines.push_back(line);
        }
        return table;
    }

private:
    [[noreturn]] void fail(std::size_t line, const std::string& what) const {
        throw Error(ErrorCode::BadInput, "line " + std::to_string(line) + ": " + what, path_);
    }

    std::vector<std::string> record() {
        std::vector<std::string> row;
        for (;;) {
            row.push_back(field());
            if (at_ < text_.size() && text_[at_] == delimiter_) {
                ++at_;
                continue;
            }
            if (at_ < text_.size() && text_[at_] == '\r') ++at_;
            if (at_ < text_.size() && text_[at_] == '\n') ++at_;
            ++line_;
            return row;
        }
    }

    std::string field() {
        if (at_ < text_.size() && text_[at_] == '"') return quoted();
        const auto end = std::min(text_.find_first_of(std::string{delimiter_, '\n', '\r'}, at_), text_.size());
        std::string value(text_.substr(at_, end - at_));
        at_ = end;
        if (at_ < text_.size() && text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] != '\n')) fail(line_, "has a stray carriage return; save the table again as CSV");
        return value;
    }

    std::string quoted() {
        const std::size_t first = line_;
        std::string value;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\n') ++line_;
            if (text_[at_] != '"') {
                value += text_[at_];
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
                value += text_[at_++];
            } else {
                ++at_;
                if (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n' && text_[at_] != '\r') fail(line_, "has text after a closing quote");
                return value;
            }
        }
        fail(first, "has a quote that is never closed");
    }

    std::string_view text_;
    const std::filesystem::path& path_;
    char delimiter_;
    std::size_t at_ = 0, line_ = 1;
};

}  // namespace

CsvTable read_csv(const std::filesystem::path& path) {
    const std::string text = read_file(path, kMostBytes);
    std::string_view body = text;
    if (body.starts_with("\xEF\xBB\xBF")) body.remove_prefix(3);
    return CsvParser(body, path).parse();
}

}  // namespace c2l
