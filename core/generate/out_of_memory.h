// A batch that does not fit is halved and the user is told, rather than the work being lost.
#pragma once

#include <c10/util/Exception.h>

#include <functional>

#include "base/job.h"

namespace c2l::generate {

// Whether this is lack of memory, of a GPU or of the machine: LibTorch's CPU allocator has no exception type of its own.
bool lacks_memory(const c10::Error& error);

// Calls `attempt` with the batch, with half of it after each failure for lack of memory (of a GPU or of the machine), down to `least`; each
// halving is one Issue. Every other exception, and lack of memory at the least batch as Error(Memory), goes to the caller.
// Returns the batch that fitted. `what` names the work in the messages ("adaptation").
int halve_when_out_of_memory(const char* what, int batch, int least, const JobContext& ctx, const std::function<void(int batch)>& attempt);

}  // namespace c2l::generate
