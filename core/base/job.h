// What a long step gets besides its inputs: a way to be stopped, and sinks for progress, previews and issues.
//
// A step blocks its caller, runs on the thread it is called on, and checks `stop` at least once per batch or tile.
// Sinks are called from the step's thread, never while a lock is held; an empty sink is ignored.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <stop_token>
#include <string>
#include <vector>

#include "base/issue.h"

namespace c2l {

struct Progress {
    std::string step;  // "adapt", "synthesize", "predict", …
    std::int64_t done = 0;
    std::int64_t total = 0;                                  // 0: unknown
    double eta_s = std::numeric_limits<double>::quiet_NaN();  // seconds left; NaN: unknown
    double loss = std::numeric_limits<double>::quiet_NaN();   // training or held-out loss; NaN: none at this point
    bool held_out = false;                                   // the loss is of held-out spots
    std::uint64_t memory_bytes = 0;                          // peak resident set of this process
    std::string message;                                     // one short phrase, may be empty
};

struct Preview {
    std::string step;
    std::int64_t done = 0;
    std::vector<std::string> paths;  // PNG files, already written
};

struct JobContext {
    std::stop_token stop;
    std::function<void(const Progress&)> on_progress;
    std::function<void(const Preview&)> on_preview;
    std::function<void(const Issue&)> on_issue;

    void check_stop() const;  // throws Error(Stopped) when a stop was asked for
    void progress(const Progress& p) const { if (on_progress) on_progress(p); }
    void preview(const Preview& p) const { if (on_preview) on_preview(p); }
    void issue(const Issue& i) const { if (on_issue) on_issue(i); }
};

// Estimates the time left from the speed since construction; not thread-safe.
class EtaClock {
public:
    EtaClock();
    double eta_s(std::int64_t done, std::int64_t total) const;  // NaN until something is done
    double elapsed_s() const;

private:
    std::int64_t start_ns_;
};

std::uint64_t peak_memory_bytes();     // peak resident set of this process; 0 where the system does not say
void reset_peak_memory();              // starts a new peak measurement where the system allows it
std::uint64_t available_memory_bytes();  // what can still be taken without swapping; 0 unknown

}  // namespace c2l
