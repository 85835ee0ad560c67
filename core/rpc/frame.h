// Content-Length framing, as in the Language Server Protocol: "Content-Length: N\r\n\r\n" and N bytes of UTF-8 JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace c2l::rpc {

constexpr std::size_t kMaxFrame = std::size_t{64} << 20;
constexpr std::size_t kMaxHeader = 4096;

std::string frame(std::string_view payload);

// Cuts a stream of bytes, in pieces of any size, into payloads. Not thread-safe. Malformed input is never fatal: the bad
// frame is reported and the reader goes on at the next header it can recognise.
class FrameReader {
public:
    struct Item {
        std::string payload;  // valid when `error` is empty
        std::string error;    // what was wrong with the frame
    };
    std::vector<Item> feed(std::string_view bytes);

private:
    bool take_header(std::vector<Item>& items);
    bool take_payload(std::vector<Item>& items);

    std::string buffer_;
    std::size_t wanted_ = 0;     // bytes of the payload being read
    std::size_t skipping_ = 0;   // bytes of an oversized payload still to be thrown away
    bool in_payload_ = false;
    bool lost_ = false;          // garbage was reported; silent until the next header
};

}  // namespace c2l::rpc
