#pragma once

#include <stop_token>

namespace c2l {

// Serves the worker protocol until stdin ends, a shutdown is asked for, or a stop signal arrives. Returns the exit code.
int run_worker(std::stop_token stop);

}  // namespace c2l
