// A smooth known image, so that every pixel that comes back can be checked against its place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/image.h"

namespace c2l::test {

// Channel c at level-0 pixel (x, y); smooth enough for JPEG to keep within a few grey values.
double synthetic(double x, double y, int c);
Image synthetic_image(int width, int height);
void write_synthetic_pyramid(const std::filesystem::path& path, int width, int height, std::optional<double> mpp);

// The error that `call` throws; fails the test (returns nothing) when it throws none or something else.
std::optional<Error> error_of(const std::function<void()>& call);

// For the user: one sentence, no line break, and it says something.
bool is_one_sentence(const Error& error);

int files_in(const std::filesystem::path& folder);
std::string slurp(const std::filesystem::path& path);
void spill(const std::filesystem::path& path, const std::string& data);

}  // namespace c2l::test
