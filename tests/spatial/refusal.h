// The sentence with which something is refused; fails the test when it is accepted.
#pragma once

#include <QTest>
#include <QTemporaryDir>
#include <filesystem>
#include <functional>
#include <string>

#include "base/error.h"

namespace c2l::test {

inline std::string refusal(const std::function<void()>& attempt) {
    try {
        attempt();
    } catch (const Error& e) {
        return e.line();
    } catch (const std::exception& e) {
        return std::string("wrong type of error: ") + e.what();
    }
    return "accepted";
}

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Folder {
    QTemporaryDir dir;
    std::filesystem::path operator/(const std::string& name) const { return std::filesystem::path(dir.path().toStdString()) / name; }
    std::filesystem::path path() const { return dir.path().toStdString(); }
};

}  // namespace c2l::test

#define C2L_REFUSED(sentence, ...)                                                             \
    do {                                                                                       \
        const std::string said = c2l::test::refusal([&] { __VA_ARGS__; });                     \
        QVERIFY2(c2l::test::has(said, sentence), said.c_str());                                \
    } while (false)
