// The header of weights files: what is accepted must describe tensors that lie in the file, one after the other.
#include "fuzz/fuzz.h"
#include "nn/safetensors_header.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    c2l::fuzz::refused_or_read([&] {
        const auto header = c2l::nn::parse_safetensors_header(reinterpret_cast<const char*>(data), size, size, "fuzzed");
        std::uint64_t bytes = 0;
        for (const auto& [name, entry] : header.entries) {
            if (entry.end < entry.begin || entry.end > size - header.data_offset) std::abort();
            for (const auto side : entry.shape)
                if (side < 0) std::abort();
            bytes += entry.end - entry.begin;
        }
        if (header.data_offset + bytes != size) std::abort();
    });
    return 0;
}
