// What the window hears from a worker: frames in pieces of any size, then messages. The frames must not depend on the pieces.
#include "fuzz/fuzz.h"
#include "rpc/frame.h"
#include "rpc/message.h"

using namespace c2l;

namespace {

std::vector<rpc::FrameReader::Item> in_pieces(std::string_view bytes, std::size_t piece) {
    rpc::FrameReader reader;
    std::vector<rpc::FrameReader::Item> items;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
        for (auto& item : reader.feed(bytes.substr(at, piece))) items.push_back(std::move(item));
    return items;
}

void read(const std::string& payload) {
    const auto incoming = rpc::read_incoming(payload);
    if (!incoming.value.is_object()) return;
    rpc::read_progress(incoming.value);
    rpc::read_losses(incoming.value);
    rpc::read_preview(incoming.value);
    rpc::read_issue(incoming.value);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto bytes = fuzz::view(data + 1, size - 1);
    const auto whole = in_pieces(bytes, bytes.size() + 1), cut = in_pieces(bytes, data[0] % 16 + 1u);
    std::vector<std::string> a, b;
    for (const auto& item : whole)
        if (item.error.empty()) a.push_back(item.payload), read(item.payload);
    for (const auto& item : cut)
        if (item.error.empty()) b.push_back(item.payload);
    if (a != b) std::abort();
    read(std::string(bytes));
    return 0;
}
