#include "c2l/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <system_error>
#include <thread>

namespace c2l {
namespace {

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

struct Watch {
    std::stop_source stop;
};

void* wait_for_signals(void* argument) {
    auto* watch = static_cast<Watch*>(argument);
    const sigset_t set = stop_signals();
    int signal = 0;
    while (sigwait(&set, &signal) == 0)
        // Only a person who insists ends it before it has saved its work: launchers of several processes send more than one SIGTERM.
        if (!watch->stop.request_stop() && signal == SIGINT) _exit(130);
    return nullptr;
}

}  // namespace

void block_stop_signals() {
    const sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of the write, not the end of the program
}

std::stop_source watch_stop_signals() {
    // A plain thread that is never joined: it sleeps in sigwait until the process ends, and owns what it touches.
    static Watch* watch = new Watch;
    pthread_t thread;
    if (const int failed = pthread_create(&thread, nullptr, wait_for_signals, watch))
        throw std::system_error(failed, std::generic_category(), "a thread for signals cannot be started");
    return watch->stop;
}

}  // namespace c2l
