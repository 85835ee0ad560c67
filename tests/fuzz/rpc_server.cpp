// The worker's end of the protocol: any bytes on its input are answered with well-formed frames of valid JSON.
#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.h"
#include "rpc/server.h"

using namespace c2l;
using nlohmann::json;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string written;
    rpc::Service service;
    service.capabilities = {{"program", "fuzzed"}};
    service.has = [](const std::string& method) { return method == "adapt" || method == "refuse"; };
    service.check = [](const std::string& method, const json&) {
        if (method == "refuse") throw Error(ErrorCode::BadInput, "is refused");
    };
    service.run = [](const std::string&, const json& params, const JobContext&) { return params; };
    {
        auto input = fuzz::view(data, size);
        rpc::Server server(service, [&](std::string_view frame) { written += frame; });
        server.serve([&](char* buffer, std::size_t most) {
            const auto n = std::min({most, input.size(), std::size_t{97}});
            std::memcpy(buffer, input.data(), n);
            input.remove_prefix(n);
            return n;
        });
    }
    rpc::FrameReader reader;
    for (const auto& item : reader.feed(written)) {
        if (!item.error.empty()) std::abort();
        if (!json::parse(item.payload, nullptr, false).is_object()) std::abort();
    }
    return 0;
}
