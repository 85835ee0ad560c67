// The record (JSON) that lies in every artifact of a project's folder.
#include "fuzz/fuzz.h"
#include "project/store.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    std::filesystem::create_directories(folder.path() / "fit-0123456789abcdef");
    folder.write("fit-0123456789abcdef/provenance.json", fuzz::view(data, size));
    fuzz::refused_or_read([&] {
        const ArtifactStore store(folder.path());
        for (const auto& artifact : store.list("")) store.find(artifact.id);
    });
    return 0;
}
