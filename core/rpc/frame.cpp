#include "rpc/frame.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace c2l::rpc {
namespace {

constexpr std::string_view kName = "content-length:";

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

enum class Header { Good, Bad, Absent };

// The value of Content-Length among header lines; Bad when it is not a number or is given twice.
Header content_length(std::string_view header, std::size_t& length) {
    Header found = Header::Absent;
    while (!header.empty()) {
        const auto end = header.find('\n');
        std::string_view line = header.substr(0, end);
        header = end == std::string_view::npos ? std::string_view() : header.substr(end + 1);
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.size() < kName.size() || !std::equal(kName.begin(), kName.end(), line.begin(), [](char a, char b) { return a == lower(b); }))
            continue;
        line.remove_prefix(kName.size());
        while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
        while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
        const auto [stop, code] = std::from_chars(line.data(), line.data() + line.size(), length);
        if (found != Header::Absent || code != std::errc() || stop != line.data() + line.size()) return Header::Bad;
        found = Header::Good;
    }
    return found;
}

// Where the next header may start at or after `from`: the name of its one field, whatever the case of its letters.
std::size_t find_name(std::string_view text, std::size_t from) {
    const auto at = std::search(text.begin() + static_cast<std::ptrdiff_t>(std::min(from, text.size())), text.end(), kName.begin(), kName.end(),
                                [](char a, char b) { return lower(a) == b; });
    return at == text.end() ? std::string_view::npos : static_cast<std::size_t>(at - text.begin());
}

}  // namespace

std::string frame(std::string_view payload) {
    std::string out = "Content-Length: " + std::to_string(payload.size()) + "\r\n\r\n";
    out += payload;
    return out;
}

std::vector<FrameReader::Item> FrameReader::feed(std::string_view bytes) {
    std::vector<Item> items;
    const std::size_t skip = std::min(skipping_, bytes.size());
    skipping_ -= skip;
    bytes.remove_prefix(skip);
    buffer_ += bytes;
    while (in_payload_ ? take_payload(items) : take_header(items)) {
    }
    return items;
}

bool FrameReader::take_payload(std::vector<Item>& items) {
    if (buffer_.size() < wanted_) return false;
    items.push_back({buffer_.substr(0, wanted_), {}});
    buffer_.erase(0, wanted_);
    in_payload_ = false;
    return true;
}

bool FrameReader::take_header(std::vector<Item>& items) {
    const auto report = [&](const char* text) {
        if (!lost_) items.push_back({{}, text});
        lost_ = true;
    };
    const auto end = buffer_.find("\r\n\r\n");
    if (end == std::string::npos || end > kMaxHeader) {
        if (buffer_.size() <= kMaxHeader) return false;
        report("the header of a message is longer than 4096 bytes");
        const auto next = find_name(buffer_, 1);
        const bool more = next != std::string::npos;
        buffer_.erase(0, more ? next : buffer_.size() - kName.size());
        return more;
    }
    std::size_t length = 0;
    const Header header = content_length(std::string_view(buffer_).substr(0, end), length);
    if (header != Header::Good) {
        report("the header of a message has no valid Content-Length");
        // A good header may follow bytes that belong to no frame.
        const auto next = header == Header::Absent ? find_name(std::string_view(buffer_).substr(0, end), 1) : std::string::npos;
        buffer_.erase(0, next == std::string::npos ? end + 4 : next);
        return !buffer_.empty();
    }
    buffer_.erase(0, end + 4);
    lost_ = false;
    if (length > kMaxFrame) {
        items.push_back({{}, "a message is larger than 64 MB"});
        const std::size_t here = std::min(length, buffer_.size());
        buffer_.erase(0, here);
        skipping_ = length - here;
        return skipping_ == 0;
    }
    wanted_ = length;
    in_payload_ = true;
    return true;
}

}  // namespace c2l::rpc
