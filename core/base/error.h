// The one exception type of the core.
//
// The message is written for the user: what went wrong, where, and what to do next; one sentence, no full stop needed.
// Each module that wraps a library translates that library's errors into this type. Core never prints and never aborts.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace c2l {

enum class ErrorCode {
    BadInput,     // a file or value is malformed or inconsistent
    NotFound,     // a file, gene, spot or artifact does not exist
    Unsupported,  // valid, but this program cannot handle it
    Mismatch,     // two inputs that do not belong together (weights/architecture, spots/counts …)
    Io,           // reading or writing failed
    Memory,       // not enough memory for the request
    Stopped,      // the user asked to stop; a checkpoint may exist
    Internal,     // a bug of ours
};

std::string_view to_string(ErrorCode code);  // "bad_input", "not_found", … (stable, used in JSON)

class Error : public std::runtime_error {
public:
    Error(ErrorCode code, const std::string& message, std::filesystem::path path = {}, std::string cause = {})
        : std::runtime_error(message), code_(code), path_(std::move(path)), cause_(std::move(cause)) {}

    ErrorCode code() const { return code_; }
    const std::filesystem::path& path() const { return path_; }  // the file concerned, empty when none
    const std::string& cause() const { return cause_; }          // the library's own words, empty when none

    // One line for the terminal: "PATH: message (cause)".
    std::string line() const;

private:
    ErrorCode code_;
    std::filesystem::path path_;
    std::string cause_;
};

}  // namespace c2l
