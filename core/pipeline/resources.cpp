#include "pipeline/resources.h"

#include <cstdlib>

#include "base/error.h"

namespace c2l {

namespace fs = std::filesystem;

fs::path resources_folder() {
    std::error_code failed;
    if (const char* set = std::getenv("C2L_RESOURCES"); set && *set) return set;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    for (const char* relative : {"../../../resources", "../share/c2l-studio"}) {
        const fs::path folder = (program.parent_path() / relative).lexically_normal();
        if (fs::is_directory(folder / "models", failed)) return folder;
    }
    return {};
}

fs::path central_weights(const fs::path& given) {
    std::error_code failed;
    if (!given.empty()) {
        if (!fs::is_regular_file(given, failed) && !fs::is_regular_file(given / "manifest.json", failed))
            throw Error(ErrorCode::NotFound, "there is no such file or model pack; give the weights of a central model, or the folder of a model pack", given);
        return given;
    }
    const fs::path folder = resources_folder();
    const fs::path shipped = folder / "models" / "central-tiny" / "central-tiny.safetensors";
    if (folder.empty() || !fs::is_regular_file(shipped, failed))
        throw Error(ErrorCode::NotFound, "the shipped central model was not found; give one with --central, or set C2L_RESOURCES", shipped);
    return shipped;
}

fs::path outside_encoder_weights(const fs::path& given) {
    std::error_code failed;
    if (!given.empty()) {
        if (!fs::is_regular_file(given, failed)) throw Error(ErrorCode::NotFound, "there is no such file; give the weights of a tile encoder", given);
        return given;
    }
    const char* shared = std::getenv("C2L_SHARED");
    if (!shared || !*shared) return {};
    const fs::path found = fs::path(shared) / "weights" / "squeezenet1_0_dc" / "squeezenet1_0_rgb01.safetensors";
    return fs::is_regular_file(found, failed) ? found : fs::path();
}

}  // namespace c2l
