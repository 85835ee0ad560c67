// Where the shipped weights lie; private to core/pipeline.
#pragma once

#include <filesystem>

namespace c2l {

// $C2L_RESOURCES, else beside the program: resources/ of a source tree it was built in, share/c2l-studio of an installation.
// Empty when there is none.
std::filesystem::path resources_folder();
// `given`, else the shipped central model; throws Error(NotFound) with what to do.
std::filesystem::path central_weights(const std::filesystem::path& given);
// An encoder that had no part in training the models here: `given`, else SqueezeNet 1.0 of ImageNet in $C2L_SHARED, else empty.
// Throws Error(NotFound) when the given one is not there.
std::filesystem::path outside_encoder_weights(const std::filesystem::path& given);

}  // namespace c2l
