#include "generate/out_of_memory.h"

#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "base/error.h"

namespace c2l::generate {

bool lacks_memory(const c10::Error& error) {
    if (dynamic_cast<const c10::OutOfMemoryError*>(&error)) return true;
    const std::string text = error.what_without_backtrace();
    return text.find("can't allocate memory") != std::string::npos || text.find("out of memory") != std::string::npos;
}

namespace {

bool fits(const std::function<void(int)>& attempt, int batch) {
    try {
        attempt(batch);
        return true;
    } catch (const c10::Error& error) {
        if (!lacks_memory(error)) throw;
    } catch (const std::bad_alloc&) {
    }
    return false;
}

}  // namespace

int halve_when_out_of_memory(const char* what, int batch, int least, const JobContext& ctx, const std::function<void(int batch)>& attempt) {
    while (!fits(attempt, batch)) {
        const int half = batch / 2;
        if (half < least)
            throw Error(ErrorCode::Memory, std::string("there is too little memory for the ") + what + " even with batches of " + std::to_string(batch) +
                                                    "; close other programs or take a machine with more");
        ctx.issue({Severity::Warning, std::string("the ") + what + " ran out of memory with batches of " + std::to_string(batch) + " and starts again with " +
                                          std::to_string(half), {}});
        batch = half;
    }
    return batch;
}

}  // namespace c2l::generate
