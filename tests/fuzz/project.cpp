// A project file that somebody sent: the SQLite file and what its columns say.
#include "fuzz/fuzz.h"
#include "project/project.h"

using namespace c2l;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Folder folder;
    const auto file = folder.write("fuzzed.c2l", fuzz::view(data, size));
    fuzz::refused_or_read([&] {
        const auto project = Project::open(file, Project::Mode::Read);
        project->slides();
        project->spots();
        project->setting("view");
        project->artifacts();
    });
    return 0;
}
