// Annotations as QuPath writes them. What is read must come back from its own writing: the same objects, and then the same text.
#include "annotation/read.h"
#include "fuzz/fuzz.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::refused_or_read([&] {
        const auto set = parse_geojson(std::string(fuzz::view(data, size)), "fuzzed");
        const std::string written = to_geojson(set);
        const auto again = parse_geojson(written, "written");
        if (again.annotations.size() != set.annotations.size() || to_geojson(again) != written) std::abort();
    });
    return 0;
}
