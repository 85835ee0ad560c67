#include "base/error.h"

namespace c2l {

std::string_view to_string(ErrorCode code) {
    switch (code) {
        case ErrorCode::BadInput: return "bad_input";
        case ErrorCode::NotFound: return "not_found";
        case ErrorCode::Unsupported: return "unsupported";
        case ErrorCode::Mismatch: return "mismatch";
        case ErrorCode::Io: return "io";
        case ErrorCode::Memory: return "memory";
        case ErrorCode::Stopped: return "stopped";
        case ErrorCode::Internal: return "internal";
    }
    return "internal";
}

std::string Error::line() const {
    std::string text;
    if (!path_.empty()) text += path_.string() + ": ";
    text += what();
    if (!cause_.empty()) text += " (" + cause_ + ")";
    return text;
}

}  // namespace c2l
