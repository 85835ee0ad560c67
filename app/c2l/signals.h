// SIGINT and SIGTERM become a stop request; a second one ends the program at once.
#pragma once

#include <stop_token>

namespace c2l {

// Call before any other thread starts, so that all of them leave these signals to the one that waits for them.
void block_stop_signals();
// Starts the waiting thread. It lives as long as the program.
std::stop_source watch_stop_signals();

}  // namespace c2l
