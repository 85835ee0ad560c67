// Real data for tests: $C2L_SHARED, else ../shared beside the checkout. Absent data skips a test by name.
#pragma once

#include <QTest>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace c2l::test {

inline std::filesystem::path shared_data(const std::string& relative) {
    const char* set = std::getenv("C2L_SHARED");
    const auto root = set ? std::filesystem::path(set) : std::filesystem::path(C2L_SOURCE_DIR) / ".." / "shared";
    return (root / relative).lexically_normal();
}

}  // namespace c2l::test

// Use first in a test function: C2L_REAL_DATA(slide, "data/her2st/images/C4.jpg") declares `slide` or skips.
#define C2L_REAL_DATA(name, relative)                                      \
    const std::filesystem::path name = c2l::test::shared_data(relative);   \
    if (!std::filesystem::exists(name)) QSKIP("SKIPPED: " relative " is not at hand (set C2L_SHARED)")
