#include "spatial/text.h"

#include <zlib.h>

#include <charconv>
#include <cmath>
#include <fstream>

#include "base/error.h"

namespace c2l {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 16;
constexpr std::size_t kLongestLine = std::size_t{256} << 20;
// A table of counts shrinks some twentyfold; gzip's own limit is about a thousandfold, which only padding reaches.
constexpr std::int64_t kLargestExpansion = 400, kUncheckedBytes = std::int64_t{256} << 20;

}  // namespace

struct LineReader::File {
    gzFile handle = nullptr;
    std::int64_t bytes = 0;
    ~File() {
        if (handle) gzclose(handle);
    }
};

LineReader::LineReader(std::filesystem::path path) : file_(std::make_unique<File>()), path_(std::move(path)) {
    if (!std::filesystem::is_regular_file(path_)) throw Error(ErrorCode::NotFound, "is not there or not a file; check the path", path_);
    file_->handle = gzopen(path_.c_str(), "rb");
    if (!file_->handle) throw Error(ErrorCode::Io, "cannot be opened; check the permissions", path_);
    gzbuffer(file_->handle, 256 * 1024);
}

LineReader::~LineReader() = default;

void LineReader::fail(const std::string& text) const {
    throw Error(ErrorCode::BadInput, "line " + std::to_string(number_) + ": " + text, path_);
}

void LineReader::fill() {
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t had = buffer_.size();
    if (had > kLongestLine) fail("the line is longer than a table of counts can have; is this a text file?");
    buffer_.resize(had + kBlock);
    const int got = gzread(file_->handle, buffer_.data() + had, static_cast<unsigned>(kBlock));
    int code = Z_OK;
    const std::string cause = gzerror(file_->handle, &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END))
        throw Error(ErrorCode::BadInput, "is damaged or cut short after line " + std::to_string(number_) + "; fetch it again", path_, cause);
    buffer_.resize(had + static_cast<std::size_t>(got));
    end_ = got == 0;
    file_->bytes += got;
    if (file_->bytes > kUncheckedBytes && !gzdirect(file_->handle) && file_->bytes / kLargestExpansion > gzoffset(file_->handle))
        throw Error(ErrorCode::BadInput, "expands to more than " + std::to_string(kLargestExpansion) + " times its size, which no table of counts does", path_);
}

bool LineReader::next(std::string_view& line) {
    std::size_t searched = at_;
    for (;;) {
        const auto newline = buffer_.find('\n', searched);
        if (newline != std::string::npos || end_) {
            const std::size_t stop = newline != std::string::npos ? newline : buffer_.size();
            if (newline == std::string::npos && at_ == buffer_.size()) return false;
            line = std::string_view(buffer_).substr(at_, stop - at_);
            at_ = newline != std::string::npos ? newline + 1 : buffer_.size();
            ++number_;
            if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
            if (line.find('\0') != std::string_view::npos) fail("this is not a text file");
            if (number_ == 1 && line.substr(0, 3) == "\xef\xbb\xbf") line.remove_prefix(3);
            return true;
        }
        searched = buffer_.size() - at_;
        fill();  // moves what is left to the front
    }
}

char delimiter_of(std::string_view line) {
    if (line.find('\t') != std::string_view::npos) return '\t';
    if (line.find(',') != std::string_view::npos) return ',';
    return line.find(';') != std::string_view::npos ? ';' : ' ';
}

void split(std::string_view line, char delimiter, std::vector<std::string_view>& fields) {
    fields.clear();
    for (;;) {
        const auto end = line.find(delimiter);
        auto field = line.substr(0, end);
        if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = field.substr(1, field.size() - 2);
        fields.push_back(field);
        if (end == std::string_view::npos) return;
        line.remove_prefix(end + 1);
    }
}

bool parse_number(std::string_view text, double& value) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    return failed == std::errc{} && end == text.data() + text.size() && std::isfinite(value);
}

bool is_gzip(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return in.get() == 0x1f && in.get() == 0x8b;
}

}  // namespace c2l
