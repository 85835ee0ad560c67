// Annotations as ASAP writes them; what is read can be written as GeoJSON and read again.
#include "annotation/read.h"
#include "fuzz/fuzz.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::refused_or_read([&] {
        const auto set = parse_asap_xml(fuzz::view(data, size), "fuzzed");
        if (parse_geojson(to_geojson(set), "written").annotations.size() != set.annotations.size()) std::abort();
    });
    return 0;
}
